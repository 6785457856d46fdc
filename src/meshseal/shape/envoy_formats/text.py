"""How a line of text is cut into the values of its commands.

Nearly every line has no quote within its quoted values and no space within the others. Such a line
is cut at its quotes and spaces, which takes a seventh of the time of a regular expression. What
that does not fit, such as a user agent with quotes in it, is read by one: first by one that
takes words to be words; then by one that takes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from meshseal.shape.envoy_formats import literals
from meshseal.shape.envoy_formats.expressions import Expression, joined, sql
from meshseal.shape.envoy_formats.grammar import Command, Literal, Part
from meshseal.shape.envoy_formats.names import writes
from meshseal.shape.envoy_formats.operators import OPERATORS, Writes

Token = list[str | Command]
"""What stands between two spaces: literal text and commands."""

_DIRECTIVES_WITH_SPACES = ("%c", "%D", "%x", "%X", "%r", "%E", "%O", "%n", "%t", "%e", "%Z")


def commands(template: Sequence[Part]) -> list[Command]:
    """Return the commands of a template, in their order."""
    return [part for part in template if isinstance(part, Command)]


# ---- By regular expression ------------------------------------------------------------------


def pattern(template: Sequence[Part], *, lenient: bool = False) -> str:
    """Return the regular expression of a template's lines, with a group for each command.

    Args:
        template: The format's parts.
        lenient: Whether words may hold spaces and quotes too.
    """
    found = "^"
    for part, following in zip(template, [*template[1:], None], strict=True):
        if isinstance(part, Literal):
            found += literals.regex(part.text)
        else:
            after = following.text[0] if isinstance(following, Literal) else ""
            found += f"({_class(part, after, lenient=lenient)})"
    return found + "$"


def _class(command: Command, after: str, *, lenient: bool) -> str:
    kind = writes(command, OPERATORS[command.name])
    if kind is Writes.NUMBER:
        return "-?[0-9]*" if after not in "0123456789-" or not after else "-?[0-9]*?"
    if kind is Writes.WORD and not lenient:
        return '[^ "]*' if after in ' "' else '[^ "]*?'
    # Any byte, for what clients send need not be UTF-8.
    anything = '[^"]' if kind is Writes.PHRASE and not lenient else r"\C"
    return f"{anything}*" if not after else f"{anything}*?"


# ---- By quotes and spaces -------------------------------------------------------------------


@dataclass(slots=True)
class Cut:
    """How a template's lines are cut at quotes and spaces.

    Attributes:
        conditions: What must hold of a line.
        values: The value of each command, in their order.
    """

    conditions: list[Expression] = field(default_factory=list)
    values: list[Expression] = field(default_factory=list)


class Cutter:
    """Cuts lines. What several templates have in common is cut once.

    Args:
        line: The expression of the line.
    """

    def __init__(self, line: Expression) -> None:
        self._line = line
        self.pieces = sql("splitByChar('\"', ", line, ")")
        self._words: dict[int, Expression] = {}

    def cut(self, template: Sequence[Part]) -> Cut | None:
        """Return how a template's lines are cut; None where that cannot be told."""
        pieces = list(_pieces(template))
        quoted = len(pieces) > 1
        found = Cut()
        if quoted:
            found.conditions.append(sql("length(", self.pieces, f") = {len(pieces)}"))
        for number, tokens in enumerate(pieces, 1):
            piece = sql(self.pieces, f"[{number}]") if quoted else self._line
            if not self._piece(found, tokens, piece, number):
                return None
        return found

    def _piece(self, found: Cut, tokens: list[Token], piece: Expression, number: int) -> bool:
        if not any(isinstance(part, Command) for token in tokens for part in token):
            text = " ".join("".join(str(part) for part in token) for token in tokens)
            found.conditions.append(sql(piece, f" = {literals.text(text)}"))
            return True
        if len(tokens) == 1:
            return _token(found, tokens[0], piece)
        if number not in self._words:
            self._words[number] = sql("splitByChar(' ', ", piece, ")")
        words = self._words[number]
        widths = [_width(token) for token in tokens]
        if 0 in widths:
            return False
        found.conditions.append(sql("length(", words, f") = {sum(widths)}"))
        at = 1
        for token, width in zip(tokens, widths, strict=True):
            word = sql(words, f"[{at}]")
            if width > 1:
                word = sql("arrayStringConcat(arraySlice(", words, f", {at}, {width}), ' ')")
            if not _token(found, token, word):
                return False
            at += width
        return True


def _pieces(template: Sequence[Part]) -> Iterator[list[Token]]:
    """Yield what stands between the quotes of a template, each as its tokens."""
    tokens: list[Token] = [[]]
    for part in template:
        if isinstance(part, Command):
            tokens[-1].append(part)
            continue
        for index, quoted in enumerate(part.text.split('"')):
            if index:
                yield tokens
                tokens = [[]]
            for place, word in enumerate(quoted.split(" ")):
                if place:
                    tokens.append([])
                if word:
                    tokens[-1].append(word)
    yield tokens


