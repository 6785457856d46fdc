"""Checks a Meshseal proof with nothing of Meshseal's: `python check_proof.py PROOF.json VKEY`.

Needs `cryptography` for the one Ed25519 signature. docs/explanation/sealing.md explains each step.
"""

import base64
import hashlib
import json
import sys
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

COLUMNS = """Timestamp TraceId SpanId TraceFlags SeverityText SeverityNumber ServiceName Body
ResourceSchemaUrl ResourceAttributes ScopeSchemaUrl ScopeName ScopeVersion ScopeAttributes
OtherAttributes EventName ObservedTimestamp Tenant Source Door Format Batch Seq RetentionDays
HttpRequestMethod UrlPath UrlQuery HttpResponseStatusCode NetworkProtocolName
NetworkProtocolVersion DurationNanos UpstreamServiceTimeNanos HttpRequestBodySize
HttpResponseBodySize ResponseFlags ResponseCodeDetails ErrorType ServerAddress ServerPort
ClientAddress NetworkPeerAddress NetworkPeerPort NetworkLocalAddress NetworkLocalPort
UserAgentOriginal RequestId UpstreamCluster UpstreamHost UpstreamLocalAddress
DownstreamLocalAddress DownstreamRemoteAddress Route Reporter TlsServerName PeerService
PeerNamespace PeerSpiffeId LocalSpiffeId Mtls""".split()  # noqa: SIM905  (sixty short lines otherwise)
SPAN_COLUMNS = """Timestamp TraceId SpanId ParentSpanId TraceState SpanName SpanKind ServiceName
ResourceSchemaUrl ResourceAttributes ScopeSchemaUrl ScopeName ScopeVersion
ScopeAttributes SpanAttributes Duration StatusCode StatusMessage
Events.Timestamp Events.Name Events.Attributes Links.TraceId Links.SpanId
Links.TraceState Links.Attributes TraceFlags ObservedTimestamp Tenant Source
Door Format Batch Seq RetentionDays""".split()  # noqa: SIM905
FORMS = {"meshseal-record-v1": COLUMNS, "meshseal-span-v1": SPAN_COLUMNS}


def need(holds: object, otherwise: str) -> None:
    """End with status 1 if something does not hold."""
    if not holds:
        sys.exit(f"FAILED: {otherwise}")


def sha256(content: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(content).digest()


def raw(value: str | dict[str, str]) -> bytes:
    """The bytes of a value; what is not UTF-8 is written as base64."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def netstring(content: bytes) -> bytes:
    """Length, colon, content, comma."""
    return b"%d:%b," % (len(content), content)


def text(value: Any, *, array: bool = False) -> bytes:
    """A column as the canonical form writes it; a map pair by pair, sorted."""
    if array:
        return b"".join(netstring(text(element)) for element in value)
    if not isinstance(value, list):
        return raw(value)
    pairs = sorted((raw(key), raw(content)) for key, content in value)
    return b"".join(netstring(key) + netstring(content) for key, content in pairs)


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that a leaf and its path lead to: RFC 9162, section 2.1.3.2."""
    need(0 <= index < size, "the position is outside the tree")
    last = size - 1
    for sibling in path:
        need(last, "the path is too long")
        if index % 2 or index == last:
            leaf = sha256(b"\x01" + sibling + leaf)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            leaf = sha256(b"\x01" + leaf + sibling)
        index, last = index // 2, last // 2
    need(not last, "the path is too short")
    return leaf


with open(sys.argv[1], encoding="utf-8") as file:
    proof = json.load(file)
name, _, public = sys.argv[2].split("+", 2)

# 1. Record and salt give the leaf. A column with a dot in its name is an array.
record, manifest = proof["record"], json.loads(proof["manifest"])
version = manifest["record_version"]
need(version in FORMS, "a form of records that is not known here")
need(set(record) == set(FORMS[version]), f"other columns than {version} has")
texts = (text(record[column], array="." in column) for column in FORMS[version])
form = version.encode() + b"".join(map(netstring, texts))
leaf = sha256(b"\x00" + bytes.fromhex(proof["salt"]) + form)

# 2. Leaf and path give the root that the manifest states.
batch_path = [bytes.fromhex(hashed) for hashed in proof["path"]]
root = climb(leaf, int(record["Seq"]), manifest["count"], batch_path)
need(root.hex() == manifest["root"], "the record is not the one that was sealed")
same = (record["Batch"], record["Tenant"]) == (manifest["batch"], manifest["tenant"])
need(same, "the record is of another batch")

# 3. The manifest is an entry of the log.
head, _, note = proof["log"].partition("\n\n")
_, index, *path = head.split("\n")
entry = sha256(b"\x00" + proof["manifest"].encode())
body, _, signatures = note.partition("\n\n")
origin, size, log_root = body.split("\n")[:3]
log_path = [base64.b64decode(line) for line in path]
found = climb(entry, int(index.removeprefix("index ")), int(size), log_path)
need(found == base64.b64decode(log_root), "the manifest is not in the log")

# 4. The log's key signed the checkpoint.
need(origin == name, "the checkpoint is of another log")
signature = base64.b64decode(signatures.split(f"\u2014 {name} ")[1].split("\n")[0])
key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public)[1:])
try:
    key.verify(signature[4:], (body + "\n").encode())
except InvalidSignature:
    sys.exit("FAILED: the checkpoint is not signed by the key")
sys.stdout.write(
    f"{sys.argv[1]}: record {record['Seq']} of batch {manifest['batch']} is in {origin}\n"
)
