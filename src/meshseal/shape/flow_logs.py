"""AWS flow logs: the fields that one may have, and the SQL that reads any order of them.

A line holds the values of the fields, with a space in between, and `-` where there is none. A file
in S3 begins with a line of the fields' names.

Sources: AWS, "Flow log records", "Available fields" (VPC, versions 2 to 5 and 7 to 11), and
"Transit Gateway Flow Log records" (version 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from meshseal.model.errors import FormatError
from meshseal.shape.families.format import Format

MAX_BYTES = 8192

_ANY = "[^ ]+"
_NUMBER = "[0-9-]+"
_ADDRESS = "[0-9A-Fa-f.:-]+"
_SECONDS = "[0-9]{10}"
_ACCOUNT = "([0-9]{12}|unknown|-)"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a flow log.

    Attributes:
        name: As AWS has it.
        attribute: What it becomes; '' where it has a meaning of its own (`_meanings`).
        values: A regular expression (RE2) of what stands there.
        resource: Whether that says what produced the record.
    """

    name: str
    attribute: str
    values: str = _ANY
    resource: bool = False

    @property
    def telling(self) -> bool:
        """Whether its values are hardly found in lines of another kind."""
        return self.values not in (_ANY, _NUMBER)


def _plain(names: str) -> tuple[Field, ...]:
    """Return fields whose attributes are called like them."""
    return tuple(
        Field(name, f"aws.vpc.flow.{name.replace('-', '_')}", _ANY) for name in names.split()
    )


def _transit(names: str, values: str = _ANY) -> tuple[Field, ...]:
    return tuple(
        Field(name, f"aws.tgw.{name.removeprefix('tgw-').replace('-', '_')}", values)
        for name in names.split()
    )


VPC_FIELDS: tuple[Field, ...] = (
    # Version 2, the default.
    Field("version", "aws.vpc.flow.version", "([2-9]|1[0-9])"),
    Field("account-id", "cloud.account.id", _ACCOUNT, resource=True),
    Field("interface-id", "aws.vpc.flow.interface_id", "(eni-[0-9a-z]+|-)"),
    Field("srcaddr", "source.address", _ADDRESS),
    Field("dstaddr", "destination.address", _ADDRESS),
    Field("srcport", "source.port", _NUMBER),
    Field("dstport", "destination.port", _NUMBER),
    Field("protocol", "", _NUMBER),
    Field("packets", "aws.vpc.flow.packets", _NUMBER),
    Field("bytes", "aws.vpc.flow.bytes", _NUMBER),
    Field("start", "", _SECONDS),
    Field("end", "aws.vpc.flow.end", _SECONDS),
    Field("action", "aws.vpc.flow.action", "(ACCEPT|REJECT|-)"),
    Field("log-status", "aws.vpc.flow.log_status", "(OK|NODATA|SKIPDATA)"),
    # Version 3.
    Field("vpc-id", "aws.vpc.id", "(vpc-[0-9a-z]+|-)"),
    Field("subnet-id", "aws.vpc.subnet_id", "(subnet-[0-9a-z]+|-)"),
    Field("instance-id", "aws.ec2.instance_id", "(i-[0-9a-z]+|-)"),
    Field("tcp-flags", "aws.vpc.flow.tcp_flags", _NUMBER),
    Field("type", "", "(IPv4|IPv6|EFA|-)"),
    Field("pkt-srcaddr", "aws.vpc.flow.pkt_srcaddr", _ADDRESS),
    Field("pkt-dstaddr", "aws.vpc.flow.pkt_dstaddr", _ADDRESS),
    # Version 4.
    Field("region", "cloud.region", "([a-z]+-[a-z-]+-[0-9]+|-)", resource=True),
    Field("az-id", "cloud.availability_zone", "([a-z0-9]+-[a-z0-9-]+|-)", resource=True),
    *_plain("sublocation-type sublocation-id"),
    # Version 5.
    *_plain("pkt-src-aws-service pkt-dst-aws-service"),
    Field("flow-direction", "aws.vpc.flow.direction", "(ingress|egress|-)"),
    Field("traffic-path", "aws.vpc.flow.traffic_path", _NUMBER),
    # Version 7.
    Field("ecs-cluster-arn", "aws.ecs.cluster.arn", resource=True),
    Field("ecs-cluster-name", "aws.ecs.cluster.name", resource=True),
    Field("ecs-container-instance-arn", "aws.ecs.container_instance.arn", resource=True),
    Field("ecs-container-instance-id", "aws.ecs.container_instance.id", resource=True),
    Field("ecs-container-id", "container.id", resource=True),
    Field("ecs-second-container-id", "aws.ecs.second_container.id", resource=True),
    Field("ecs-service-name", "aws.ecs.service.name", resource=True),
    Field("ecs-task-definition-arn", "aws.ecs.task_definition.arn", resource=True),
    Field("ecs-task-arn", "aws.ecs.task.arn", resource=True),
    Field("ecs-task-id", "aws.ecs.task.id", resource=True),
    # Versions 8, 9 and 10.
    *_plain("reject-reason resource-id"),
    Field("encryption-status", "aws.vpc.flow.encryption_status", _NUMBER),
    # Version 11. A tag's value is percent-encoded.
    *_plain(
        "instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 "
        "interface-type next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id "
        "next-hop-interface-type"
    ),
)
"""The fields of a VPC's flow logs, in the order of AWS's table."""

