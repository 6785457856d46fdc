"""Changes a query's text the way a click asks for: one more condition on a label."""

from __future__ import annotations

from meshseal.model.errors import QueryError
from meshseal.query.logql.lexer import Kind, Token, tokenize

_CATCH_ALL = (".+", ".*")


def quoted(value: str) -> str:
    """Return a value as a string of the query language."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    for character, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(character, escape)
    return f'"{escaped}"'


def with_condition(query: str, label: str, op: str, value: str, *, parsed: bool = False) -> str:
    """Return a query with one more condition.

    It goes into the selector, in the place of one that takes any value of the label. A label that
    only a parser finds is not there yet: its condition goes behind the pipeline.

    Args:
        query: The query's text.
        label: The label.
        op: `=` or `!=`.
        value: The value.
        parsed: Whether a parser finds the label.
    """
    condition = f"{label}{op}{quoted(value)}"
    try:
        tokens = tokenize(query)
    except QueryError:
        return query
    if parsed:
        # A comment would swallow what follows on its line.
        return f"{query.rstrip()}{chr(10) if '#' in query else ' '}| {condition}"
    opening, closing = _selector(tokens)
    if closing is None:
        return query
    if op == "=":
        replaced = _catch_all(tokens[opening + 1 : closing], label)
        if replaced:
            first, last = replaced
            end = last.position + len(last.text)
            return query[: first.position] + condition + query[end:]
    end = tokens[closing].position
    separator = ", " if closing > opening + 1 and tokens[closing - 1].text != "," else ""
    return f"{query[:end].rstrip()}{separator}{condition}{query[end:]}"


def searching(text: str) -> str:
    """Return the query that looks for a text in every line."""
    return f'{{service_name=~".+"}} |= {quoted(text)}'


def _selector(tokens: list[Token]) -> tuple[int, int | None]:
    """Return where the first selector's braces are among the tokens."""
    opening = 0
    for at, token in enumerate(tokens):
        if token.kind is Kind.SYMBOL and token.text == "{":
            opening = at
        elif token.kind is Kind.SYMBOL and token.text == "}":
            return opening, at
    return opening, None


def _catch_all(tokens: list[Token], label: str) -> tuple[Token, Token] | None:
    """Return the first and last token of `label=~".+"`, if it is there."""
    for name, op, value in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if name.text == label and op.text == "=~" and value.value in _CATCH_ALL:
            return name, value
    return None
