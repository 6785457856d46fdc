"""SQL expressions that share parts, written as nested SELECTs that compute each part once.

ClickHouse analyses a statement anew each time, and pays for every column of every level and for
every second use of an alias. So what is used more than once gets a level of its own, and each level
is handed on as one tuple.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping


class Expression:
    """A piece of SQL over other pieces; equal by identity, so that a part that is shared is known.

    Args:
        parts: SQL text, and expressions in between.
        column: Whether it is a column, or as cheap as one: it needs no level, however often used.
        spread: Whether the engine writes its parts out more than once.
    """

    __slots__ = ("column", "parts", "spread")

    def __init__(
        self, *parts: str | Expression, column: bool = False, spread: bool = False
    ) -> None:
        self.parts = parts
        self.column = column
        self.spread = spread

    def children(self) -> Iterator[Expression]:
        """Yield the expressions it is made of, each as often as it is used."""
        for part in self.parts:
            if isinstance(part, Expression):
                yield part


def sql(*parts: str | Expression) -> Expression:
    """Return an expression of these parts."""
    return Expression(*parts)


def column(name: str) -> Expression:
    """Return the expression of a column."""
    return Expression(name, column=True)


def call(name: str, *arguments: str | Expression) -> Expression:
    """Return the call of a function that is written in SQL: the engine writes it out in place."""
    parts: list[str | Expression] = [f"{name}("]
    for number, argument in enumerate(arguments):
        parts += [", ", argument] if number else [argument]
    return Expression(*parts, ")", spread=True)


def joined(separator: str, expressions: list[Expression]) -> Expression:
    """Return the expressions with a separator in between."""
    parts: list[str | Expression] = []
    for expression in expressions:
        parts += [separator, expression] if parts else [expression]
    return Expression(*parts)


def select(outputs: Mapping[str, Expression], source: str) -> str:
    """Return the SELECT of outputs over a source, in which each shared part is computed once.

    Args:
        outputs: Each column's name, quoted where it must be, and its expression.
        source: What is selected from: a table's name, or a SELECT in brackets.
    """
    levels = _levels(outputs)
    names: dict[Expression, str] = {}
    for number, members in enumerate(levels, 1):
        listed = ",\n        ".join(_text(member, names, top=True) for member in members)
        source = f"(\nSELECT\n    *,\n    tuple(\n        {listed}) AS l{number}\nFROM {source})"
        for place, member in enumerate(members, 1):
            names[member] = f"l{number}.{place}"
    listed = ",\n    ".join(
        f"{_text(expression, names)} AS {name}" for name, expression in outputs.items()
    )
    return f"SELECT\n    {listed}\nFROM {source}"


def _levels(outputs: Mapping[str, Expression]) -> list[list[Expression]]:
    """Return what is used more than once, by how deep it stands on others of the kind."""
    uses: Counter[Expression] = Counter()
    order: list[Expression] = []

    def visit(expression: Expression) -> None:
        uses[expression] += 1
        if uses[expression] == 1:
            for child in expression.children():
                visit(child)
                uses[child] += expression.spread
            order.append(expression)

    for output in outputs.values():
        visit(output)
    depths: dict[Expression, int] = {}
    levels: list[list[Expression]] = []
    for expression in order:
        depth = max((depths[child] for child in expression.children()), default=0)
        if uses[expression] > 1 and not expression.column:
            levels += [[]] * (depth + 1 - len(levels))
            levels[depth] = [*levels[depth], expression]
            depth += 1
        depths[expression] = depth
    return levels


def _text(expression: Expression, names: Mapping[Expression, str], *, top: bool = False) -> str:
    if expression in names and not top:
        return names[expression]
    return "".join(
        part if isinstance(part, str) else _text(part, names) for part in expression.parts
    )
