"""The decoder that all tests of shapes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shape.decoder import Decoder, running_decoder


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoder]:
    with running_decoder(tmp_path_factory.mktemp("decoder")) as running:
        yield running
