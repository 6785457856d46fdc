"""`make demo`: a server, and the traffic of a shop that runs on three platforms."""
