"""Stand-ins for the platforms' servers: they keep state, speak the real protocol, and fail on demand.

For tests, and for operators' rehearsals: `veritag stand-in NAME`. What each can do is in its own package.
"""
