"""How a line of text is cut into the values of its commands.

Nearly every line has no quote within its quoted values and no space within the others. Such a line
is cut at its quotes and spaces, which takes a tenth of the time of a regular expression. So is a
line with quotes in one value alone, as a user agent's: what stands behind that is counted from the
end. What neither fits is read by a regular expression: first by one that takes words to be words;
then by one that takes anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from meshseal.shape.envoy_formats import literals
from meshseal.shape.envoy_formats.expressions import Expression, column, joined, sql
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
        numbers: Those of them that must be numbers.
        words: Those of them that must hold no space, and might.
        strict: Whether what is cut so is what the regular expression that takes words to be words
            would find, if the numbers are numbers and the words have no spaces.
    """

    conditions: list[Expression] = field(default_factory=list)
    values: list[Expression] = field(default_factory=list)
    numbers: list[Expression] = field(default_factory=list)
    words: list[Expression] = field(default_factory=list)
    strict: bool = True


class Cutter:
    """Cuts lines. What several templates have in common is cut once.

    Args:
        line: The expression of the line.
    """

    def __init__(self, line: Expression) -> None:
        self._line = line
        self.pieces = sql("splitByChar('\"', ", line, ")")
        self._words: dict[int, Expression] = {}
        self._stretched: dict[tuple[int, int], Expression] = {}

    def cut(self, template: Sequence[Part], others: Sequence[Sequence[Part]] = ()) -> Cut | None:
        """Return how a template's lines are cut; None where that cannot be told.

        Args:
            template: The template.
            others: Those that a line is rather taken to be of.
        """
        pieces = list(_pieces(template))
        count = len(pieces)
        place = _stretching(pieces)
        found = Cut()
        for number, tokens in enumerate(pieces, 1):
            # What is behind the value that may have quotes in it is counted from the end.
            at = number - count - 1 if 0 < place < number else number
            piece = sql(self.pieces, f"[{at}]") if count > 1 else self._line
            if number == place:
                piece = self._stretch(place, count)
            if not self._piece(found, tokens, piece, at):
                return None
        if count > 1:
            exactly = sql("length(", self.pieces, f") = {count}")
            if place and found.strict:
                more = self._more(found, pieces, place, others)
                exactly = sql("(", exactly, " OR (", joined(" AND ", more), "))")
            found.conditions.insert(0, exactly)
        return found

    def _stretch(self, place: int, count: int) -> Expression:
        """Return the piece at a place, with the quotes that a line has more than its template."""
        if (place, count) not in self._stretched:
            pieces = self.pieces
            whole = sql("arraySlice(", pieces, f", {place}, length(", pieces, f") - {count - 1})")
            self._stretched[place, count] = sql(
                "if(length(", pieces, f") <= {count}, ", pieces, f"[{place}], ",
                "arrayStringConcat(", whole, ", '\"'))",
            )  # fmt: skip
        return self._stretched[place, count]

    def _more(
        self,
        found: Cut,
        pieces: Sequence[list[Token]],
        place: int,
        others: Sequence[Sequence[Part]],
    ) -> list[Expression]:
        """Return the conditions on a line with more quotes, all of them in one value.

        They see to it that the regular expressions would find the same: the value does not look as
        if it ended earlier, numbers are numbers, words are words, and no other template fits.
        """
        conditions = [sql("length(", self.pieces, f") > {len(pieces)}")]
        if place + 1 < len(pieces):
            end = literals.text(f'"{_plain(pieces[place])}"')
            value = self._stretch(place, len(pieces))
            conditions.append(sql("position(concat(", value, f", '\"'), {end}) = 0"))
        if found.numbers:
            listed = sql("concat(", joined(", ' ', ", [*found.numbers, sql("''")]), ")")
            conditions.append(sql("match(", listed, ", '^(-?[0-9]*[ ])*$')"))
        if found.words:
            listed = sql("concat(", joined(", ", [*found.words, sql("''")]), ")")
            conditions.append(sql("position(", listed, ", ' ') = 0"))
        for other in others:
            regex = literals.text(pattern(other, lenient=True))
            conditions.append(sql("NOT match(", self._line, f", {regex})"))
        return conditions

    def _piece(self, found: Cut, tokens: list[Token], piece: Expression, at: int) -> bool:
        if not _has_command(tokens):
            found.conditions.append(sql(piece, f" = {literals.text(_plain(tokens))}"))
            return True
        if len(tokens) == 1:
            return _token(found, tokens[0], piece, spaces=True)
        if at not in self._words:
            self._words[at] = sql("splitByChar(' ', ", piece, ")")
        words = self._words[at]
        widths = [_width(token) for token in tokens]
        if 0 in widths:
            return False
        found.conditions.append(sql("length(", words, f") = {sum(widths)}"))
        number = 1
        for token, width in zip(tokens, widths, strict=True):
            word = sql(words, f"[{number}]")
            if width > 1:
                word = sql("arrayStringConcat(arraySlice(", words, f", {number}, {width}), ' ')")
                found.strict = False
            if not _token(found, token, word, spaces=width > 1):
                return False
            number += width
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


