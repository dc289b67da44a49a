"""What people read: reply texts, web pages, the verdict card. Data, read through importlib.resources."""
