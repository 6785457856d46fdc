"""Whether both ends proved who they are: what proxies write by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshseal.shape.custom import compile_format
from tests.shape.decoder import Decoder, Row
from tests.shape.test_mtls import CART, WEB, Proof, decoded, document, evidence

pytestmark = pytest.mark.engine

SA = "spiffe://cluster.local/ns/default/sa"


def ztunnel(*, error: str = "", sent: int = 67, received: int = 490, **identity: str) -> str:
    named = "".join(f' {end}.identity="{uri}"' for end, uri in identity.items())
    return (
        f"2026-09-21T14:00:00.182974Z\t{'error' if error else 'info'}\taccess\tconnection complete"
        '\tsrc.addr=10.244.0.24:46238 src.workload="shell-6d8bcd654d-t88gp"'
        f' src.namespace="default"{named} dst.addr=10.244.0.42:15008'
        ' dst.hbone_addr=10.96.108.116:80 dst.service="echo.default.svc.cluster.local"'
        f' direction="outbound" bytes_sent={sent} bytes_recv={received} duration="13ms"'
        + (f' error="{error}"' if error else "")
    )


def ztunnel_json(**more: str | int) -> str:
    fields: dict[str, str | int] = {
        "level": "info",
        "time": "2026-09-21T14:00:02.476412Z",
        "scope": "access",
        "message": "connection complete",
        "src.addr": "10.244.3.9:52462",
        "src.workload": "web-5d5d6c7b9f-7xk2p",
        "src.namespace": "shop",
        "dst.addr": "10.244.3.8:15008",
        "dst.workload": "cart-0",
        "dst.namespace": "shop",
        "direction": "inbound",
        "bytes_sent": 564,
        "bytes_recv": 156,
        "duration": "5013ms",
    }
    return document(fields | more)


def linkerd(identity: str) -> str:
    stamp = "2022-08-23T20:28:20.071Z"
    return f'10.42.0.63:51160 {identity} - [{stamp}] "GET http://w:7000/ HTTP/2.0" 200'


def linkerd_json(identity: str) -> str:
    return document(
        {
            "client.addr": "10.42.0.70:32996",
            "client.id": identity,
            "timestamp": "2026-09-21T14:00:00.071Z",
            "method": "GET",
            "uri": "http://webapp:7000/",
            "version": "HTTP/2.0",
            "trace_id": "",
            "request_bytes": "",
            "status": 200,
            "response_bytes": "2497",
            "total_ns": "2157456",
            "processing_ns": "59090",
            "user_agent": "curl",
            "host": "webapp:7000",
        }
    )


def hubble(**more: object) -> str:
    flow: dict[str, object] = {
        "time": "2026-09-21T14:00:00.517394084Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 46520, "destination_port": 8080}},
        "source": {"namespace": "shop", "pod_name": "web-1"},
        "destination": {"namespace": "shop", "pod_name": "cart-0"},
        "Type": "L3_L4",
        "node_name": "node-7",
    }
    return document({"flow": flow | more, "node_name": "node-7", "time": flow["time"]})


def traefik(**more: str) -> str:
    fields = {
        "ClientAddr": "10.0.0.5:33312",
        "ClientHost": "10.0.0.5",
        "DownstreamStatus": 200,
        "Duration": 2123456,
        "RequestMethod": "GET",
        "RequestPath": "/",
        "RequestProtocol": "HTTP/1.1",
        "ServiceName": "web@docker",
        "StartUTC": "2026-09-21T14:00:00.123456789Z",
    }
    return document(fields | more)


def haproxy(secured: str) -> str:
    return (
        "10.0.1.2:33317 [21/Sep/2026:14:00:00.655] https-in static/srv1 10/0/30/69/109 200 2750 "
        f'- - ---- 1/1/1/1/0 0/0 "GET /index.html HTTP/1.1" {secured}'
    )


def alb(kind: str, tls: str) -> str:
    return (
        f"{kind} 2026-09-21T14:00:00.186641Z app/shop-lb/50dc6c495c0c9188 192.168.131.39:2817 "
        f'10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET {kind}://www.example.com:80/ HTTP/1.1" '
        f'"curl/7.46.0" {tls} arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/shop/'
        '73e2d6bc24d8a067 "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 '
        '2026-09-21T14:00:00.185000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1'
    )


def istio(**more: str) -> str:
    fields: dict[str, object] = {
        "start_time": "2026-09-21T14:00:00.000Z",
        "method": "GET",
        "path": "/",
        "protocol": "HTTP/2",
        "response_code": 200,
        "response_flags": "-",
        "bytes_sent": 1,
        "duration": 1,
        "authority": "cart.shop:8080",
    }
    return document(fields | more)


ONE = {"tls.protocol.name": "tls", "tls.protocol.version": "1.3", "tls.established": "true"}

PROOFS: dict[str, Proof] = {
    "ztunnel, identities": (
        ztunnel(src=f"{SA}/shell", dst=f"{SA}/echo"),
        "ztunnel",
        "mutual",
        {"PeerSpiffeId": f"{SA}/echo", "LocalSpiffeId": f"{SA}/shell"},
    ),
    "ztunnel, none": (ztunnel(), "ztunnel", "", {}),
    # The identities are those that were wanted: nobody has shown one.
    "ztunnel, never connected": (
        ztunnel(src=f"{SA}/shell", dst=f"{SA}/echo", error="timed out", sent=0, received=0),
        "ztunnel",
        "",
        {"PeerSpiffeId": f"{SA}/echo", "LocalSpiffeId": f"{SA}/shell"},
    ),
    "ztunnel, broken off": (
        ztunnel(src=f"{SA}/shell", dst=f"{SA}/echo", error="reset by peer", sent=5, received=0),
        "ztunnel",
        "mutual",
        {"PeerSpiffeId": f"{SA}/echo", "LocalSpiffeId": f"{SA}/shell"},
    ),
    "ztunnel as JSON, identities": (
        ztunnel_json(**{"src.identity": WEB, "dst.identity": CART}),
        "ztunnel_json",
        "mutual",
        {"PeerSpiffeId": WEB, "LocalSpiffeId": CART},
    ),
    "ztunnel as JSON, none": (ztunnel_json(), "ztunnel_json", "", {}),
    "ztunnel as JSON, never connected": (
        ztunnel_json(
            **{"src.identity": WEB, "dst.identity": CART, "error": "x"}, bytes_sent=0, bytes_recv=0
        ),
        "ztunnel_json",
        "",
        {"PeerSpiffeId": WEB, "LocalSpiffeId": CART},
    ),
    "linkerd, identity": (
        linkerd("traffic.booksapp.serviceaccount.identity.linkerd.cluster.local"),
        "linkerd_access",
        "mutual",
        {"PeerSpiffeId": "traffic.booksapp.serviceaccount.identity.linkerd.cluster.local"},
    ),
    "linkerd, none": (linkerd("-"), "linkerd_access", "", {}),
    "linkerd as JSON, identity": (
        linkerd_json(WEB),
        "linkerd_access_json",
        "mutual",
        {"PeerSpiffeId": WEB},
    ),
    "linkerd as JSON, none": (linkerd_json("-"), "linkerd_access_json", "", {}),
    "hubble, SPIRE": (hubble(auth_type="SPIRE"), "hubble", "mutual", {}),
    "hubble, SPIRE, and dropped": (hubble(auth_type="SPIRE", verdict="DROPPED"), "hubble", "", {}),
    "hubble, authentication is off": (hubble(auth_type="DISABLED"), "hubble", "", {}),
    "hubble, no authentication": (hubble(), "hubble", "", {}),
    "traefik, a client's certificate": (
        traefik(
            RequestScheme="https",
            TLSVersion="1.3",
            TLSCipher="TLS_AES_128_GCM_SHA256",
            TLSClientSubject="CN=shop",
        ),
        "traefik_json",
        "mutual",
        {
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.3",
            "tls.cipher": "TLS_AES_128_GCM_SHA256",
            "tls.client.subject": "CN=shop",
        },
    ),
    "traefik, TLS": (
        traefik(RequestScheme="https", TLSVersion="1.2"),
        "traefik_json",
        "",
        {"tls.protocol.name": "tls", "tls.protocol.version": "1.2"},
    ),
    "traefik, no TLS": (traefik(RequestScheme="http"), "traefik_json", "plaintext", {}),
    "traefik, the scheme is dropped": (traefik(), "traefik_json", "", {}),
    "haproxy, TLS": (
        haproxy("0/0/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384"),
        "haproxy_https",
        "",
        {**ONE, "tls.cipher": "TLS_AES_256_GCM_SHA384", "tls.resumed": "false"},
    ),
    "haproxy, no TLS": (
        haproxy("0/-/-/-/0 -/-/-"),
        "haproxy_https",
        "plaintext",
        {"tls.established": "false", "tls.resumed": "false"},
    ),
    "aws alb, no TLS": (alb("http", "- -"), "aws_alb", "plaintext", {}),
    "aws alb, TLS": (
        alb("https", "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.3"),
        "aws_alb",
        "",
        {
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.3",
            "tls.cipher": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        },
    ),
}


# What looks like mutual TLS, and is only how meshes name and number things.
LOOKS = {
    "the port of Istio's inbound proxy": istio(downstream_local_address="10.0.0.1:15006"),
    "a server name that Istio makes": istio(
        requested_server_name="outbound_.8080_._.cart.shop.svc.cluster.local",
        upstream_cluster="inbound|8080||",
    ),
    "the name of a cluster that wants TLS": istio(
        upstream_cluster="outbound|443|mtls|cart.shop.svc.cluster.local"
    ),
    "a cluster of Consul": istio(
        upstream_cluster="cart.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul"
    ),
    "ALPN in a path": istio(path="/istio-peer-exchange/spiffe://cluster.local/ns/shop/sa/web"),
    "a forwarded certificate": istio(
        x_forwarded_for="10.0.0.9",
        user_agent="x-forwarded-client-cert: By=spiffe://a;URI=spiffe://b",
    ),
    "a failure of TLS": istio(
        upstream_transport_failure_reason="TLS_error:|268435581:CERTIFICATE_VERIFY_FAILED"
    ),
    "the port of HBONE": ztunnel(),
    "a packet that was encrypted on the wire": hubble(IP={"source": "10.0.0.1", "encrypted": True}),
    "an address with https": linkerd("-").replace("http://", "https://"),
    "Istio's own text": (
        '[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 '
        '"-" "curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin" "127.0.0.1:80" '
        "inbound|8000|| 127.0.0.1:41854 10.44.1.27:15006 10.44.1.23:37652 "
        "outbound_.8000_._.httpbin.foo.svc.cluster.local default"
    ),
    "Envoy's own text": (
        '[2016-04-15T20:17:00.310Z] "POST /api HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" '
        '"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations:443" "tcp://10.0.2.1:443"'
    ),
    "NGINX's own text": (
        '127.0.0.1 - - [21/Sep/2026:14:00:00 +0000] "GET https://a/ HTTP/1.1" 200 6 "https://a" "b"'
    ),
    "a line of a program": document({"msg": "mtls ok", "tls": True, "peer": WEB, "port": 15006}),
}


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decoded(decoder, {**{name: proof[0] for name, proof in PROOFS.items()}, **LOOKS})


@pytest.mark.parametrize("name", PROOFS)
def test_what_a_line_proves(rows: dict[str, Row], name: str) -> None:
    _, format_name, mtls, wanted = PROOFS[name]
    row = rows[name]
    assert (row["Format"], row.get("Mtls", "")) == (format_name, mtls)
    assert evidence(row) == wanted


@pytest.mark.parametrize("name", LOOKS)
def test_what_looks_like_mutual_tls_and_proves_nothing(rows: dict[str, Row], name: str) -> None:
    row = rows[name]
    assert row["Format"] != "unparsed"
    assert "Mtls" not in row
    assert "PeerSpiffeId" not in row


def test_the_looks_are_lines_of_many_formats(rows: dict[str, Row]) -> None:
    assert len({rows[name]["Format"] for name in LOOKS}) >= 7


# ---- A format of one's own ---------------------------------------------------------------------

OWN_FORMAT = {
    "start": "%START_TIME%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "host": "%UPSTREAM_HOST%",
    "own": "%UPSTREAM_LOCAL_ADDRESS%",
    "reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "tls": "%UPSTREAM_TLS_VERSION%",
    "peer": "%UPSTREAM_PEER_URI_SAN%",
    "local": "%UPSTREAM_LOCAL_URI_SAN%",
    "client": "%DOWNSTREAM_PEER_URI_SAN%",
    "secret": "%DOWNSTREAM_TLS_VERSION%",
}
OUT: dict[str, str | int | None] = {
    **dict.fromkeys(OWN_FORMAT),
    "start": "2026-09-21T14:00:00.000Z",
    "code": 200,
    "flags": "-",
    "cluster": "outbound|80||cart.shop.svc.cluster.local",
    "host": "10.0.0.1:80",
    "own": "10.0.0.2:40000",
}
IN = OUT | {"cluster": "inbound|8080||"}
OWN_LINES: dict[str, tuple[dict[str, str | int | None], str]] = {
    "inbound, both": (IN | {"secret": "TLSv1.3", "client": WEB}, "mutual"),
    "inbound, the server alone": (IN | {"secret": "TLSv1.3"}, ""),
    "inbound, no TLS": (IN, "plaintext"),
    # Envoy tells the certificate that it would show, whether or not it was asked for it.
    "outbound, both": (OUT | {"tls": "TLSv1.3", "peer": CART, "local": WEB}, ""),
    "outbound, no TLS": (OUT, "plaintext"),
    "outbound, failed": (OUT | {"flags": "UF,URX"}, ""),
    "outbound, TLS failed": (OUT | {"reason": "TLS_error"}, ""),
    "outbound, never connected": (OUT | {"own": None}, ""),
    "outbound, through a tunnel": (OUT | {"host": "envoy://connect_originate/10.0.0.1:80"}, ""),
}


@pytest.fixture(scope="module")
def own_rows(decoder: Decoder) -> Iterator[dict[str, Row]]:
    decoder.use(compile_format("own_json", OWN_FORMAT))
    yield decoded(decoder, {name: document(fields) for name, (fields, _) in OWN_LINES.items()})
    decoder.use()


@pytest.mark.parametrize("name", OWN_LINES)
def test_what_a_line_of_a_format_of_ones_own_proves(own_rows: dict[str, Row], name: str) -> None:
    row = own_rows[name]
    assert (row["Format"], row.get("Mtls", "")) == ("own_json", OWN_LINES[name][1])