_TRANSIT_FIELDS: tuple[Field, ...] = (
    *_transit("resource-type"),
    *_transit("tgw-id", "(tgw-[0-9a-z]+|-)"),
    *_transit("tgw-attachment-id", "(tgw-attach-[0-9a-z]+|-)"),
    *_transit("tgw-src-vpc-account-id tgw-dst-vpc-account-id", _ACCOUNT),
    *_transit(
        "tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni "
        "tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id"
    ),
    *_transit(
        "packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded "
        "packets-lost-ttl-expired",
        _NUMBER,
    ),
)

FIELDS: dict[str, Field] = {field.name: field for field in (*VPC_FIELDS, *_TRANSIT_FIELDS)}
"""All fields, by their names."""

_DEFAULT = 14
"""So many fields has the order that AWS takes where nobody gives one."""


# ---- Orders ---------------------------------------------------------------------------------


def read_order(text: str) -> list[Field]:
    """Return the fields of an order, as AWS writes it, `${srcaddr} ${dstaddr}`, or a file's header.

    Raises: FormatError, saying which field is wrong, and what may be meant.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise FormatError(f"the order of fields is longer than {MAX_BYTES} bytes")
    words = text.split()
    if not words:
        raise FormatError(
            "the order has no fields: give the flow log's format, ${version} ${account-id} …"
        )
    found: dict[str, Field] = {}
    for number, word in enumerate(words, 1):
        name = _name(word, f"field {number}")
        if name in found:
            raise FormatError(
                f"field {number}: {name} is there twice; AWS takes a field once, so leave one out"
            )
        found[name] = FIELDS[name]
    return list(found.values())


def _name(word: str, place: str) -> str:
    name = word[2:-1] if word.startswith("${") and word.endswith("}") else word
    if name in FIELDS:
        return name
    shown = word if len(word) <= 60 else f"{word[:60]}…"
    for escaped, whose in (("$${", "Terraform"), ("${!", "CloudFormation")):
        if word.startswith(escaped):
            raise FormatError(f"{place}: {shown!r} is escaped for {whose}: write ${{…}}")
    if word.count("${") > 1:
        raise FormatError(f"{place}: {shown!r} is more than one field: put a space in between")
    near = get_close_matches(name.lower().replace("_", "-"), FIELDS, n=1)
    hint = f"did you mean ${{{near[0]}}}?" if near else "see AWS's page on flow log records"
    raise FormatError(f"{place}: AWS has no field {shown!r}; {hint}")


# ---- The row of an order --------------------------------------------------------------------


def of_order(name: str, fields: Sequence[Field]) -> Format:
    """Return the format of a flow log's lines that have these fields, each in its place."""
    heading = " ".join(field.name for field in fields)
    values = " ".join(field.values for field in fields)
    # Lines of bare numbers and words may be anything's: they are read where a sender says so.
    known = f"match(line, '^{values}$')" if any(one.telling for one in fields) else "false"
    nothing = " ".join("-" for _ in fields)
    words = f"match(line, '^{_ANY}( {_ANY}){{{len(fields) - 1}}}$')"
    return _format(
        name,
        fields,
        check=f"line = '{heading}' OR (line != '{nothing}' AND {known})",
        hinted=words,
        heading=f"raw_row.Body = '{heading}'",
        whole="",
        title="AWS flow log, an order of fields of one's own",
    )


def built_in(name: str, title: str) -> Format:
    """Return the format of the default order, and of AWS's whole table as far as lines go.

    What is behind the default order is read where it fits the table, for it may be another order.
    A line of field names only is one too, whichever they are.
    """
    values = [field.values for field in VPC_FIELDS]
    default = " ".join(values[:_DEFAULT])
    rest = "".join(f"( {one}" for one in values[_DEFAULT:]) + ")?" * len(values[_DEFAULT:])
    names = "|".join(sorted(FIELDS, reverse=True))
    return _format(
        name,
        VPC_FIELDS,
        check=f"match(line, '^({default}( |$)|({names})( ({names})){{3,}}$)')",
        hinted="",
        heading="ascii(raw_row.Body) >= 97",
        whole=f"^{default}{rest}$",
        title=title,
    )


