"""The bot: platforms, resolver, loops, console, configuration and commands."""
