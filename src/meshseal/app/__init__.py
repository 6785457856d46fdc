"""Floor 15: configuration and wiring, the only place where all floors meet."""
