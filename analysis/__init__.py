"""Analysis: one medium in, one verdict out, with the reasons. Knows nothing of platforms or SQLite."""
