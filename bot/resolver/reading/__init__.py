"""What site modules share: URL forms as data, and readers of what sites answer with (JSON, pages, DASH).

Everything here is pure: text or bytes of strangers in, plain values or `ResolveError` out, in bounded time.
"""
