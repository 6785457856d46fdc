"""Floor 9: queries. Text becomes one frozen tree; the tree becomes SQL with bound parameters."""
