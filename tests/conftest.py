"""What every test needs: a home of its own, one Hypothesis profile, no thread storms."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy is imported anywhere: two test workers with a thread per core each only fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dev", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=60, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


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
