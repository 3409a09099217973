"""`make twins`: take each guard of tests/twins.yaml out of a copy of the project, and see its test fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LIST = ROOT / "tests" / "twins.yaml"
COPIED = ("include", "plugins", "dags", "tests", "docs", "examples", "pyproject.toml")
WITHIN = 600  # seconds for one test
FAILED = 1  # pytest: tests ran, and some failed; anything else but 0 means that they did not run

Twin = Mapping[str, str]


def twins(named: Sequence[str] = ()) -> list[Twin]:
    """Return the twins of the list; with words, those whose guard contains one of them."""
    every = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return [twin for twin in every if not named or any(word in twin["guard"] for word in named)]


def breaks(folder: Path, twin: Twin) -> None:
    """Take the guard out of a copy.

    Raises:
        ValueError: Its words are not there exactly once: the list is older than the code.
    """
    path = folder / twin["file"]
    text = path.read_text(encoding="utf-8")
    if text.count(twin["words"]) != 1:
        raise ValueError(
            f"{twin['file']} holds {twin['words']!r} {text.count(twin['words'])} times, not once."
        )
    path.write_text(text.replace(twin["words"], twin["without"]), encoding="utf-8")


def notices(twin: Twin) -> bool:
    """Whether the test fails without the guard.

    Raises:
        RuntimeError: The test did not run.
    """
    with tempfile.TemporaryDirectory(prefix="broken-twin-") as made:
        folder = Path(made)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(ROOT / name, folder / name)
        breaks(folder, twin)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", twin["test"]],
            cwd=folder, capture_output=True, text=True, timeout=WITHIN, check=False,
            env={**os.environ, "PYTHONPATH": f"{folder / 'include'}:{folder / 'plugins'}"},
        )  # fmt: skip
    crashed = done.returncode < 0  # a damaged model can take the whole process with it
    if done.returncode not in (0, FAILED) and not crashed:
        raise RuntimeError(f"{twin['test']} did not run:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
    return done.returncode == FAILED or crashed


def main(named: Sequence[str]) -> int:
    """Run the twins and return 1 if a guard is held by nothing, or cannot be taken out any more."""
    asleep = 0
    for twin in twins(named):
        try:
            said = "noticed" if notices(twin) else "NOT NOTICED"
        except (ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
            said = f"NOT TRIED ({error})"  # the others are tried all the same
        asleep += said != "noticed"
        print(f"{said}: {twin['guard']} ({twin['test']})", flush=True)
    return 1 if asleep else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
