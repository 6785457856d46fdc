"""Names and numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.columns import ATTRIBUTE_COLUMN, COLUMN, LOG_COLUMNS, PROMOTED
from meshseal.model.errors import PayloadError
from meshseal.model.identifiers import (
    MAX_TENANTS_PER_SEGMENT,
    PLATFORM_TENANT,
    batch_id,
    check_tenant,
    label_name,
    segment_of_batch,
)


@pytest.mark.parametrize("name", ["a", "A1", "team-a", "a.b_c-d", "0", "x" * 63])
def test_a_tenant_s_name(name: str) -> None:
    assert check_tenant(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-a", ".a", "a b", "a/b", "a|b", "a\n", "ä", "x" * 64, PLATFORM_TENANT, "a'b", "a\0"],
)
def test_no_tenant_s_name(name: str) -> None:
    with pytest.raises(PayloadError, match="not a tenant name"):
        check_tenant(name)


@given(
    one=st.tuples(st.integers(0, 2**40 - 1), st.integers(0, 4095), st.integers(0, 2**11 - 1)),
    two=st.tuples(st.integers(0, 2**40 - 1), st.integers(0, 4095), st.integers(0, 2**11 - 1)),
)
def test_a_batch_number_is_one_to_one(one: tuple[int, int, int], two: tuple[int, int, int]) -> None:
    ids = [batch_id(segment, ordinal, node=node) for segment, ordinal, node in (one, two)]
    assert (ids[0] == ids[1]) == (one == two)
    assert segment_of_batch(ids[0]) == one[0]
    assert 0 <= ids[0] < 2**63


@pytest.mark.parametrize(
    ("segment", "ordinal"), [(-1, 0), (2**40, 0), (0, -1), (0, 2 * MAX_TENANTS_PER_SEGMENT)]
)
def test_no_batch_number(segment: int, ordinal: int) -> None:
    with pytest.raises(ValueError, match="no batch id"):
        batch_id(segment, ordinal)


@given(key=st.text(min_size=1, max_size=20))
def test_a_label_is_a_name_of_the_query_language(key: str) -> None:
    name = label_name(key)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    assert label_name(name) == name


@pytest.mark.parametrize(
    ("key", "name"),
    [("k8s.pod.name", "k8s_pod_name"), ("1st", "_1st"), ("a-b/ä", "a_b__"), ("", "")],
)
def test_known_labels(key: str, name: str) -> None:
    assert label_name(key) == name


def test_columns_are_declared_once() -> None:
    assert len(COLUMN) == len(LOG_COLUMNS)
    assert len(ATTRIBUTE_COLUMN) == len(PROMOTED)
