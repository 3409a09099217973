"""An account goes and later a person of it, or the reverse: in any order, nothing stays behind anywhere."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import insert

from customer_health.ledger import erasures, schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.erasure import erase
from customer_health.pipeline.erased_rows import keep_erased_out
from customer_health.settings import Settings, load_settings
from customer_health.storage import write
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import create_tables
from tests.e2e.test_erasure import everything

DAY = date(2026, 3, 16)
NOW = datetime(2026, 3, 16, 6, tzinfo=UTC)
ASKED = {"by": "dana", "reason": "asked by letter 17"}
# Two customers. Robin works at the first only; Kim is a contact of both, under one user id.
FIRST, SECOND = "acc-canary-first", "acc-canary-second"
ROBIN = ("con-canary-robin", "usr-canary-robin")
KIM = ("con-canary-kim", "usr-canary-kim")
STEPS = {"first": ("account", FIRST), "robin": ("person", ROBIN[1]), "kim": ("person", KIM[0])}
ORDERS = [order for length in (1, 2, 3) for order in permutations(STEPS, length)]


def load(settings: Settings, number: int) -> None:
    """A load that no gate has seen: both customers, their people, and rows that name nobody's account."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    contacts = [(ROBIN, FIRST), (KIM, FIRST), (KIM, SECOND)]
    with open_warehouse(settings.warehouse_url) as con:
        create_tables(con)
        load_id = f"load-{number:06d}"
        con.execute(
            "INSERT INTO ops.loads (load_id, source, table_name, gated) VALUES (?, 'crm', 'contacts', false)",
            [load_id],
        )

        def add(table: str, **row: object) -> None:
            row = {**row, "occurred_at": at, "_load_id": load_id}
            marks = ", ".join("?" for _ in row)
            con.execute(f"INSERT INTO raw.{table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

        for account in (FIRST, SECOND):
            add("accounts", account_id=account, name=f"{account} Ltd")
        for place, ((contact, user), account) in enumerate(contacts):
            add("contacts", contact_id=contact, user_id=user, account_id=account, name=f"Name {contact}")
            add("usage", account_id=account, user_id=user, feature="export", events=1)
            add("surveys", survey_id=f"s-{place}", account_id=account, contact_id=contact,
                text=f"Words of {contact}")  # fmt: skip
        # A tool that knows contact ids only, and took Robin's ticket for the second customer's.
        add("tickets", ticket_id="t-1", account_id=SECOND, contact_id=KIM[0])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Canaries wherever something is kept: warehouse, ledger, landed files, previews, reports, extracts."""
    home = tmp_path_factory.mktemp("kept")
    settings = load_settings({}, home=home)
    load(settings, 1)
    with writing(open_ledger(settings.ledger_url)) as connection:
        for episode in (FIRST, SECOND):
            detail = {"lines": [f"{one} asked" for one in (*ROBIN, *KIM)], "account": episode}
            now = {"at": NOW, "by": "dana", "episode_id": f"e-{episode[-6:]}", "kind": "note", "ref": "r"}
            connection.execute(insert(schema.episode_events).values(detail=detail, **now))
    rows = [{"id": FIRST}, {"user": ROBIN[1]}, {"by": ROBIN[0]}, {"user": KIM[1]}, {"id": "stays"}]
    landed = home / "landing" / "crm" / "people"
    landed.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (landed / "0000001.jsonl.gz").write_bytes(gzip.compress(lines))
    for name in (*ROBIN, *KIM, FIRST):
        write(settings.preview / f"{DAY}" / "emails" / f"{name[-5:]}.md", f"Dear {name}")
        write(settings.reports / f"{DAY}" / f"ids-{name[-5:]}.md", f"| {name} |")
    for folder in ("models/.folds", "state", "cache", "texts"):
        write(home / folder / "extract.json", json.dumps([FIRST, *ROBIN, *KIM]))
    write(settings.models / "m-1" / "champion.json", '{"coefficients": [1, 2]}')
    return home


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_whatever_the_order_no_canary_of_an_erased_one_is_left_and_none_comes_back(
    kept: Path, tmp_path: Path, order: tuple[str, ...]
) -> None:
    shutil.copytree(kept, tmp_path / "home")
    settings = load_settings({}, home=tmp_path / "home")
    for number, step in enumerate(order):
        kind, identifier = STEPS[step]
        erase(settings, kind, identifier, now=NOW + timedelta(days=number), **ASKED)
        for said in nothing_left(settings, order[: number + 1]):
            pytest.fail(said)
    load(settings, 2)  # the source still has everybody
    with open_warehouse(settings.warehouse_url) as con:
        keep_erased_out(settings, con)
    for said in nothing_left(settings, order, gated=True):
        pytest.fail(f"after the next load: {said}")

    receipts = erasures.receipts(open_ledger(settings.ledger_url))
    assert len(receipts) == len(order)
    assert all(receipt["finished_at"] for receipt in receipts)
    assert not any(one in str([dict(row) for row in receipts]) for one in (FIRST, *ROBIN, *KIM))
    assert (settings.models / "m-1" / "champion.json").exists()  # holds numbers of nobody
    assert SECOND in everything(settings)


def nothing_left(settings: Settings, done: tuple[str, ...], *, gated: bool = False) -> list[str]:
    """Name the canaries that are still somewhere and must not be."""
    gone = {"first": (FIRST,), "robin": ROBIN, "kim": KIM}
    wanted = {one for step in done for one in gone[step]}
    if "first" in done and not gated:
        wanted |= set(ROBIN)  # known through the account only: the account's rows were theirs
    lines = everything(settings).splitlines()
    return [f"{one} in {line[:200]}" for one in sorted(wanted) for line in lines if one in line]


def test_the_ids_of_a_person_are_found_by_any_of_them_after_their_account_has_gone(
    kept: Path, tmp_path: Path
) -> None:
    """A load brings Robin back under the contact id alone; the request names the user id alone."""
    shutil.copytree(kept, tmp_path / "home")
    settings = load_settings({}, home=tmp_path / "home")
    erase(settings, "account", FIRST, now=NOW, **ASKED)
    with open_warehouse(settings.warehouse_url) as con:
        con.execute(
            "INSERT INTO raw.tickets (ticket_id, account_id, contact_id, occurred_at, _load_id) "
            "VALUES ('t-9', ?, ?, TIMESTAMP '2026-03-20', 'load-000003')",
            [SECOND, ROBIN[0]],
        )
    assert ROBIN[0] in everything(settings)  # nobody has asked for Robin yet
    erase(settings, "person", ROBIN[1], now=NOW, **ASKED)
    assert ROBIN[0] not in everything(settings)


def test_a_contact_that_comes_later_brings_no_name_of_who_was_erased_under_another_id(tmp_path: Path) -> None:
    """Robin was known by usage alone; the next load says which contact that is."""
    settings = load_settings({}, home=tmp_path / "home")
    erase(settings, "person", ROBIN[1], now=NOW, **ASKED)
    for number in (1, 2):
        load(settings, number)
        with open_warehouse(settings.warehouse_url) as con:
            keep_erased_out(settings, con)
            con.execute("UPDATE ops.loads SET gated = true")
        assert nothing_left(settings, ("robin",)) == []
    assert len(erasures.receipts(open_ledger(settings.ledger_url))) == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_same_wish_again_and_again_among_others_changes_nothing_more(
    kept: Path, tmp_path: Path, seed: int
) -> None:
    """Random series of wishes with repeats: receipts stay one each, and canaries away."""
    shutil.copytree(kept, tmp_path / "home")
    settings = load_settings({}, home=tmp_path / "home")
    random, done = Random(seed), list[str]()
    for _ in range(5):
        step = random.choice(list(STEPS))
        done.append(step)
        kind, identifier = STEPS[step]
        named = random.choice(ROBIN) if step == "robin" else identifier
        erase(settings, kind, named, now=NOW, **ASKED)
        assert nothing_left(settings, tuple(done)) == []
    assert len(erasures.receipts(open_ledger(settings.ledger_url))) == len(set(done))
