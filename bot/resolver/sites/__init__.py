"""The sites: `table` says which there are and how each is asked; each is a module, imported when needed."""
