"""What emitters show at their own statistics endpoints, as readings of their counters.

Envoy:      GET /stats?format=json           {"stats": [{"name": …, "value": …}, …]}
Fluentd:    GET /api/plugins.json            {"plugins": [{"plugin_id": …, "emit_records": …}, …]}
Fluent Bit: GET /api/v1/metrics              {"output": {"name": {"proc_records": …}}}
others:     Prometheus's text exposition     name{label="value"} 12

Sources: envoyproxy/envoy, docs/root/operations/admin.rst; fluent/fluentd,
lib/fluent/plugin/in_monitor_agent.rb; Fluent Bit's manual, administration/monitoring; Prometheus,
Exposition formats, text version 0.0.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from meshseal.model.counters import Meaning, Reading, whole
from meshseal.model.errors import PayloadError
from meshseal.wire.counters import Known, known_counter, plain_name, series_name
from meshseal.wire.protocol import NOT_JSON

MAX_READINGS = 1000
_UPTIME_LATE = 6
"""Envoy brings its uptime up to date every five seconds: it may be so many seconds more."""
_SECOND = 10**9

KINDS = ("envoy", "fluentd", "fluent_bit", "prometheus")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read.

    Attributes:
        names: Counters by name, beside those that are known, and what they tell.
        labels: Labels and their values that a series must have.
    """

    names: Mapping[str, Meaning] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def known(self, name: str) -> Known | None:
        """Return what a counter tells; where names are given, of these alone."""
        if not self.names:
            return known_counter(name)
        meaning = self.names.get(name) or self.names.get(plain_name(name))
        return Known(name, meaning) if meaning else None

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Say whether a series has the labels."""
        return all(labels.get(name) == value for name, value in self.labels.items())


def read_stats(kind: str, body: bytes, wanted: Wanted, now_unix_nano: int) -> list[Reading]:
    """Return the readings of an answer.

    Raises: PayloadError when it is not what the kind shows.
    """
    found = list(_KINDS[kind](body, wanted, now_unix_nano))
    if len(found) > MAX_READINGS:
        raise PayloadError(f"more than {MAX_READINGS} series: choose some by their labels")
    return found


# ---- Envoy -------------------------------------------------------------------------------------


class _Stat(msgspec.Struct):
    name: str = ""
    value: msgspec.Raw = msgspec.Raw()


class _Stats(msgspec.Struct):
    stats: list[_Stat]


_STATS = msgspec.json.Decoder(_Stats)
_NUMBER = msgspec.json.Decoder(int)


def _envoy(body: bytes, wanted: Wanted, now: int) -> Iterator[Reading]:
    if not body.lstrip().startswith(b"{"):
        yield from _prometheus(body, wanted, now)
        return
    try:
        stats = _STATS.decode(body).stats
    except NOT_JSON as error:
        raise PayloadError("this is not what Envoy shows at /stats?format=json") from error
    values = {stat.name: stat.value for stat in stats}
    uptime = _number(values.get("server.uptime"))
    start = now - (uptime + _UPTIME_LATE) * _SECOND if uptime is not None else 0
    for name, raw in values.items():
        known = wanted.known(name)
        value = _number(raw) if known else None
        if known and value is not None:
            yield Reading(name, known.meaning, value, now, max(0, start), door=known.door)


def _number(raw: msgspec.Raw | None) -> int | None:
    if raw is None:
        return None
    try:
        return whole(_NUMBER.decode(raw))
    except NOT_JSON:
        return None


# ---- Fluentd, Fluent Bit -----------------------------------------------------------------------


class _Plugin(msgspec.Struct):
    plugin_id: str = ""
    plugin_category: str = ""
    type: str | None = None
    output_plugin: bool = False
    emit_records: float | None = None


class _Plugins(msgspec.Struct):
    plugins: list[_Plugin]


_PLUGINS = msgspec.json.Decoder(_Plugins)
# Outputs that hand on within Fluentd, or to nowhere.
_INNER = frozenset({"null", "copy", "relabel", "rewrite_tag_filter", "stdout", "roundrobin"})


def _fluentd(body: bytes, wanted: Wanted, now: int) -> Iterator[Reading]:
    try:
        plugins = _PLUGINS.decode(body).plugins
    except NOT_JSON as error:
        raise PayloadError("this is not what Fluentd shows at /api/plugins.json") from error
    for plugin in plugins:
        labels = {"plugin_id": plugin.plugin_id, "type": plugin.type or ""}
        is_output = plugin.output_plugin or plugin.plugin_category == "output"
        value = whole(plugin.emit_records) if plugin.emit_records is not None else None
        if not is_output or value is None or not wanted.takes(labels):
            continue
        if plugin.type in _INNER and not wanted.labels:
            continue
        name = series_name("emit_records", labels.items())
        yield Reading(name, Meaning.PASSED, value, now)


class _Output(msgspec.Struct):
    proc_records: int | None = None
    dropped_records: int | None = None


class _FluentBit(msgspec.Struct):
    output: dict[str, _Output]


_FLUENT_BIT = msgspec.json.Decoder(_FluentBit)


def _fluent_bit(body: bytes, wanted: Wanted, now: int) -> Iterator[Reading]:
    try:
        outputs = _FLUENT_BIT.decode(body).output
    except NOT_JSON as error:
        raise PayloadError("this is not what Fluent Bit shows at /api/v1/metrics") from error
    for name, output in outputs.items():
        if not wanted.takes({"name": name}):
            continue
        for counter, value, meaning in (
            ("proc_records", output.proc_records, Meaning.PASSED),
            ("dropped_records", output.dropped_records, Meaning.DROPPED),
        ):
            number = whole(value) if value is not None else None
            if number is not None:
                yield Reading(series_name(counter, [("name", name)]), meaning, number, now)


# ---- Prometheus --------------------------------------------------------------------------------

_LINE = re.compile(
    r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})?[ \t]+(?P<value>[^\s]+)(?:[ \t]+\S+)?\s*"
)
_LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?\s*')
_STARTS = ("process_start_time_seconds",)
_UPTIMES = ("envoy_server_uptime", "fluentbit_uptime")
_LONGEST_LINE = 8192


def _prometheus(body: bytes, wanted: Wanted, now: int) -> Iterator[Reading]:
    start = 0
    found: list[Reading] = []
    lines = 0
    for name, labels, value in _lines(body):
        lines += 1
        if name in _STARTS:
            start = int(value * _SECOND)
        elif name in _UPTIMES:
            start = now - int((value + _UPTIME_LATE) * _SECOND)
        known = wanted.known(name)
        if known and wanted.takes(labels):
            series = series_name(name, labels.items())
            found.append(Reading(series, known.meaning, int(value), now, door=known.door))
    if not lines and body.strip():
        raise PayloadError("this is not Prometheus's text")
    for reading in found:
        yield replace(reading, start_unix_nano=max(0, min(start, now)))


def _lines(body: bytes) -> Iterable[tuple[str, dict[str, str], float]]:
    """Yield name, labels and value of each line that is one, and whose value can be counted."""
    for line in body.decode(errors="replace").split("\n"):
        if line.startswith("#") or len(line) > _LONGEST_LINE:
            continue
        matched = _LINE.fullmatch(line)
        if not matched:
            continue
        try:
            value = float(matched["value"])
        except ValueError:
            continue
        if whole(value) is not None:
            yield matched["name"], dict(_LABEL.findall(matched["labels"] or "")), value


_KINDS = {
    "envoy": _envoy,
    "fluentd": _fluentd,
    "fluent_bit": _fluent_bit,
    "prometheus": _prometheus,
}
