"""Floor 1: who may do what, the keys, and the state that both are kept in."""