def _width(token: Token) -> int:
    """Return how many words a token is; 0 where that is not known."""
    spaces = 0
    for part in token:
        if isinstance(part, Command) and OPERATORS[part.name].writes is Writes.TIME:
            argument = part.argument or ""
            if any(directive in argument for directive in _DIRECTIVES_WITH_SPACES):
                return 0
            spaces += argument.count(" ")
    return spaces + 1


def _token(found: Cut, token: Token, word: Expression) -> bool:
    """Add what a token says of a word; says whether that can be told."""
    held = [place for place, part in enumerate(token) if isinstance(part, Command)]
    if not held:
        found.conditions.append(sql(word, f" = {literals.text(_literal(token))}"))
        return True
    before, behind = _literal(token[: held[0]]), _literal(token[held[-1] + 1 :])
    if before:
        found.conditions.append(sql("startsWith(", word, f", {literals.text(before)})"))
    if behind:
        found.conditions.append(sql("endsWith(", word, f", {literals.text(behind)})"))
    first, both = len(before.encode()) + 1, len((before + behind).encode())
    if both:
        word = sql("substring(", word, f", {first}, length(", word, f") - {both})")
    inner = token[held[0] : held[-1] + 1]
    if len(held) == 1:
        found.values.append(word)
        return True
    return _several(found, inner, word)


def _several(found: Cut, token: Token, word: Expression) -> bool:
    """Add the values of the commands of a word that has several."""
    parts: list[Part] = []
    for part in token:
        if isinstance(part, Command):
            if parts and isinstance(parts[-1], Command):
                return False
            parts.append(part)
        elif parts and isinstance(parts[-1], Literal):
            parts[-1] = Literal(parts[-1].text + part)
        else:
            parts.append(Literal(part))
    groups = sql("extractGroups(", word, f", {literals.text(pattern(parts))})")
    found.conditions.append(sql("notEmpty(", groups, ")"))
    count = sum(isinstance(part, Command) for part in parts)
    found.values += [sql(groups, f"[{number}]") for number in range(1, count + 1)]
    return True


def _literal(token: Token) -> str:
    return "".join(str(part) for part in token)


# ---- Both -----------------------------------------------------------------------------------


def values(
    templates: Sequence[Sequence[Part]], orders: Sequence[Sequence[int]], line: Expression
) -> Expression:
    """Return an array with the value of each field of a line; empty where no template fits it.

    Args:
        templates: The formats that the line may be of, the most telling first.
        orders: For each field, the number of its command in each template, from 1; 0 for none.
        line: The expression of the line.
    """
    cutter = Cutter(line)
    cases: list[Expression] = []
    for template, order in zip(templates, orders, strict=True):
        if cut := cutter.cut(template):
            listed = [cut.values[number - 1] if number else sql("''") for number in order]
            cases += [joined(" AND ", cut.conditions), sql("[", joined(", ", listed), "]")]
    matched = [
        _ordered(sql("extractGroups(", line, f", {literals.text(regex)})"), template, order)
        for template, order in zip(templates, orders, strict=True)
        for regex in dict.fromkeys((pattern(template), pattern(template, lenient=True)))
    ]
    if len(matched) == 1:
        otherwise = matched[0]
    else:
        otherwise = sql("arrayFirst(found -> notEmpty(found), [", joined(", ", matched), "])")
    return sql("multiIf(", joined(", ", [*cases, otherwise]), ")") if cases else otherwise


def _ordered(found: Expression, template: Sequence[Part], order: Sequence[int]) -> Expression:
    if list(order) == list(range(1, len(commands(template)) + 1)):
        return found
    numbers = ", ".join(str(number) for number in order)
    return sql(
        "arrayMap(groups -> if(empty(groups), [], "
        f"arrayMap(number -> if(number = 0, '', groups[number]), [{numbers}])), [",
        found,
        "])[1]",
    )


def check(template: Sequence[Part], *, lenient: bool = False) -> str:
    """Return the SQL over `line` that says whether a line looks like one of a template.

    The cheap conditions come first; a regular expression is tried on what passes them alone.
    """
    conditions: list[str] = []
    first, last = template[0], template[-1]
    if isinstance(first, Literal):
        conditions.append(f"startsWith(line, {literals.text(first.text)})")
    if isinstance(last, Literal) and last is not first:
        conditions.append(f"endsWith(line, {literals.text(last.text)})")
    conditions.append(f"match(line, {literals.text(pattern(template, lenient=lenient))})")
    return " AND ".join(conditions)
