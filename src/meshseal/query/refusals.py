"""What only shows when a query runs: the engine throws it, in the words of Loki and Prometheus."""

from __future__ import annotations

THROWN = 395
"""ClickHouse's code of what `throwIf` throws."""

DUPLICATE_LEFT, DUPLICATE_RIGHT = (
    f"found duplicate series on the {side} hand-side;many-to-many matching not allowed: "
    "matching labels must be unique on one side"
    for side in ("left", "right")
)
MANY_TO_ONE = (
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
)
NOT_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"
SAME_LABELS = "vector cannot contain metrics with the same labelset"

_ALL = (DUPLICATE_LEFT, DUPLICATE_RIGHT, MANY_TO_ONE, NOT_UNIQUE, SAME_LABELS)


def throw_if(condition: str, words: str) -> str:
    """Return SQL that is 0, or throws one of the refusals where a condition holds."""
    assert words in _ALL
    return f"throwIf({condition}, '{words}')"


def said(message: str) -> str:
    """Return the refusal in what the engine says, or nothing."""
    return next((words for words in _ALL if words in message), "")
