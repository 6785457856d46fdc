"""Writes the reference pages of `docs/reference` from the declarations in the code.

`make reference` writes them; `--check` writes nothing and fails if a page is not what it would be.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from prometheus_client.metrics import MetricWrapperBase

from meshseal.app.reference import config_reference, doors_reference, formats_reference
from meshseal.cli.meshes.fields import FIELDS, ISTIO, KUMA, TESTS
from meshseal.cli.root import root
from meshseal.model import telemetry
from meshseal.model.columns import LOGS, SPANS, Column, Kind
from meshseal.model.identifiers import label_name
from meshseal.query.labels import COLUMN_LABELS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
SAMPLES = FOLDER.parent.parent / "tests" / "shape" / "samples"
_MADE = "Made from the declarations by `make reference`; do not edit.\n"
_WIDTH = 88


def columns_page() -> str:
    """Return the page on the columns of a record."""
    labels = {
        sql.removeprefix("toString(").rstrip(")"): name for name, sql in COLUMN_LABELS.items()
    }
    lines = [
        "# Columns of a record",
        "",
        _MADE,
        "The table `logs`, in the order in which a record is sealed "
        f"(`{LOGS.version}`, see [sealing](../explanation/sealing.md)). The first columns have "
        "the names and types of the OpenTelemetry ClickHouse exporter.",
        "",
        "*Label* is what LogQL calls the value. Attributes without a column of their own, and "
        "resource attributes, are labels too: every character outside `[A-Za-z0-9_]` becomes `_`.",
        "",
        "| Column | Type | Attribute | Label | Meaning |",
        "|---|---|---|---|---|",
        *(_column_row(column, labels) for column in LOGS.columns),
        "",
        "Not sealed, because they follow from the others: `LogAttributes`, all attributes of the "
        "record under their keys, and `TimestampTime`, the timestamp in whole seconds, are "
        "computed when they are asked for; `SealHint` is the beginning of the record's leaf, so "
        "that `meshseal verify` can name a record that differs.",
        "",
        "## Of a span",
        "",
        f"The table `spans`, in the order in which a span is sealed (`{SPANS.version}`). An array "
        "has one element for each event, or each link, of the span.",
        "",
        "| Column | Type | Meaning |",
        "|---|---|---|",
        *(f"| `{each.name}` | `{each.type}` | {each.meaning} |" for each in SPANS.columns),
        "",
        "## In the canonical form",
        "",
        "| Columns | Written as |",
        "|---|---|",
        *(_kind_row(kind) for kind in Kind),
    ]
    return "\n".join(lines) + "\n"


def _column_row(column: Column, labels: dict[str, str]) -> str:
    attribute = f"`{column.attribute}`" if column.attribute else ""
    label = label_name(column.attribute) if column.attribute else labels.get(column.name, "")
    shown = f"`{label}`" if label else ""
    return f"| `{column.name}` | `{column.type}` | {attribute} | {shown} | {column.meaning} |"


def _kind_row(kind: Kind) -> str:
    columns = (*LOGS.columns, *SPANS.columns)
    names = dict.fromkeys(f"`{column.name}`" for column in columns if column.kind is kind)
    return f"| {', '.join(names)} | {kind.value} |"


def formats_page() -> str:
    """Return the page on the formats of a record's body, each with a sample from the tests."""
    samples = {}
    for path in sorted(SAMPLES.glob("*.log")):
        line = path.read_text().split("\n", 1)[0]
        samples[path.stem] = line.replace("\\n", "\n") if path.stem == "app_trace" else line
    return formats_reference(samples)


def metrics_page() -> str:
    """Return the page on the server's own metrics."""
    lines = [
        "# Metrics",
        "",
        _MADE,
        "`GET /metrics`, in Prometheus' text format. Per door and tenant, over the life of a "
        "process:",
        "",
        "    received = stored + refused + deduplicated + set aside + waiting in the spool",
        "",
        "| Metric | Kind | Labels | Meaning |",
        "|---|---|---|---|",
    ]
    for metric in vars(telemetry).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        family = next(iter(metric.describe()))
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        lines.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return the page on the command line: what `--help` says of every command."""
    parts = [
        "# Command line\n",
        _MADE,
        "Every option that shows a variable can be given by it. Exit status: 0 when all is well, "
        "1 when not, 2 for a command line that cannot "
        "be read.\n",
    ]
    for path, command in _commands(root, ("meshseal",)):
        context = click.Context(
            command, info_name=" ".join(path), terminal_width=_WIDTH, max_content_width=_WIDTH
        )
        context.help_option_names = ["-h", "--help"]
        heading = "##" if len(path) < 3 else "###"
        parts.append(f"{heading} {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, (*path, name))


def access_fields_page() -> str:
    """Return the page on the fields that `meshseal mesh config` has proxies write."""
    lines = [
        "# Fields of the access log",
        "",
        _MADE,
        "What [`meshseal mesh config`](../how-to/mesh-config.md) has proxies write. Istio, Consul "
        "and Kuma write what Envoy does.",
        "",
        "| Field | What it is for | Control tests | Envoy | NGINX | HAProxy |",
        "|---|---|---|---|---|---|",
    ]
    theirs = {field.name: text for field, text in (*ISTIO, *KUMA)}
    for field in (*FIELDS, *(one for one, _ in (*ISTIO, *KUMA))):
        texts = [field.envoy or theirs.get(field.name, ""), field.nginx, field.haproxy]
        shown = " | ".join(f"`{text}`" if text else "" for text in texts)
        tests = ", ".join(map(str, field.tests))
        lines.append(f"| `{field.name}` | {field.why} | {tests} | {shown} |")
    lines += ["", "## The control tests", "", "| Test | |", "|---|---|"]
    lines += [f"| {number} | {title} |" for number, title in TESTS.items()]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "access-fields.md": access_fields_page,
    "cli.md": cli_page,
    "columns.md": columns_page,
    "configuration.md": config_reference,
    "doors.md": doors_reference,
    "formats.md": formats_page,
    "metrics.md": metrics_page,
}
"""Every page that is made, by its name."""


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` say which are stale."""
    check = arguments == ["--check"]
    if arguments and not check:
        print("usage: tools/reference.py [--check]", file=sys.stderr)
        return 2
    stale = 0
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        if check:
            print(f"docs/reference/{name} is stale: run `make reference`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"docs/reference/{name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
