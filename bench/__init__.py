"""`make bench`: what Meshseal does, against what the engine alone can do on the same machine."""
