"""What log files and container runtimes put around a line. It is no format: it is taken off."""

from __future__ import annotations

from meshseal.shape.families.format import Format

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?"
_ZONE = "(?:Z|[+-][0-9]{2}:[0-9]{2})"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_BSD = f"(?:{_MONTHS}) [ 0-9][0-9] [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}"
_PRIORITY = "<(?:0|[1-9][0-9]?|1[0-8][0-9]|19[01])>"

DOCKER = Format(
    name="@docker",
    check="startsWith(line, '{') AND JSONType(line, 'log') = 'String' "
    "AND JSONType(line, 'time') = 'String' "
    "AND hasAll(['log', 'stream', 'attrs', 'time'], JSONExtractKeys(line))",
    files=("docker",),
    closed=True,
    mesh=True,
    title="Docker's json-file driver",
    telling=('","stream":"stdout",', '","stream":"stderr",'),
)
CRI = Format(
    name="@cri",
    check=f"match(line, '^{_ISO}{_ZONE} std(?:out|err) [FP] ')",
    files=("cri",),
    closed=True,
    mesh=True,
    title="Container log of the kubelet (CRI)",
    telling=(" stdout F ", " stderr F ", " stdout P ", " stderr P "),
)
# A tag is what ends with a colon. A line that begins with a time in ISO 8601 may be of any program:
# it is a message of syslog where a process id shows that, and what looks like the host is no level.
SYSLOG = Format(
    name="@syslog",
    check=f"match(line, '^(?:{_PRIORITY}(?:[1-9][0-9]{{0,2}} (?:-|{_ISO}{_ZONE}) |{_BSD} "
    f"|{_ISO}{_ZONE} )"
    rf"|{_BSD} [^ :\\[\\]]+ [^ :\\[\\]]+(?:\\[[0-9]+\\])?: "
    rf"|{_ISO}{_ZONE} [a-z0-9][A-Za-z0-9.-]* [^ :\\[\\]]+\\[[0-9]+\\]: )') "
    "AND NOT match(line, '^[^ ]+ (?:trace|debug|info|warn|warning|error|fatal) ')",
    files=("syslog",),
    closed=True,
    mesh=True,
    title="A syslog message, RFC 3164 or RFC 5424, as text",
    starts="<0123456789JFMASOND",
)

WRAPPERS = (DOCKER, CRI, SYSLOG)
"""From the outermost on: what is inside of one may be in one of the later ones."""
