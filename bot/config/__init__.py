"""Configuration: `load()` gives the effective `Settings` and says of each value where it is from."""

from bot.config.load import Configuration, load
from bot.config.model import Settings

__all__ = ["Configuration", "Settings", "load"]
