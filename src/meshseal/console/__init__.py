"""Floor 14: the console, pages rendered by the server."""
