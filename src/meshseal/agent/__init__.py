"""Floor 14: what runs beside the logs. Few dependencies; nothing of the store, queries or APIs."""
