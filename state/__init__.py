"""State: rows in one SQLite file. Knows nothing of torch or the network."""
