"""What applications write: lines with a level, and stack traces."""

from __future__ import annotations

from string import ascii_letters, digits

from meshseal.shape.families.format import Format

_LEVELS = "(?i:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)"
_DATED = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{1,9})?"
    r"( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?[ \\t|]+(- [^ ]+ - )?(\\[[^\\]]*\\] *)?"
    rf"\\[?{_LEVELS}\\]?([ :|-]|$)"
)
_PLAIN = "(DEBUG|INFO|WARNING|ERROR|CRITICAL):[A-Za-z_][A-Za-z0-9_.]*:"
_DOTNET = r"(trce|dbug|info|warn|fail|crit): [A-Za-z_][A-Za-z0-9_.]*\\[[0-9]+\\]"

FORMATS: tuple[Format, ...] = (
    Format(
        name="app_trace",
        check="NOT startsWith(line, '{') AND tupleElement(meshseal_stack_trace(line), 1) != ''",
        files=("app_text",),
        closed=True,
        mesh=True,
        title="Application log with a stack trace: Java, Python, Go, Node, .NET",
        telling=(
            "Traceback (most recent call last):",
            "\n\tat ",
            "\n    at ",
            "\n   at ",
            "\ngoroutine ",
        ),
    ),
    Format(
        name="app_text",
        check=f"match(line, '^({_DATED}|{_PLAIN}|{_DOTNET})')",
        files=("app_text",),
        closed=True,
        mesh=True,
        title="Application log line: time, level, thread, logger",
        starts=f"{digits}{ascii_letters}",
    ),
)
