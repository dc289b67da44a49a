"""`python -m bot.cli` is `veritag`."""

from bot.cli.edge import main

main()
