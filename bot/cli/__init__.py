"""The command line: `main` is the process's edge, one module for each command."""

from bot.cli.edge import main

__all__ = ["main"]
