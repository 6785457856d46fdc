"""Floor 5: the SQL that turns payloads into records.

A payload becomes rows of the `raw` table (`sql/payload/`), each row's body is recognised as one of
the formats (`formats.py`), and one SELECT per format turns raw rows into records (`sql/format/`,
put together by `assemble.py`). `canonical.py` renders the form that is sealed.
"""
