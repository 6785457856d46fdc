"""The configurations that `meshseal mesh config` prints: a register of fields, and templates."""
