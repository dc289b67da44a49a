"""yt-dlp, which reads over a thousand sites, kept in a process that can do no harm.

    runner ──request──▶ child (yt-dlp; empty network namespace, limits, no environment, private folder)
       ▲ ◀──progress, result─┘ │ its only way out
       └──── listener ──▶ egress proxy (in our process: address rule, ports, byte cap) ──▶ the network

The child makes a listening socket in its own network namespace and hands it over; what connects to it is
served by our proxy. Where the kernel gives no namespace the same holds by an audit hook in the child.
"""