def _format(
    name: str,
    fields: Sequence[Field],
    *,
    check: str,
    hinted: str,
    heading: str,
    whole: str,
    title: str,
) -> Format:
    """Return the row.

    Args:
        name: What it is called.
        fields: The fields, in their order.
        check: SQL over `line`.
        hinted: As `check`, where a sender says so.
        heading: SQL that is true of the line of the fields' names.
        whole: What a line of more than the default fields matches; '' where all must be there.
        title: What it is.
    """
    at = {field.name: f"f[{number}]" for number, field in enumerate(fields, 1)}
    attributes = {
        field.attribute: at[field.name]
        for field in fields
        if field.attribute and not field.resource
    }
    attributes |= _meanings(at)
    columns = _record(at, f">= {_DEFAULT}" if whole else f"= {len(fields)}")
    resource = ["('cloud.provider', 'aws')"] + [
        f"('{field.attribute}', {at[field.name]})" for field in fields if field.resource
    ]
    columns["resource_pairs"] = f"arrayFilter(pair -> pair.2 != '', [{', '.join(resource)}])"
    columns |= {f"a{number}": value for number, value in enumerate(attributes.values(), 1)}
    listed = "".join(f",\n    {value} AS {column}" for column, value in columns.items())
    return Format(
        name=name,
        check=check,
        hinted=hinted,
        files=(),
        closed=True,
        mesh=True,
        title=title,
        select=f"SELECT\n    raw_row{listed}\nFROM ({_cut(at, heading, whole)})",
        attributes=tuple(attributes),
        resource=True,
    )


def _cut(at: Mapping[str, str], heading: str, whole: str) -> str:
    """Return the SELECT that cuts lines into `f`, the values, and tells their time.

    The time is when the flow was first seen, or last where the order has no more.
    """
    words = "splitByChar(' ', line)"
    if whole:
        fits = f"length(words) = {_DEFAULT} OR match(line, '{whole}')"
        words = f"arraySlice({words} AS words, 1, if({fits}, length(words), {_DEFAULT}))"
    seen = at.get("start") or at.get("end")
    return f"""
    SELECT
        raw_row,
        heading,
        f,
        {f"meshseal_epoch({seen})" if seen else "toInt64(0)"} AS time_unix_nano
    FROM (
        SELECT
            raw_row,
            {heading} AS heading,
            if(heading, '', raw_row.Body) AS line,
            arrayMap(word -> if(word = '-', '', word), {words}) AS f
        FROM raw
    )
"""


def _record(at: Mapping[str, str], count: str) -> dict[str, str]:
    """Return what every format says of a record, as SQL.

    Args:
        at: The value of each field.
        count: How many values there must be, as a condition.
    """
    timed = " AND time_unix_nano != 0" if "start" in at or "end" in at else ""
    wrong = [
        f"{at[name]} = '{value}'"
        for name, value in (("action", "REJECT"), ("log-status", "SKIPDATA"))
        if name in at
    ]
    bad = " OR ".join(wrong) or "false"
    return {
        "parsed": f"heading OR (length(f) {count}{timed})",
        "time_unix_nano": "time_unix_nano",
        "severity_text": f"if({bad}, 'WARN', 'INFO')",
        "severity_number": f"if({bad}, 13, 9)",
        "service_name": at.get("ecs-service-name", "''"),
        "trace_id": "''",
        "span_id": "''",
    }


def _meanings(at: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that are more than a field's value, as SQL."""
    found = {}
    if protocol := at.get("protocol"):
        numbers, names = ["1", "6", "17", "58", "132"], ["icmp", "tcp", "udp", "icmp", "sctp"]
        found["network.transport"] = f"transform({protocol}, {numbers}, {names}, {protocol})"
    if kind := at.get("type"):
        found["network.type"] = f"transform({kind}, ['IPv4', 'IPv6'], ['ipv4', 'ipv6'], '')"
        found["aws.vpc.flow.type"] = f"if({kind} IN ('IPv4', 'IPv6'), '', {kind})"
    if action := at.get("action"):
        found["error.type"] = f"if({action} = 'REJECT', 'REJECT', '')"
    if way := at.get("flow-direction"):
        sides = "['ingress', 'egress'], ['inbound', 'outbound']"
        found["mesh.reporter"] = f"transform({way}, {sides}, '')"
        for what, source, destination in (
            ("address", at.get("srcaddr"), at.get("dstaddr")),
            ("port", at.get("srcport"), at.get("dstport")),
        ):
            if source and destination:
                for end, inbound, outbound in (
                    ("peer", source, destination),
                    ("local", destination, source),
                ):
                    found[f"network.{end}.{what}"] = (
                        f"multiIf({way} = 'ingress', {inbound}, {way} = 'egress', {outbound}, '')"
                    )
    return found


def starts() -> str:
    """Return the characters that lines of the default order, and lines of names, begin with."""
    return "".join(sorted({*"123456789", *(name[0] for name in FIELDS)}))
