"""The structure can be read from the tree: one name for each file, no import circles, no overgrown files."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
CODE = ("include", "plugins", "dags")
EVERYWHERE = {"__init__", "__main__", "conftest"}
LONGEST = 450


def files(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from (ROOT / room).rglob("*.py")


def test_no_two_files_of_the_project_have_the_same_name():
    places = defaultdict(list)
    for path in files(*CODE, "benchmarks"):
        places[path.stem].append(str(path.relative_to(ROOT)))

    assert {name: found for name, found in places.items() if len(found) > 1 and name not in EVERYWHERE} == {}


def test_no_file_has_grown_two_jobs():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files(*CODE)}

    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    assert statistics.median(lengths.values()) < 110


def test_importing_the_steps_of_the_chain_loads_nothing_heavy():
    """Every task begins so, whatever it does; what a step needs, its function imports."""
    heavy = (
        "pandas",
        "numpy",
        "sqlalchemy",
        "duckdb",
        "pyarrow",
        "ibis",
        "numba",
        "sklearn",
        "lightgbm",
        "dlt",
    )
    code = (
        "import sys, customer_health.pipeline, customer_health.settings as s; s.load_settings({});"
        f"print(*sorted(set({heavy}) & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": "include", "PATH": "/usr/bin:/bin"},
    )

    assert ran.stdout.split() == []


@pytest.fixture(scope="module")
def imports() -> Mapping[str, Set[str]]:
    graph = grimp.build_graph("customer_health", "customer_health_airflow")
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_no_module_imports_itself_round_a_corner(imports):
    """Local imports and those for type checking count too: a circle is hard to read wherever it closes."""
    remaining = {module: set(used) for module, used in imports.items()}
    while leaves := [module for module, used in remaining.items() if not used & remaining.keys()]:
        for module in leaves:
            del remaining[module]
    within = {m: sorted(used & remaining.keys()) for m, used in remaining.items()}
    used_by_others = set().union(*within.values()) if within else set()
    assert {module: used for module, used in within.items() if module in used_by_others} == {}
