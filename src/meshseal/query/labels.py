"""Labels as SQL: what a label's name stands for, and how that changes along a pipeline.

A label may be a column, a resource attribute or an attribute of the record, under its key with
every character outside `[A-Za-z0-9_]` replaced by `_`. Which keys there are is asked of the store
before a query is rendered (`Keys`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from meshseal.model.columns import PROMOTED
from meshseal.model.identifiers import label_name
from meshseal.query.derived import DERIVED
from meshseal.query.resolved import REGISTER, RESOLVED, SERVICE, alias, registered
from meshseal.query.sql import Binder
from meshseal.query.tree import (
    AllOf,
    AnyOf,
    CompareOp,
    JsonParser,
    LabelCondition,
    LogfmtParser,
    Matcher,
    MatchOp,
    NumberFilter,
    SelectLabels,
    Unit,
    Unwrap,
)
from meshseal.store.schema import attribute_text

ERROR_LABEL = "__error__"
EXTRACTED = "_extracted"

COLUMN_LABELS: dict[str, str] = {
    "service_name": "ServiceName",
    "detected_level": "meshseal_level(SeverityNumber)",
    "trace_id": "TraceId",
    "span_id": "SpanId",
    "event_name": "EventName",
    "severity_text": "SeverityText",
    "scope_name": "ScopeName",
    "meshseal_door": "Door",
    "meshseal_source": "Source",
    "meshseal_format": "Format",
    "meshseal_batch": "toString(Batch)",
    "meshseal_seq": "toString(Seq)",
}
"""Labels that are columns, and their text: bare where the table's order or an index can help."""

_NEVER_EMPTY = frozenset(COLUMN_LABELS) - {
    "trace_id",
    "span_id",
    "event_name",
    "severity_text",
    "scope_name",
    "meshseal_source",
}
"""Those of them that every record has, so that nothing else needs to be looked at."""

PROMOTED_LABELS: dict[str, str] = {
    label_name(column.attribute): attribute_text(column) for column in PROMOTED
}
"""Labels that are attributes with a column of their own, and their text."""

# Labels that are numbers, and SQL of the number; NULL where there is none.
_TYPED_NUMBERS: dict[str, str] = {
    label_name(column.attribute): (
        f"{column.name} / {column.unit_nanos}" if column.unit_nanos else f"toFloat64({column.name})"
    )
    for column in PROMOTED
    if column.type == "Nullable(UInt64)"
}

_CONVERT = {
    Unit.NUMBER: "toFloat64OrNull",
    Unit.DURATION: "meshseal_duration",
    Unit.BYTES: "meshseal_bytes",
}

# Columns that a number can be compared with as they are.
_NUMBER_COLUMNS: dict[str, tuple[str, Unit]] = {
    label_name(column.attribute): (column.name, Unit.NUMBER)
    for column in PROMOTED
    if column.type in ("UInt16", "Nullable(UInt64)") and not column.unit_nanos
}


