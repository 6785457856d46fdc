"""LogQL: Loki's query language.

Source: grafana/loki, docs/sources/query (behaviour; the parser is our own).
"""

from meshseal.query.logql.parser import parse

__all__ = ["parse"]
