"""Platforms: one module per social network, all behind `bot.platforms.base.Platform`."""