def _has_command(tokens: list[Token]) -> bool:
    return any(isinstance(part, Command) for token in tokens for part in token)


def _plain(tokens: list[Token]) -> str:
    """Return the text of a piece that has no commands."""
    return " ".join(_literal(token) for token in tokens)


def _stretching(pieces: Sequence[list[Token]]) -> int:
    """Return the number of the piece whose value may have quotes in it, or 0.

    It is the user agent, or else the last that may be any text, and literal text stands behind it.
    """
    found = 0
    for number, (tokens, following) in enumerate(itertools.pairwise(pieces), 1):
        held = [part for token in tokens for part in token if isinstance(part, Command)]
        if number == 1 or len(tokens) > 1 or len(held) != 1 or _has_command(following):
            continue
        if writes(held[0], OPERATORS[held[0].name]) is Writes.TEXT:
            found = number
            if (held[0].argument or "").lower() == "user-agent":
                break
    return found


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


def _token(found: Cut, token: Token, word: Expression, *, spaces: bool) -> bool:
    """Add what a token says of a word, which may hold spaces; says whether that can be told."""
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
    if len(held) > 1:
        return _several(found, inner, word, spaces=spaces)
    _value(found, inner[0], word, spaces=spaces)
    return True


def _value(found: Cut, part: str | Command, value: Expression, *, spaces: bool) -> Writes:
    """Add the value of a command; says what it must be."""
    assert isinstance(part, Command)
    found.values.append(value)
    kind = writes(part, OPERATORS[part.name])
    if kind is Writes.NUMBER:
        found.numbers.append(value)
    elif kind is Writes.WORD and spaces:
        found.words.append(value)
    return kind


def _several(found: Cut, token: Token, word: Expression, *, spaces: bool) -> bool:
    """Add the values of the commands of a word that has several.

    Each ends where the text behind it stands first: where what is cut so is what it must be, that
    is what a regular expression finds too.
    """
    start = column("1")
    places = [place for place, part in enumerate(token) if isinstance(part, Command)]
    for place, following in itertools.pairwise(places):
        behind = _literal(token[place + 1 : following])
        if not behind:
            return False
        end = sql("position(", word, f", {literals.text(behind)}, ", start, ")")
        found.conditions.append(sql(end, " > 0"))
        value = sql("substring(", word, ", ", start, ", ", end, " - (", start, "))")
        _checked(found, token[place], value, spaces=spaces)
        start = Expression(end, f" + {len(behind.encode())}", column=True)
    _checked(found, token[-1], sql("substring(", word, ", ", start, ")"), spaces=spaces)
    return True


def _checked(found: Cut, part: str | Command, value: Expression, *, spaces: bool) -> None:
    kind = _value(found, part, value, spaces=spaces)
    if kind is Writes.NUMBER:
        found.conditions.append(sql("match(", value, ", '^-?[0-9]*$')"))
    elif kind is Writes.WORD and spaces:
        found.conditions.append(sql("position(", value, ", ' ') = 0"))


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
    for earlier, (template, order) in enumerate(zip(templates, orders, strict=True)):
        if cut := cutter.cut(template, templates[:earlier]):
            listed = [cut.values[number - 1] if number else sql("''") for number in order]
            cases += [joined(" AND ", cut.conditions), sql("[", joined(", ", listed), "]")]
    # In turn, so that a line is not read by one pattern after another has read it.
    regexes = [
        (regex, template, order)
        for template, order in zip(templates, orders, strict=True)
        for regex in dict.fromkeys((pattern(template), pattern(template, lenient=True)))
    ]
    for place, (regex, template, order) in enumerate(regexes, 1):
        quoted = literals.text(regex)
        if place < len(regexes):
            cases.append(sql("match(", line, f", {quoted})"))
        cases.append(_ordered(sql("extractGroups(", line, f", {quoted})"), template, order))
    return sql("multiIf(", joined(", ", cases), ")") if len(cases) > 1 else cases[0]


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
