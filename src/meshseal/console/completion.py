"""Says what can be typed at the cursor of the query bar. Pure: the text in, the place out."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meshseal.query.tree import RANGE_OPS, SET_OPS, SORTS, UNWRAP_OPS, VECTOR_OPS

MAX_OFFERED = 60

_SPACE = re.compile(r"(?:\s+|#[^\n]*(?:\n|$))+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SYMBOL = re.compile(r"\|=|\|~|!=|!~|=~|==|>=|<=|.", re.DOTALL)
_MATCHES = ("=", "!=", "=~", "!~")
_COMPARES = ("==", ">", ">=", "<", "<=")
_JOINS = ("and", "or", ",", "(")
_GROUPINGS = ("by", "without")
_MATCHINGS = ("on", "ignoring", "group_left", "group_right")
STAGES = ("json", "logfmt", "drop", "keep", "unwrap")


class Wanted(enum.Enum):
    """What can be typed."""

    NOTHING = "nothing that is known"
    QUERY = "a selector or a function"
    RIGHT = "a selector or a function, or which series belong together"
    OPERATION = "what joins two metrics"
    MATCHER = "a label, and how it is compared"
    LABEL = "a label"
    STAGE = "a parser or a label"
    OPERATOR = "how a label is compared"
    VALUE = "a label's value"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a query.

    Attributes:
        wanted: What can be typed there.
        start: Where what was begun starts: from there the text is to be replaced.
        end: Until where.
        prefix: What was begun.
        label: The label whose value or operator is wanted.
        equal: Labels that the same selector compares with `=`, and their values.
    """

    wanted: Wanted
    start: int
    end: int
    prefix: str = ""
    label: str = ""
    equal: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that can be typed.

    Attributes:
        text: As it is shown.
        insert: As it is inserted.
        kind: What it is, in a word.
        back: How many characters before its end the cursor goes.
    """

    text: str
    insert: str
    kind: str
    back: int = 0


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "word", "symbol", "string"
    text: str
    start: int


def place_of(text: str, cursor: int) -> Place:
    """Return what can be typed at a cursor: an offset in characters."""
    cursor = max(0, min(cursor, len(text)))
    tokens, open_string = _tokens(text[:cursor])
    if open_string is not None:
        return _in_string(text, cursor, tokens, open_string)
    prefix, start = "", cursor
    if tokens and tokens[-1].kind == "word" and tokens[-1].start + len(tokens[-1].text) == cursor:
        prefix, start = tokens[-1].text, tokens[-1].start
        tokens.pop()
    wanted, label = _expected(tokens)
    return Place(wanted, start, cursor, prefix, label, _equal(tokens))


def offers(place: Place, candidates: Iterable[Offer]) -> list[Offer]:
    """Return the candidates that fit what was begun: those that start so first."""
    begun = place.prefix.lower()
    fitting = [offer for offer in candidates if begun in offer.text.lower()]
    fitting.sort(key=lambda offer: (not offer.text.lower().startswith(begun), offer.text.lower()))
    return fitting[:MAX_OFFERED]


def query_starts() -> list[Offer]:
    """Return how a query can begin."""
    selector = Offer('{label="value"}', "{}", "records", back=1)
    ranges = [Offer(f"{op}({{…}}[5m])", f"{op}({{}}[5m])", "numbers", back=6) for op in RANGE_OPS]
    vectors = [Offer(f"{op}(…)", f"{op}()", "numbers", back=1) for op in VECTOR_OPS]
    unwraps = [_unwrapping(op) for op in UNWRAP_OPS if op not in RANGE_OPS]
    sorts = [Offer(f"{op}(…)", f"{op}()", "numbers", back=1) for op in SORTS]
    behind = ', "label", "$1", "from", "(.*)")'
    replace = Offer(
        f"label_replace(…{behind}", f"label_replace({behind}", "numbers", back=len(behind)
    )
    return [selector, *ranges, *unwraps, *vectors, *sorts, replace]


def operations() -> list[Offer]:
    """Return what joins two metrics, of that which is a word."""
    meanings = {"and": "both have it", "or": "one has it", "unless": "only the left has it"}
    return [Offer(op, f"{op} ", meanings[op]) for op in SET_OPS]


def matchings() -> list[Offer]:
    """Return how to say which series of two metrics belong together."""
    meanings = {
        "on": "by these labels",
        "ignoring": "but for these labels",
        "group_left": "several on the left",
        "group_right": "several on the right",
    }
    return [Offer(f"{word}(…)", f"{word}()", meanings[word], back=1) for word in _MATCHINGS]


def _unwrapping(op: str) -> Offer:
    """Return how a query can begin that takes numbers from a label."""
    first = "0.95, " if op == "quantile_over_time" else ""
    behind = " | unwrap mesh_duration_ms [5m])"
    return Offer(
        f"{op}({first}{{…}} | unwrap … [5m])",
        f"{op}({first}{{}}{behind}",
        "numbers",
        back=len(behind) + 1,
    )


def operators(*, in_selector: bool) -> list[Offer]:
    """Return how a label can be compared."""
    ops = _MATCHES if in_selector else (*_MATCHES, *_COMPARES)
    meanings = {
        "=": "is",
        "!=": "is not",
        "=~": "matches",
        "!~": "does not match",
        "==": "is the number",
    }
    return [
        Offer(op, f'{op}""', meanings[op], back=1)
        if op in _MATCHES
        else Offer(op, op, meanings.get(op, "as a number"))
        for op in ops
    ]


# ---- Where the cursor is ---------------------------------------------------------------------


def _tokens(text: str) -> tuple[list[_Token], int | None]:
    """Return the tokens before a cursor, and where a string that has no end yet begins."""
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        space = _SPACE.match(text, at)
        if space:
            at = space.end()
            continue
        if text[at] in "\"`'":
            end = _string_end(text, at)
            if end is None:
                return tokens, at
            tokens.append(_Token("string", text[at:end], at))
        else:
            word = _WORD.match(text, at)
            match = word or _SYMBOL.match(text, at)
            assert match is not None
            tokens.append(_Token("word" if word else "symbol", match[0], at))
            end = match.end()
        at = end
    return tokens, None


def _string_end(text: str, start: int) -> int | None:
    quote, at = text[start], start + 1
    while at < len(text):
        if text[at] == quote:
            return at + 1
        at += 2 if text[at] == "\\" and quote != "`" else 1
    return None


def _in_string(text: str, cursor: int, tokens: Sequence[_Token], start: int) -> Place:
    """Return the place inside a string: the value of a label, if the string is one."""
    quote = text[start]
    end = cursor
    while end < len(text) and text[end] not in (quote, "\n", "}"):
        end += 1
    end = end + 1 if text[end : end + 1] == quote else cursor
    wanted, label = _expected(tokens)
    if wanted is not Wanted.VALUE:
        return Place(Wanted.NOTHING, cursor, cursor)
    prefix = text[start + 1 : cursor].replace("\\\\", "\\")
    return Place(wanted, start, end, prefix, label, _equal(tokens))


def _expected(tokens: Sequence[_Token]) -> tuple[Wanted, str]:
    """Return what is wanted behind tokens, and the label it is about."""
    if not tokens:
        return Wanted.QUERY, ""
    last = tokens[-1]
    before = tokens[-2].text if len(tokens) > 1 else ""
    if _in_selector(tokens):
        return _expected_in_selector(last, tokens)
    if last.text in _JOINS and not _in_grouping(tokens) and _in_pipeline(tokens):
        return Wanted.STAGE, ""
    between = _between_metrics(last, before, tokens)
    if between is not None:
        return between, ""
    if last.text == "unwrap" and before == "|":
        return Wanted.LABEL, ""
    if last.kind == "word":
        return (Wanted.OPERATOR, last.text) if before in ("|", *_JOINS) else (Wanted.NOTHING, "")
    if last.text in ("(", ",") and _in_grouping(tokens):
        return Wanted.LABEL, ""
    if last.text == "|":
        return Wanted.STAGE, ""
    if last.text in (*_MATCHES, "==") and len(tokens) > 2 and tokens[-2].kind == "word":
        follows = tokens[-3].text in ("|", *_JOINS) or tokens[-3].text in STAGES
        return (Wanted.VALUE, before) if follows else (Wanted.NOTHING, "")
    return (Wanted.QUERY if last.text == "(" else Wanted.NOTHING), ""


def _between_metrics(last: _Token, before: str, tokens: Sequence[_Token]) -> Wanted | None:
    """Return what is wanted behind a metric, or behind what joins it to another one."""
    if last.text in "+-*/%^" or (last.text in SET_OPS and before == ")"):
        return Wanted.RIGHT
    if last.text == ")" and not _in_pipeline(tokens):
        return _behind_parenthesis(tokens)
    return None


def _behind_parenthesis(tokens: Sequence[_Token]) -> Wanted:
    """Return what is wanted behind a closing parenthesis: it depends on what opened it."""
    opening = _opening(tokens)
    word = tokens[opening - 1].text if opening > 0 else ""
    if word in _MATCHINGS:
        return Wanted.RIGHT
    if word in _GROUPINGS and (opening < 2 or tokens[opening - 2].text != ")"):
        return Wanted.NOTHING  # what is grouped comes behind
    return Wanted.OPERATION if opening >= 0 else Wanted.NOTHING


def _opening(tokens: Sequence[_Token]) -> int:
    """Return the place of the parenthesis that the last token closes, or -1."""
    depth = 0
    for at in range(len(tokens) - 1, -1, -1):
        if tokens[at].kind == "symbol" and tokens[at].text in "()":
            depth += 1 if tokens[at].text == ")" else -1
            if not depth:
                return at
    return -1


def _expected_in_selector(last: _Token, tokens: Sequence[_Token]) -> tuple[Wanted, str]:
    if last.text in ("{", ","):
        return Wanted.MATCHER, ""
    if last.kind == "word":
        return Wanted.OPERATOR, last.text
    if last.text in _MATCHES and tokens[-2].kind == "word":
        return Wanted.VALUE, tokens[-2].text
    return Wanted.NOTHING, ""


def _in_selector(tokens: Sequence[_Token]) -> bool:
    for token in reversed(tokens):
        if token.kind == "symbol" and token.text in "{}":
            return token.text == "{"
    return False


def _in_pipeline(tokens: Sequence[_Token]) -> bool:
    """Say whether the last stage of a pipeline is still open."""
    for token in reversed(tokens):
        if token.text == "|":
            return True
        if token.text in ("}", "[", "|=", "|~"):
            return False
    return False


def _in_grouping(tokens: Sequence[_Token]) -> bool:
    for at in range(len(tokens) - 1, 0, -1):
        if tokens[at].text == ")":
            return False
        if tokens[at].text == "(":
            return tokens[at - 1].text in (*_GROUPINGS, *_MATCHINGS)
    return False


def _equal(tokens: Sequence[_Token]) -> tuple[tuple[str, str], ...]:
    """Return the labels that the selector before the cursor compares with `=`."""
    opening = max((at for at, token in enumerate(tokens) if token.text == "{"), default=None)
    if opening is None:
        return ()
    inside = tokens[opening + 1 :]
    return tuple(
        (name.text, value.text[1:-1])
        for name, op, value in zip(inside, inside[1:], inside[2:], strict=False)
        if name.kind == "word" and op.text == "=" and value.kind == "string"
        if "\\" not in value.text
    )
