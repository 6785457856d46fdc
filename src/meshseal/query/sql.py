"""SQL text with bound parameters. Values from a query only ever become parameters."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement and the values bound to it."""

    text: str
    parameters: dict[str, object]


@dataclass(slots=True)
class Binder:
    """Collects the values of one statement; the same value is bound once."""

    parameters: dict[str, object] = field(default_factory=dict)
    _names: dict[tuple[str, object], str] = field(default_factory=dict)

    def text(self, value: str) -> str:
        """Return the placeholder of a string."""
        return self._bind("String", value)

    def integer(self, value: int) -> str:
        """Return the placeholder of a 64-bit integer."""
        return self._bind("Int64", value)

    def number(self, value: float) -> str:
        """Return the placeholder of a floating-point number."""
        return self._bind("Float64", value)

    def texts(self, values: tuple[str, ...]) -> str:
        """Return the placeholder of an array of strings."""
        return self._bind("Array(String)", values)

    def integers(self, values: tuple[int, ...]) -> str:
        """Return the placeholder of an array of 64-bit integers."""
        return self._bind("Array(Int64)", values)

    def _bind(self, type_: str, value: object) -> str:
        key = (type_, repr(value))
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"p{len(self._names)}"
            self.parameters[name] = list(value) if isinstance(value, tuple) else value
        return f"{{{name}:{type_}}}"
