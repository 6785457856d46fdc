"""Formats that any program may write."""

from __future__ import annotations

from string import ascii_letters

from meshseal.shape.families.format import Format

FORMATS: tuple[Format, ...] = (
    Format(
        name="json",
        check="startsWith(line, '{')",
        files=("json", "pairs"),
        closed=False,
        mesh=False,
        title="Any JSON object",
        starts="{",
    ),
    Format(
        name="logfmt",
        check=r"match(line, '^[A-Za-z_@][A-Za-z0-9_.@/-]*=(\"(?:[^\"\\\\]|\\\\.)*\"|[^\\s\"]*)"
        r"(\\s+[A-Za-z_@][A-Za-z0-9_.@/-]*=|\\s*$)')",
        files=("logfmt", "pairs"),
        closed=False,
        mesh=False,
        title="logfmt",
        starts=f"{ascii_letters}_@",
    ),
)
