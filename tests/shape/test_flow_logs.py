"""AWS flow logs in whichever order of fields: what is read, what is kept.

Sources of the samples: AWS, "Flow log record examples" and "Transit Gateway Flow Log records".
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from meshseal.model.envelope import Payload
from meshseal.model.own_format import own_format
from meshseal.shape.families.format import Format
from meshseal.shape.flow_logs import FIELDS, VPC_FIELDS
from meshseal.shape.own_formats import compiled
from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row
from tests.shape.mutations import mutated

NAMES = [field.name for field in VPC_FIELDS]
INFO = {"SeverityText": "INFO", "SeverityNumber": "9"}
WARN = {"SeverityText": "WARN", "SeverityNumber": "13"}
AT = "2026-09-21T14:00:00"

VALUES = (
    "10 123456789010 eni-1235b8ca123456789 10.0.0.7 10.1.0.9 34892 443 6 54 8855 1789999200 "
    "1789999260 ACCEPT OK vpc-abcdefab012345678 subnet-aaaaaaaa012345678 "
    "i-0123456789abcdef0 19 IPv4 10.0.0.8 52.95.128.179 eu-central-1 euc1-az2 outpost op-1 - "
    "S3 egress 8 arn:aws:ecs:eu-central-1:1:cluster/shop shop arn:aws:ecs:a:1:ci/1 ci-1 c1 c2 "
    "cart arn:aws:ecs:a:1:td/cart:3 arn:aws:ecs:a:1:task/shop/7 7 - nat-1 1 prod a%20b "
    "blue - web - transit_gateway eni-2 subnet-2 euc1-az3 vpc-2 vpc_endpoint"
)
WHOLE = dict(zip(NAMES, VALUES.split(), strict=True))
"""A value for each field of AWS's table."""


def flows(order: str, name: str = "flows") -> Format:
    return compiled(own_format(name, {"aws_vpc_flow": order}))


def line(*names: str, **values: str) -> str:
    given = {name.replace("_", "-"): value for name, value in values.items()}
    return " ".join({**WHOLE, **given}[name] for name in names)


@pytest.fixture(autouse=True)
def built_in_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "decoder" in request.fixturenames:
        request.getfixturevalue("decoder").use()


# ---- What is read -------------------------------------------------------------------------------


def test_any_order_gives_what_the_built_in_format_gives(decoder: Decoder) -> None:
    dice = random.Random(5)
    values = [
        WHOLE,
        {**WHOLE, "flow-direction": "ingress", "type": "IPv6", "srcaddr": "2001:db8::1"},
        {**WHOLE, "action": "REJECT", "reject-reason": "BPA", "protocol": "47", "type": "EFA"},
        dict.fromkeys(NAMES, "-")
        | {"version": "11", "account-id": "unknown", "log-status": "NODATA"}
        | {"start": "1789999200", "end": "1789999260"},
    ]
    for _ in range(3):
        for one in values:
            (wanted,) = decoder.rows(Payload.LINES, " ".join(one.values()).encode(), 1)
            assert wanted.pop("Format") == "aws_vpc_flow"
            order = dice.sample(NAMES, len(NAMES))
            decoder.use(flows(" ".join(f"${{{name}}}" for name in order)))
            text = " ".join(one[name] for name in order)
            row = decoder.line(text)
            assert row.pop("Format") == "flows"
            assert row.pop("Body") == text
            assert row["OtherAttributes"].pop("mesh.kind") == "aws_vpc"
            del wanted["Body"]
            assert row == wanted
            decoder.use()


OWN = {"mesh.kind": "aws_vpc"}
AWS = {"cloud.provider": "aws"}
TGW = (
    "${version} ${resource-type} ${account-id} ${tgw-id} ${tgw-attachment-id} "
    "${tgw-src-vpc-account-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
    "${bytes} ${start} ${end} ${log-status} ${type} ${packets-lost-no-route} ${flow-direction}"
)
BY_ORDER = {
    "flows": "${srcaddr} ${dstaddr} ${dstport} ${protocol} ${start} ${action} ${flow-direction}",
    "ends": "${end} ${interface-id} ${bytes}",
    "timeless": "${srcaddr} ${dstaddr} ${reject-reason} ${encryption-status}",
    "numbers": "${bytes} ${packets}",
    "tasks": "${ecs-service-name} ${ecs-cluster-name} ${ecs-task-id} ${start} ${log-status}",
    "transit": TGW,
    "alone": "${interface-id}",
}