_PLAIN = r"(?:[^\\.^$*+?()\[\]{}|]|\\[^A-Za-z0-9|])+"
_LIST = re.compile(rf"{_PLAIN}(?:\|{_PLAIN})*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute that a label stands for: `resource`, `scope` or `log`, and its key."""

    scope: str
    key: str


Keys = Mapping[str, Sequence[Key]]
"""The attributes of a tenant that each label of a query stands for."""

_MAPS = {"resource": "ResourceAttributes", "scope": "ScopeAttributes", "log": "OtherAttributes"}


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels at one place in a pipeline.

    Attributes:
        binder: Where values are bound.
        keys: What labels stand for.
        tenant: Whose records they are, for what the register of services adds to them.
        parsed: SQL of the labels that parsers found, as a map, or '' before any parser.
        direct: Whether the one parser so far is `json`, for all labels: then a label that is a key
            of the line's object is read without taking the whole line apart.
        errors: SQL conditions and the error that each stands for.
        hidden: Labels that were dropped, with the SQL condition under which they are.
        kept: If not None, the only labels that are left.
    """

    binder: Binder
    keys: Keys
    tenant: str = ""
    parsed: str = ""
    direct: bool = False
    errors: tuple[tuple[str, str], ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] | None = None

    def text(self, name: str) -> str:
        """Return the SQL for a label's text; '' where the record does not have it."""
        if self.kept is not None and name not in self.kept:
            return "''"
        hidden = self.hidden.get(name)
        if hidden == "true":
            return "''"
        text = self._visible(name)
        return f"if({hidden}, '', {text})" if hidden else text

    def error(self) -> str:
        """Return the SQL for the pipeline's error; '' where there is none."""
        if not self.errors:
            return "''"
        cases = ", ".join(f"{condition}, '{name}'" for condition, name in self.errors)
        return f"multiIf({cases}, '')"

    def dropped(self) -> str:
        """Return the SQL for the names of the labels that a record lost on the way."""
        cases = ", ".join(
            f"if({condition}, {self.binder.text(name)}, '')"
            for name, condition in self.hidden.items()
        )
        return f"arrayFilter(name -> name != '', CAST([{cases}], 'Array(String)'))"

    def base(self, name: str) -> str:
        """Return the SQL for a label's text as the record came, before any parser."""
        if name in _NEVER_EMPTY:
            return COLUMN_LABELS[name]
        candidates = [
            *([COLUMN_LABELS[name]] if name in COLUMN_LABELS else []),
            *(
                f"{_MAPS[key.scope]}[{self.binder.text(key.key)}]"
                for key in self.keys.get(name, ())
                if key.scope in _MAPS
            ),
            *([PROMOTED_LABELS[name]] if name in PROMOTED_LABELS else []),
        ]
        if name in RESOLVED:
            return alias(self._tenant(), _first([*candidates, RESOLVED[name]]))
        if any(key.scope == REGISTER for key in self.keys.get(name, ())):
            service = self.base(SERVICE)
            candidates.append(registered(self._tenant(), service, self.binder.text(name)))
        return _first(candidates)

    def _tenant(self) -> str:
        return self.binder.text(self.tenant) if self.tenant else "Tenant"

    def _visible(self, name: str) -> str:
        if name == ERROR_LABEL:
            return self.error()
        base = self.base(name)
        derived = [DERIVED[name]] if name in DERIVED else []
        if not self.parsed or name in _NEVER_EMPTY:
            return _first([base, *derived])
        wanted = name.removesuffix(EXTRACTED)
        parsed = f"{self.parsed}[{self.binder.text(wanted)}]"
        if self.direct:
            parsed = f"meshseal_json_label(Body, {self.binder.text(wanted)}, {parsed})"
        if base == "''" and not derived:
            return parsed if wanted == name else f"if({self.base(wanted)} = '', '', {parsed})"
        return _first([base, parsed, *derived])

    def after_json(self, parser: JsonParser) -> Labels:
        """Return the labels behind a `json` stage."""
        if parser.fields:
            pairs = ", ".join(
                f"({self.binder.text(label)}, {self._json_path(path)})"
                for label, path in parser.fields
            )
            found = f"meshseal_labels([{pairs}])"
        else:
            found = "meshseal_labels(meshseal_json_object(Body))"
        broken = "NOT startsWith(trimLeft(Body), '{') OR NOT isValidJSON(Body)"
        direct = not parser.fields and not self.parsed
        return replace(self._with(found, ((broken, "JSONParserErr"),)), direct=direct)

    def after_logfmt(self, parser: LogfmtParser) -> Labels:
        """Return the labels behind a `logfmt` stage."""
        found = "meshseal_labels(meshseal_logfmt(Body))"
        if parser.fields:
            pairs = ", ".join(
                f"({self.binder.text(label)}, meshseal_value(meshseal_logfmt(Body), "
                f"{self.binder.text(key)}))"
                for label, key in parser.fields
            )
            found = f"meshseal_labels([{pairs}])"
        return self._with(found, ())

    def after_selection(self, selection: SelectLabels) -> Labels:
        """Return the labels behind a `drop` or `keep` stage."""
        if selection.keep:
            names = frozenset(x if isinstance(x, str) else x.label for x in selection.labels)
            kept = names if self.kept is None else self.kept & names
            hidden = dict(self.hidden)
            for item in selection.labels:
                if isinstance(item, Matcher):
                    hidden[item.label] = f"NOT ({self.matches(item)})"
            return replace(self, kept=kept, hidden=hidden)
        hidden = dict(self.hidden)
        for item in selection.labels:
            if isinstance(item, str):
                hidden[item] = "true"
            else:
                hidden[item.label] = self.matches(item)
        return replace(self, hidden=hidden)

    def with_error(self, condition: str, name: str) -> Labels:
        """Return the labels with one more way to fail."""
        return replace(self, errors=(*self.errors, (condition, name)))

    # ---- Conditions ------------------------------------------------------------------------

    def matches(self, matcher: Matcher) -> str:
        """Return the SQL condition of a matcher."""
        text = self.text(matcher.label)
        if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
            return f"{text} {'=' if matcher.op is MatchOp.EQUAL else '!='} {self._value(matcher)}"
        found = self._found(text, matcher.value)
        return found if matcher.op is MatchOp.REGEX else f"NOT {found}"

    def holds(self, condition: LabelCondition) -> tuple[str, Labels]:
        """Return the SQL of a condition, and the labels behind the stage that has it."""
        if isinstance(condition, Matcher):
            return self.matches(condition), self
        if isinstance(condition, NumberFilter):
            return self._compares(condition)
        labels = self
        parts: list[str] = []
        for part in condition.parts:
            sql, labels = labels.holds(part)
            parts.append(f"({sql})")
        word = " AND " if isinstance(condition, AllOf) else " OR "
        assert isinstance(condition, AllOf | AnyOf)
        return word.join(parts), labels

    def number(self, unwrap: Unwrap) -> tuple[str, Labels]:
        """Return the SQL of the number that a label holds, and the labels behind that stage.

        It is NULL where the label is not there or is no number.
        """
        name, unit = unwrap.label, unwrap.unit
        text = self.text(name)
        number = f"{_CONVERT[unit]}({text})"
        plain = not self.parsed and name not in self.hidden and self.kept is None
        if plain and unit is Unit.NUMBER and name in _TYPED_NUMBERS:
            # The column holds the number as it is, without the way over its text.
            number = _TYPED_NUMBERS[name]
            if self.keys.get(name):
                number = f"ifNull({number}, toFloat64OrNull({text}))"
        failed = f"{text} != '' AND isNull({number})"
        value = f"{number} / 1e9" if unit is Unit.DURATION else number
        return value, self.with_error(failed, "SampleExtractionErr")

    def _compares(self, condition: NumberFilter) -> tuple[str, Labels]:
        """A label that is no number stays in, with an error; one that is not there goes out."""
        op = "=" if condition.op is CompareOp.EQUAL else condition.op.value
        value = self.binder.number(condition.value)
        column = _NUMBER_COLUMNS.get(condition.label)
        plain = not self.parsed and condition.label not in self.hidden and self.kept is None
        if column and plain and column[1] is condition.unit and not self.keys.get(condition.label):
            name = column[0]
            there = f"isNotNull({name})" if name != "HttpResponseStatusCode" else f"{name} != 0"
            return f"{there} AND {name} {op} {value}", self
        text = self.text(condition.label)
        number = f"{_CONVERT[condition.unit]}({text})"
        sql = f"{text} != '' AND ifNull({number} {op} {value}, true)"
        return sql, self.with_error(f"{text} != '' AND isNull({number})", "LabelFilterErr")

    def _found(self, text: str, pattern: str) -> str:
        """Return the SQL condition that a regular expression matches the whole of a text.

        What says "anything" or lists values, as dashboards do, needs no regular expression, and
        lets the engine use the table's order.
        """
        if pattern == ".*":
            return "true"
        if pattern == ".+":
            return f"({text} != '')"
        values = _listed(pattern)
        if values:
            return f"({text} IN {self.binder.texts(values)})"
        # As Go has it: the whole value, and a dot does not stand for a line end. And the value as
        # it is shown: a dot stands for no byte that is no UTF-8.
        return f"match(toValidUTF8({text}), {self.binder.text(f'^(?-s:{pattern})$')})"

    def _value(self, matcher: Matcher) -> str:
        return self.binder.text(matcher.value)

    def _with(self, found: str, errors: tuple[tuple[str, str], ...]) -> Labels:
        parsed = f"mapUpdate({found}, {self.parsed})" if self.parsed else found
        return replace(self, parsed=parsed, direct=False, errors=(*self.errors, *errors))

    def _json_path(self, path: Sequence[str | int]) -> str:
        steps = ", ".join(
            self.binder.text(step) if isinstance(step, str) else self.binder.integer(step + 1)
            for step in path
        )
        return f"meshseal_json_scalar(JSONExtractRaw(Body, {steps}))"


def _listed(pattern: str) -> tuple[str, ...]:
    """Return the values of a regular expression that only lists some, as `a|b`; or none."""
    inner = pattern[1:-1] if pattern[:1] == "(" and pattern[-1:] == ")" else pattern
    if not _LIST.fullmatch(inner):
        return ()
    return tuple(_ESCAPED.sub(r"\1", value) for value in inner.split("|"))


def _first(candidates: Sequence[str]) -> str:
    """Return SQL for the first of several texts that is not empty."""
    *others, last = [text for text in candidates if text != "''"] or ["''"]
    if not others:
        return last
    cases = ", ".join(f"{text} != '', {text}" for text in others)
    return f"multiIf({cases}, {last})"
