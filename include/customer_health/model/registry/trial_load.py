"""Try a model in a child process first: a file that makes LightGBM abort must not take scoring with it.

The child is given the bytes whose hashes were checked, and the parent loads the very same. This is for the
file that is what it should be and kills the library all the same, as another version of it may.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile

from customer_health.errors import CustomerHealthError, RetriableError
from customer_health.model.registry.artefact import DamagedArtefactError, assemble, verified_files
from customer_health.model.registry.champion import Champion

SECONDS = 300.0
_SURVIVED: set[tuple[str, ...]] = set()  # artefacts that a child of this process has loaded
REFUSED = 3  # exit code of a child that read the files and said no


class SlowArtefactError(RetriableError):
    """A trial load did not end in time; nobody knows yet whether the files are sound."""


def load_safely(folder: Path, expected_sha256: Mapping[str, str]) -> Champion:
    """Load a champion after a child process has survived loading it.

    Args:
        folder: Where it was saved.
        expected_sha256: What `artefact.save` returned.

    Raises:
        DamagedArtefactError: A file is not the registered one, or the child refused it or died of it.
        StorageUnavailableError: The folder lies at an address that did not answer.
        SlowArtefactError: The child did not come back in time.
    """
    files = verified_files(folder, expected_sha256)
    key = (str(folder), *sorted(expected_sha256.values()))
    if key not in _SURVIVED:
        _try(str(folder), json.dumps(files, sort_keys=True))
        _SURVIVED.add(key)
    return assemble(files, str(folder))


def _try(folder: str, files: str) -> None:
    """Run the trial."""
    with TemporaryFile("w+", encoding="utf-8") as told:
        told.write(files)
        told.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-m", "customer_health.model.registry.trial_load", folder],
            stdin=told,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # The child has to find what this process found, however it was put on the path.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    end = time.monotonic() + SECONDS
    # What the champion is read with takes a second to import: here meanwhile, and not afterwards.
    import_module("customer_health.model.candidates.candidate_loaders")
    import_module("lightgbm")
    try:
        _, said = child.communicate(timeout=max(end - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        # A busy machine says nothing about the file: falling back to the rules would repaint everybody.
        raise SlowArtefactError(
            f"Loading the model in {folder} took more than {SECONDS:g} s.",
            hint="Try again when the machine is less busy; roll back if it never loads.",
        ) from None
    if child.returncode != 0:
        last = (said.strip().splitlines() or ["no message"])[-1]
        if child.returncode == REFUSED:
            raise DamagedArtefactError(last, hint="Roll back, or train again.")
        raise DamagedArtefactError(
            f"A trial load of the model in {folder} ended with code {child.returncode}: {last}",
            hint="Roll back, or train again.",
        )


def _main() -> None:
    try:
        assemble(json.loads(sys.stdin.read()), sys.argv[1])
    except CustomerHealthError as error:
        print(error.message, file=sys.stderr)
        sys.exit(REFUSED)


if __name__ == "__main__":
    _main()
