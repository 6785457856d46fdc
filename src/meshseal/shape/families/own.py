"""What proxies write when they are configured by `meshseal mesh config`."""

from __future__ import annotations

from meshseal.shape.access import NAMES
from meshseal.shape.families.format import Format

FORMATS: tuple[Format, ...] = (
    Format(
        name="meshseal_access",
        check="(startsWith(line, '{') AND match(line, '\"meshseal\": ?\"') "
        "OR startsWith(line, 'meshseal-access '))",
        files=("meshseal_access", "envoy_access", "meshseal_access_proof"),
        closed=True,
        mesh=True,
        title="What `meshseal mesh config` has proxies write",
        # In a JSON document a quote inside a text stands behind a backslash, so that no header can
        # hold the first.
        telling=('"meshseal":', "meshseal-access "),
        reads=NAMES,
        resource=True,
        extra=True,
    ),
)
