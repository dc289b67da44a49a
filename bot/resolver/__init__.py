"""Resolver: from a post or URL to media files on this machine, safe with strangers' links."""