CASES = [
    Case(
        "seven fields",
        "10.0.0.7 10.1.0.9 443 6 1789999200 REJECT egress",
        "flows",
        {
            **WARN,
            "ErrorType": "REJECT",
            "Reporter": "outbound",
            "NetworkPeerAddress": "10.1.0.9",
            "NetworkLocalAddress": "10.0.0.7",
        },
        at=AT,
        other={
            **OWN,
            "source.address": "10.0.0.7",
            "destination.address": "10.1.0.9",
            "destination.port": "443",
            "network.transport": "tcp",
            "aws.vpc.flow.action": "REJECT",
            "aws.vpc.flow.direction": "egress",
        },
        resource=AWS,
    ),
    Case(
        "nothing of them is known",
        "- - - - 1789999200 - -",
        "flows",
        INFO,
        AT,
        OWN,
        "",
        resource=AWS,
    ),
    Case(
        "the line of their names",
        "srcaddr dstaddr dstport protocol start action flow-direction",
        "flows",
        INFO,
        other=OWN,
        resource=AWS,
    ),
    Case("no address", "- - - -", "unparsed"),
    Case("no interface", "-", "unparsed"),
    Case("a field less", "10.0.0.7 10.1.0.9 443 6 1789999200 REJECT", "unparsed"),
    Case("a field more", "10.0.0.7 10.1.0.9 443 6 1789999200 REJECT egress x", "unparsed"),
    Case("two blanks", "10.0.0.7  10.1.0.9 443 6 1789999200 REJECT egress", "unparsed"),
    Case("no time", "10.0.0.7 10.1.0.9 443 6 - REJECT egress", "unparsed", hint="flows"),
    Case(
        "odd values, where the sender says what they are",
        "me you https 6 1789999200 MAYBE up",
        "flows",
        INFO,
        at=AT,
        other={
            **OWN,
            "source.address": "me",
            "destination.address": "you",
            "destination.port": "https",
            "network.transport": "tcp",
            "aws.vpc.flow.action": "MAYBE",
            "aws.vpc.flow.direction": "up",
        },
        hint="flows",
        resource=AWS,
    ),
    Case("odd values, where nobody does", "me you https 6 1789999200 MAYBE up", "unparsed"),
    Case(
        "the end, where there is no start",
        "1789999200 eni-1 12",
        "ends",
        INFO,
        at=AT,
        other={
            **OWN,
            "aws.vpc.flow.end": "1789999200",
            "aws.vpc.flow.interface_id": "eni-1",
            "aws.vpc.flow.bytes": "12",
        },
        resource=AWS,
    ),
    Case(
        "no time at all, and why it was rejected",
        "2001:db8::1 2001:db8::2 BPA 0",
        "timeless",
        INFO,
        other={
            **OWN,
            "source.address": "2001:db8::1",
            "destination.address": "2001:db8::2",
            "aws.vpc.flow.reject_reason": "BPA",
            "aws.vpc.flow.encryption_status": "0",
        },
        resource=AWS,
    ),
    Case("two numbers may be anybody's", "4000 25", "unparsed"),
    Case(
        "two numbers, where the sender says what they are",
        "4000 25",
        "numbers",
        INFO,
        other={**OWN, "aws.vpc.flow.bytes": "4000", "aws.vpc.flow.packets": "25"},
        hint="numbers",
        resource=AWS,
    ),
    Case("their names", "bytes packets", "numbers", INFO, other=OWN, resource=AWS),
    Case(
        "a task of ECS",
        "cart shop 7 1789999200 OK",
        "tasks",
        INFO,
        at=AT,
        other={**OWN, "aws.vpc.flow.log_status": "OK"},
        service="cart",
        resource={
            **AWS,
            "aws.ecs.service.name": "cart",
            "aws.ecs.cluster.name": "shop",
            "aws.ecs.task.id": "7",
        },
    ),
    Case(
        "a transit gateway",
        "6 TransitGateway 123456789010 tgw-0a1 tgw-attach-0b2 123456789011 10.0.0.7 10.1.0.9 "
        "34892 443 6 54 8855 1789999200 1789999260 SKIPDATA IPv4 3 ingress",
        "transit",
        {
            **WARN,
            "Reporter": "inbound",
            "NetworkPeerAddress": "10.0.0.7",
            "NetworkPeerPort": "34892",
            "NetworkLocalAddress": "10.1.0.9",
            "NetworkLocalPort": "443",
        },
        at=AT,
        other={
            **OWN,
            "aws.vpc.flow.version": "6",
            "aws.tgw.resource_type": "TransitGateway",
            "aws.tgw.id": "tgw-0a1",
            "aws.tgw.attachment_id": "tgw-attach-0b2",
            "aws.tgw.src_vpc_account_id": "123456789011",
            "source.address": "10.0.0.7",
            "destination.address": "10.1.0.9",
            "source.port": "34892",
            "destination.port": "443",
            "network.transport": "tcp",
            "network.type": "ipv4",
            "aws.vpc.flow.packets": "54",
            "aws.vpc.flow.bytes": "8855",
            "aws.vpc.flow.end": "1789999260",
            "aws.vpc.flow.log_status": "SKIPDATA",
            "aws.tgw.packets_lost_no_route": "3",
            "aws.vpc.flow.direction": "ingress",
        },
        resource={**AWS, "cloud.account.id": "123456789010"},
    ),
    Case(
        "one field",
        "eni-1235b8ca",
        "alone",
        INFO,
        other={**OWN, "aws.vpc.flow.interface_id": "eni-1235b8ca"},
        resource=AWS,
    ),
]


