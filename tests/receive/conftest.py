"""A certificate for the tests of TLS."""

from __future__ import annotations

import pytest

from tests.certificates import Files, write_certificate


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_certificate(tmp_path_factory.mktemp("tls"))
