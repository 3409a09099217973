"""Spark runs in an environment of its own (`make spark-test`); elsewhere these tests do not exist."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("pyspark") else ["test_*.py"]
