"""What every test needs: a home of its own, one Hypothesis profile, no thread storms."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Before numpy is imported anywhere: two test workers with a thread per core each only fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dev", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=60, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


# Tests that share something dear to set up (an Airflow with its database, a company that went through its
# whole chain, a browser) stay in one process; the longest comes first. All others are dealt out by file.
TOGETHER = {"e2e": "chain", "browser": "pages", "plugins": "pages", "dags": "pages"}


def _room(nodeid: str) -> str:
    return nodeid.split("/")[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes: what stays together comes first, the longest before the others."""
    rooms = list(TOGETHER)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (*rooms, _room(item.nodeid)).index(_room(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal tests out as `TOGETHER` says. Marks for `--dist loadgroup` do not reach pytest 9's node ids."""
    from xdist.scheduler import LoadScopeScheduling

    class ByRoom(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER.get(_room(nodeid), nodeid.split("::")[0])

    return ByRoom(config, log)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own CUSTOMER_HEALTH_* must not decide what the tests see."""
    for name in [name for name in os.environ if name.startswith("CUSTOMER_HEALTH_")]:
        if name != "CUSTOMER_HEALTH_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that is this test's CUSTOMER_HEALTH_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
