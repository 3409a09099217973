"""Three object stores behind their real drivers, in the image's packages: `make clouds-test` runs these."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clouds.stores import STORES, Bucket, Store

collect_ignore_glob = [] if os.environ.get("CLOUDS_TEST") and find_spec("gcsfs") else ["test_*.py"]


@pytest.fixture(scope="session", params=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A running server with nothing in it, and the driver's own variables that lead to it."""
    one = STORES[request.param]
    if missing := one.missing():
        pytest.skip(missing)
    with pytest.MonkeyPatch.context() as patch, one.running(tmp_path_factory.mktemp(one.protocol)):
        for name, value in one.environment().items():
            patch.setenv(name, value)
        one.forget()
        yield one
    one.forget()


@pytest.fixture
def bucket(store: Store) -> Bucket:
    """An empty bucket of its own for each test."""
    return store.bucket(f"t-{uuid4().hex[:12]}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
