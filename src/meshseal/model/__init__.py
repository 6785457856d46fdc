"""Floor 0: what every other floor speaks. Pure values, no I/O, no clocks."""
