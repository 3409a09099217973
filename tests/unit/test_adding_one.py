"""What CONTRIBUTING says about adding one is true: so many files, and no list to extend."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

DECLARATION = """
from customer_health.connections.connection_options import Options
from customer_health.connections.kind import Kind

class PagerOptions(Options):
    room: str = "ward-1"

KIND = Kind(
    name="pager", title="Pager", options=PagerOptions, opens="customer_health.destinations.pager:open_pager",
    verbs=("notify",), after_lost_answer="rung again", needs="a pager", keys=(("number",),),
    places={"login": "number"},
)
"""
CLIENT = """
from customer_health.connections.pager_connection import PagerOptions
from customer_health.destinations import opening

class PagerDestination:
    idempotent = True

    def __init__(self, name, number, room):
        self.name, self.number, self.room = name, number, room

    def find(self, effect):
        return None

    def deliver(self, effect):
        return f"{self.number}/{self.room}"

    def problems(self, channels):
        yield "It is switched off.", "Switch it on."

def open_pager(role, settings):
    options = settings.config.connections.of(PagerOptions)
    return PagerDestination(role, opening.secret_of("pager", settings)["number"], options.room)
"""
TRIAL = """
import sys
from pathlib import Path
import customer_health.connections, customer_health.destinations
for package in (customer_health.connections, customer_health.destinations):
    package.__path__.append(sys.argv[1])

from customer_health.destinations.destination_docs import with_tables
from customer_health.destinations.destination_registry import destination_for
from customer_health.destinations.doctor import examine
from customer_health.settings import load_settings
from customer_health_airflow.connection_secrets import PLACES

home = Path(sys.argv[1])
company = home / "company.yaml"
company.write_text("destinations: {slack: pager}\\nconnections: {pager: {room: ward-7}}\\n")
environment = {"CUSTOMER_HEALTH_CONFIG": str(company), "CUSTOMER_HEALTH_SECRET_PAGER": '{"number": "112"}'}
settings = load_settings(environment, home=home)
print(destination_for("slack", settings).deliver(None))
print(*[problem.what for problem in examine(settings)])
print(PLACES["pager"]["login"])
print("| `pager` | Pager | notify |" in with_tables("<!-- kinds -->\\n<!-- end -->"))
"""


def counted(what: str) -> int:
    """Return the number of files that CONTRIBUTING's table names for one more of a kind of thing."""
    (row,) = re.findall(rf"^\| {what} \|.*$", GUIDE, re.M)
    return int(row.rstrip("| ").split("|")[-1])


def test_a_destination_is_a_declaration_and_a_client(tmp_path: Path):
    """Company file, registry, credentials, doctor and docs know it from these two files alone."""
    files = {"pager_connection.py": DECLARATION, "pager.py": CLIENT}
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    ran = subprocess.run(
        [sys.executable, "-c", TRIAL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": "include:plugins", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["112/ward-7", "It is switched off.", "number", "True"]
    assert counted("A destination") == len(files) + len(("its server", "its rig"))


@pytest.mark.parametrize("what", ["A signal", "A playbook", "A source"])
def test_every_file_that_the_guide_names_for_one_more_is_there(what: str):
    (row,) = re.findall(rf"^\| {what} \|.*$", GUIDE, re.M)
    named = re.findall(r"`([^`]+/[^`]*)`", row)
    assert len(named) == counted(what)
    assert [path for path in named if not list(ROOT.glob(re.sub(r"[A-Z]{2,}", "*", path)))] == []
