"""Reads the text of an Envoy format: literals, and commands between percent signs.

```
format  = *(literal / "%%" / command)
command = "%" NAME ["(" argument ")"] [":" length] "%"
```

The argument ends at the first `)` that `%` or `:length%` follows, as in Envoy.

Source: envoyproxy/envoy, source/common/formatter/substitution_formatter.cc.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshseal.model.errors import FormatError

MAX_BYTES = 8192
MAX_COMMANDS = 100

_COMMAND = re.compile(r"%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%", re.DOTALL)
_NAME = re.compile(r"%([A-Za-z0-9_]*)")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands in every line as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, such as `%REQ(:METHOD):10%`.

    Attributes:
        name: Its name, `REQ`.
        argument: What is in its brackets; None where it has none.
        length: After how many bytes Envoy cuts the value; 0 is never.
        position: Where in the text it stands, from 1, for messages.
    """

    name: str
    argument: str | None = None
    length: int = 0
    position: int = 1

    def __str__(self) -> str:
        brackets = "" if self.argument is None else f"({self.argument})"
        return f"%{self.name}{brackets}{f':{self.length}' if self.length else ''}%"


Part = Literal | Command


def parse(text: str, where: str = "") -> tuple[Part, ...]:
    """Return the parts of a format: no two literals beside each other, none empty.

    Args:
        text: The format; the newline at its end that Envoy's own formats have is no part of it.
        where: What the text belongs to, for messages: ` of key 'path'`.

    Raises: FormatError, saying where and what.
    """
    text = text.removesuffix("\n").removesuffix("\r")
    _check(text, where)
    parts: list[Part] = []
    literal = ""
    at = 0
    while at < len(text):
        if text[at] != "%":
            literal += text[at]
            at += 1
        elif text.startswith("%%", at):
            literal += "%"
            at += 2
        else:
            found = _COMMAND.match(text, at)
            if not found:
                raise FormatError(_no_command(text, at, where))
            if literal:
                parts.append(Literal(literal))
            literal = ""
            name, argument, length = found.groups()
            parts.append(Command(name, argument, int(length or 0), at + 1))
            at = found.end()
    if literal:
        parts.append(Literal(literal))
    if sum(isinstance(part, Command) for part in parts) > MAX_COMMANDS:
        raise FormatError(f"the format{where} has more than {MAX_COMMANDS} operators")
    return tuple(parts)


def _check(text: str, where: str) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise FormatError(f"the format{where} is longer than {MAX_BYTES} bytes")
    if found := _CONTROL.search(text):
        raise FormatError(
            f"at character {found.start() + 1}{where}: a control character "
            f"(U+{ord(found[0]):04X}); a line holds none"
        )


def _no_command(text: str, at: int, where: str) -> str:
    found = _NAME.match(text, at)
    name = found[1] if found else ""
    place = f"at character {at + 1}{where}"
    if text.find("%", at + 1) < 0:
        return f"{place}: the percent sign is not closed; a percent sign of the text is written %%"
    if not name:
        return f"{place}: an operator's name must follow the percent sign, or a second one (%%)"
    if name != name.upper():
        return f"{place}: operators are written in capitals: %{name.upper()}%, not %{name}…"
    if text.startswith("(", at + 1 + len(name)):
        return f"{place}: the bracket of %{name}(… is not closed by )%"
    return f"{place}: %{name} must go on with (argument), :length or %"
