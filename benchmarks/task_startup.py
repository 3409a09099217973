"""CPU seconds that a task of each kind spends before its own work: `python -m benchmarks.task_startup`.

What a step imports is read from its function, so that a new step is measured without being named here. Each
set of imports runs in a fresh interpreter; the floor is an interpreter that imports nothing. DAG files are
parsed as Airflow's DAG processor does, beside `import airflow.sdk` alone.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ("from customer_health.settings import load_settings", "load_settings()")


sys.path[:0] = [str(ROOT / "include"), str(ROOT / "plugins")]


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each step of the pipeline with the imports that its function makes, as lines of code."""
    from customer_health import pipeline

    for name in sorted(pipeline.__all__):
        function = getattr(pipeline, name)
        if not inspect.isfunction(function):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        found = [
            ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        if found:
            yield name, ["from customer_health import pipeline", *SETTINGS, *found]


def cpu_seconds(lines: Sequence[str], repeats: int) -> float:
    """Run these lines in fresh interpreters and return the least user and system time of one."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}"}
    taken = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, env=environment, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def report(title: str, floor: float, rows: Sequence[tuple[str, Sequence[str]]], repeats: int) -> None:
    """Print a table: CPU seconds, and how much of them is above the floor."""
    print(f"\n{title:<34}{'CPU s':>8}{'above the floor':>18}")
    print(f"{'floor':<34}{floor:>8.2f}{'':>18}")
    for name, lines in rows:
        taken = cpu_seconds(lines, repeats)
        print(f"{name:<34}{taken:>8.2f}{taken - floor:>16.2f} s", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    report("Step of the pipeline", cpu_seconds(["pass"], repeats), list(steps()), repeats)
    parsing = "import runpy; runpy.run_path({!r})"
    files = [(path.name, [parsing.format(str(path))]) for path in sorted((ROOT / "dags").glob("*.py"))]
    report("DAG file", cpu_seconds(["import airflow.sdk"], repeats), files, repeats)


if __name__ == "__main__":
    main()
