"""Floor 13: what answers at the listeners, one file per dialect."""
