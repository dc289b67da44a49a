"""Decoding of strangers' files, in a child process that may die without harm.

    engine ── Decoder ══ socket, file descriptors ══▶ child: sandbox, then probe and decode
                 ◀══ JSON header, raw arrays in memory files ══

The child is given an open file and three empty memory files, never a name. Nothing that it sends is
unpickled.
"""
