"""Floor 4: what was received and is not stored yet, encrypted on disk.

The reply to a sender leaves only when its envelope is in here and fsynced; a segment leaves only
when its records are stored and sealed.
"""
