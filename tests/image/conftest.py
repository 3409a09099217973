"""The image's own environment is made by `make image-test`; elsewhere these tests do not exist."""

from __future__ import annotations

from tests.image.machine import VENV

collect_ignore_glob = [] if (VENV / "bin" / "airflow").exists() else ["test_processes.py"]
