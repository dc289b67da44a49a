"""The read-only interface for programs, under `/api/v1`: what the bot was asked, found and answered."""
