"""How records and times are printed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import click

_COLORS = {"error": "red", "fatal": "red", "warn": "yellow", "debug": "bright_black"}


def show_record(
    time_unix_nano: int, line: str, labels: Mapping[str, str], metadata: Mapping[str, str]
) -> None:
    """Print one record: when, who, what."""
    level = metadata.get("detected_level", "")
    service = labels.get("service_name", "")
    click.echo(
        f"{click.style(show_time(time_unix_nano), dim=True)} "
        f"{click.style(f'{level:<7}', fg=_COLORS.get(level))} "
        f"{click.style(service, bold=True)} {line}"
    )


def show_time(time_unix_nano: int) -> str:
    """Return a time in UTC, to the microsecond."""
    seconds, rest = divmod(time_unix_nano, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
