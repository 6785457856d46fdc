"""Definitions of AWS flow logs: which orders of fields are taken, and why others are refused."""

from __future__ import annotations

import pytest

from meshseal.model.errors import FormatError
from meshseal.shape.custom import compile_flow_log
from meshseal.shape.flow_logs import FIELDS, VPC_FIELDS, read_order

_NAMES = [field.name for field in VPC_FIELDS]

REFUSED = {
    "nothing": ("", "the order has no fields: give the flow log's format, ${version}"),
    "blanks": (" \n\t ", "the order has no fields"),
    "an unknown field": (
        "${version} ${src-addr}",
        "field 2: AWS has no field '${src-addr}'; did you mean ${srcaddr}?",
    ),
    "Athena's name": ("${log_status}", "did you mean ${log-status}?"),
    "capitals": ("${SRCADDR}", "did you mean ${srcaddr}?"),
    "nothing like a field": ("${zzzzzz}", "field 1: AWS has no field '${zzzzzz}'; see AWS's page"),
    "a field twice": (
        "${start} ${end} ${start}",
        "field 3: start is there twice; AWS takes a field once, so leave one out",
    ),
    "once each way": ("start ${start}", "field 2: start is there twice"),
    "no blank in between": ("${start}${end}", "'${start}${end}' is more than one field: put a"),
    "commas": ("start,end", "field 1: AWS has no field 'start,end'"),
    "Terraform's escape": ("$${start}", "field 1: '$${start}' is escaped for Terraform: write ${"),
    "CloudFormation's": ("${!start}", "field 1: '${!start}' is escaped for CloudFormation"),
    "not closed": ("${start", "field 1: AWS has no field '${start'; did you mean ${start}?"),
    "a quote": ("'${start}'", "AWS has no field"),
    "SQL": ("${start}') ${end}; DROP TABLE logs --", "field 1: AWS has no field"),
    "a regular expression": ("(.*)* ${start}", "field 1: AWS has no field '(.*)*'"),
    "a backslash": ("start\\", "AWS has no field"),
    "NUL": ("start\0", "AWS has no field"),
    "half a surrogate": ("\ud800", "AWS has no field"),
    "an Envoy format": ("%START_TIME% %DURATION%", "field 1: AWS has no field '%START_TIME%'"),
    "too long": ("${start} " * 2000, "the order of fields is longer than 8192 bytes"),
    "one long word": ("x" * 8000, f"AWS has no field '{'x' * 60}…'"),
}


@pytest.mark.parametrize(("order", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_order_is_refused_with_a_reason(order: str, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        compile_flow_log("flows", order)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["", "A", "a'b", "unparsed", "otlp", "a" * 41])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        compile_flow_log(name, "${start}")


def test_every_field_that_AWS_has_is_known() -> None:  # noqa: N802
    assert len(_NAMES) == len(set(_NAMES)) == 54
    assert [len(_NAMES[:_NAMES.index(one) + 1]) for one in (
        "log-status", "pkt-dstaddr", "sublocation-id", "traffic-path", "ecs-task-id",
        "reject-reason", "resource-id", "encryption-status", "next-hop-interface-type",
    )] == [14, 21, 25, 29, 39, 40, 41, 42, 54]  # fmt: skip
    assert len(FIELDS) == 54 + 18


ORDERS = {
    "as AWS writes it": "${version} ${srcaddr} ${log-status}",
    "over several lines": "${version} \n  ${srcaddr}\n\t${log-status}\n",
    "the first line of a file": "version srcaddr log-status",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_an_order_is_taken_as_it_is_written(order: str) -> None:
    assert [field.name for field in read_order(order)] == ["version", "srcaddr", "log-status"]