def test_lines_of_orders_give_their_records(decoder: Decoder) -> None:
    decoder.use(*(flows(order, name) for name, order in BY_ORDER.items()))
    rows = decode_all(decoder, CASES)
    assert rows == {case.id: case.expected() for case in CASES}


# ---- What is built in ---------------------------------------------------------------------------


def default(row: Row) -> bool:
    """Whether the default fields of `WHOLE` were read, and no more."""
    fewer = {"aws.vpc.id", "cloud.region", "aws.vpc.flow.tcp_flags", "network.type"}
    found = {**row["OtherAttributes"], **row["ResourceAttributes"]}
    return (
        row["Format"] == "aws_vpc_flow"
        and found["aws.vpc.flow.log_status"] == "OK"
        and found["cloud.account.id"] == "123456789010"
        and not fewer & set(found)
    )


def test_fields_behind_the_default_ones_are_read_where_they_are_of_the_table(
    decoder: Decoder,
) -> None:
    for count in range(14, 55):
        row = decoder.line(line(*NAMES[:count]))
        found = {**row["OtherAttributes"], **row["ResourceAttributes"]}
        assert row["Format"] == "aws_vpc_flow"
        assert ("aws.vpc.id" in found) == (count >= 15)
        assert found.get("network.type") == ("ipv4" if count >= 19 else None)
        assert found.get("container.id") == ("c1" if count >= 34 else None)
        assert found.get("aws.vpc.flow.instance_tag_2") == ("a%20b" if count >= 44 else None)
        assert row["ServiceName"] == ("cart" if count >= 36 else "unknown_service")


OTHER_TAILS = {
    "a region": ("region", "az-id"),
    "flags": ("tcp-flags", "vpc-id"),
    "a reason": ("reject-reason",),
    "a direction": ("flow-direction", "tcp-flags", "reject-reason"),
    "tasks": ("ecs-cluster-name", "ecs-service-name", "ecs-task-id"),
    "the region too soon": ("vpc-id", "region"),
    "the table, and one more": (*NAMES[14:], "resource-type"),
}


@pytest.mark.parametrize("tail", OTHER_TAILS.values(), ids=OTHER_TAILS)
def test_fields_in_another_order_are_not_taken_for_those_of_the_table(
    decoder: Decoder, tail: tuple[str, ...]
) -> None:
    names = [*NAMES[:14], *tail]
    text = line(*names, resource_type="TransitGateway")
    assert default(decoder.line(text))
    decoder.use(flows(" ".join(names)))
    row = decoder.line(text)
    found = {**row["OtherAttributes"], **row["ResourceAttributes"]}
    assert row["Format"] == "flows"
    read = [FIELDS[name].attribute for name in tail if WHOLE.get(name) != "-"]
    assert [name for name in read if name and name not in found] == []


HEADINGS = {
    "of the default order": (" ".join(NAMES[:14]), "aws_vpc_flow"),
    "of the table": (" ".join(NAMES), "aws_vpc_flow"),
    "in the order of the alphabet": (" ".join(sorted(NAMES)), "aws_vpc_flow"),
    "of a transit gateway": (TGW.replace("${", "").replace("}", ""), "aws_vpc_flow"),
    "four names": ("start end bytes packets", "aws_vpc_flow"),
    "three words": ("start end action", "unparsed"),
    "a word that is none": ("start end bytes packets are counted", "unparsed"),
    "a blank behind": ("start end bytes packets ", "unparsed"),
}


@pytest.mark.parametrize(("heading", "name"), HEADINGS.values(), ids=HEADINGS)
def test_a_line_of_names_is_kept_as_it_is(decoder: Decoder, heading: str, name: str) -> None:
    case = Case(heading, heading, name, *((INFO,) if name != "unparsed" else ()))
    wanted = case.expected() | ({"ResourceAttributes": AWS} if name != "unparsed" else {})
    assert decoder.line(heading) == wanted


# ---- What is bent -------------------------------------------------------------------------------


def test_no_bent_line_is_lost(decoder: Decoder) -> None:
    order = ["flow-direction", "start", "srcaddr", "dstaddr", "ecs-service-name", "action", "type"]
    texts = [line(*order), line(*NAMES), " ".join(order), " ".join(reversed(NAMES))]
    bent = [one for seed, text in enumerate(texts) for one in mutated(text.encode(), seed, 300)]
    decoder.use(flows(" ".join(order)), flows("${bytes} ${packets}", "numbers"))
    for hint in ("", "flows", "numbers", "aws_vpc_flow"):
        found = decoder.rows(Payload.LINES, b"\n".join(bent), len(bent), format=hint)
        assert [row["Body"].encode(errors="surrogateescape") for row in found] == bent
        said = [row for row in found if row["Format"] == "unparsed"]
        assert [
            row for row in said if "OtherAttributes" in row or "ResourceAttributes" in row
        ] == []
