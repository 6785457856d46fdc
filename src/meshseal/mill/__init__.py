"""Floor 8: the mill. It takes a segment down the stair: decode, number, hash, store, seal.

Each step may be run again after a crash, and then does nothing twice.
"""
