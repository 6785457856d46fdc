"""What the configuration says of definitions: trusted proxies, and formats of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshseal.app.config import explained, load_config
from meshseal.app.definition_settings import own_formats
from meshseal.model.errors import ConfigError
from meshseal.model.own_format import OwnFormat
from meshseal.shape.networks import PRIVATE

TOML = """
[mesh]
trusted_proxies = ["10.0.0.0/8", "2001:db8::/32"]

[formats.edge]
envoy = '[%START_TIME%] %RESPONSE_CODE%'
mesh = "istio"

[formats.tree]
envoy_json = { status = "%RESPONSE_CODE%", nested = { method = "%REQ(:METHOD)%" } }

[formats.text]
envoy_json = '{"status": "%RESPONSE_CODE%"}'

[formats.flows]
aws_vpc_flow = "${start} ${srcaddr}"
"""


def test_a_file_gives_formats_and_networks(tmp_path: Path) -> None:
    file = tmp_path / "meshseal.toml"
    file.write_text(TOML)
    config = load_config(file, environment={})
    assert config.mesh.proxies == ("10.0.0.0/8", "2001:db8::/32")
    assert own_formats(config.formats) == [
        OwnFormat("edge", "[%START_TIME%] %RESPONSE_CODE%", "istio"),
        OwnFormat(
            "tree",
            {"status": "%RESPONSE_CODE%", "nested": {"method": "%REQ(:METHOD)%"}},
            "envoy",
        ),
        OwnFormat("text", {"status": "%RESPONSE_CODE%"}, "envoy"),
        OwnFormat("flows", "${start} ${srcaddr}", "aws_vpc", flow=True),
    ]
    assert any(line.startswith("formats.edge = ") for line in explained(config))


PROXIES = {
    "not set": ((), PRIVATE),
    "a list as text": (("mesh.trusted_proxies=10.0.0.0/8, ::1",), ("10.0.0.0/8", "::1")),
    "none": (("mesh.trusted_proxies=",), ()),
}


@pytest.mark.parametrize(("assignments", "networks"), PROXIES.values(), ids=PROXIES)
def test_trusted_proxies(assignments: tuple[str, ...], networks: tuple[str, ...]) -> None:
    assert load_config(environment={}, assignments=assignments).mesh.proxies == networks


REFUSED = {
    "no network": ("mesh.trusted_proxies=10.0.0.1/8", "has host bits set"),
    "no address": ("mesh.trusted_proxies=proxy.local", "mesh.trusted_proxies"),
    "a name with large letters": ("formats.Edge.envoy=%PROTOCOL% x", "formats.Edge"),
    "nothing defined": ("formats.edge.mesh=istio", "exactly one of envoy, envoy_json or aws"),
    "text that is no JSON": ("formats.edge.envoy_json={", "not JSON"),
    "another key": ("formats.edge.sql=x", "sql"),
}


@pytest.mark.parametrize(("assignment", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(assignment: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(environment={}, assignments=[assignment])
