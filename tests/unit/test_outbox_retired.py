"""Rows of settled effects go after their time; what they did is never done again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from tests.lib.ledger import day, morning
from tests.lib.ledgers import ledger_url
from tests.lib.remote import Remote

from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.effects.effect import Effect, effect_key
from customer_health.errors import FatalError
from customer_health.ledger import schema, subject_records
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.old_rows import remove_old_rows
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.outbox.retired import retire
from customer_health.ledger.outbox_queries import waiting_since
from customer_health.playbooks.reminders import follow_up
from customer_health.retention_config import RetentionConfig
from customer_health.subject import Subject

__all__ = ["ledger_url"]  # every test here runs on SQLite and on Postgres

KEEP = RetentionConfig()
LATER = day(1) + timedelta(days=KEEP.effects + 1)
"""The first day on which nothing of day 1 is kept but what stays for ever."""


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


def effect(verb: str = "notify", *, on: int = 1, account: str = "acme", **fields: object) -> Effect:
    key = effect_key(account, "p", f"ep-{on}", verb, "slack")
    return replace(
        Effect(key, "slack", verb, account, day(on), "p", verb, f"ep-{on}", {"text": "x" * 400}), **fields
    )


def promise(ledger: Engine, *effects: Effect) -> set[str]:
    with writing(ledger) as connection:
        return outbox.add(connection, effects, now=morning(1))


def sent(ledger: Engine, remote: Remote) -> int:
    return deliver(ledger, remote, now=lambda: morning(9)).delivered


def there(ledger: Engine) -> set[str]:
    with ledger.connect() as connection:
        return set(connection.execute(select(schema.outbox.c.key)).scalars())


def test_an_effect_whose_row_was_let_go_is_never_promised_or_sent_again(
    ledger: Engine, tmp_path: Path
) -> None:
    remote, one = Remote(tmp_path), effect()
    promise(ledger, one)
    assert sent(ledger, remote) == 1
    assert retire(ledger, KEEP, LATER - timedelta(days=1)) == 0
    assert retire(ledger, KEEP, LATER) == 1
    assert there(ledger) == set()

    with ledger.connect() as connection:
        assert outbox.existing(connection, [one.key, "other"]) == {one.key: day(1)}
    assert promise(ledger, one) == set()
    assert sent(ledger, remote) == 0
    assert len(remote.history()) == 1
    assert retire(ledger, KEEP, LATER) == 0


def test_its_log_goes_with_it_and_its_payload_is_nowhere(ledger: Engine, tmp_path: Path) -> None:
    promise(ledger, effect(), effect(account="young", on=400))
    sent(ledger, Remote(tmp_path))
    counts = remove_old_rows(ledger, KEEP, LATER)

    assert counts["outbox"] == 1
    with ledger.connect() as connection:
        logged = set(connection.execute(select(schema.deliveries.c.key)).scalars())
        kept = connection.execute(select(schema.retired_effects)).mappings().one()
    assert logged <= {effect(account="young", on=400).key}
    assert set(kept) == {"key", "account_id", "as_of", "destination", "verb", "state", "remote_id"}
    assert kept["remote_id"]


def test_what_is_open_refused_or_looked_up_by_account_stays_however_old(
    ledger: Engine, tmp_path: Path
) -> None:
    task, opportunity = effect("create_task"), effect("create_opportunity")
    refused, open_episode = effect(account="refused"), effect("enroll", on=2)
    waiting = effect("draft_email", payload={"approval": "required"})
    episode = {
        **dict.fromkeys(("account_id", "episode_id"), "ep-2"),
        **{"opened_as_of": day(2), "opened_at": morning(2), "red_since": day(2)},
        **{"opened_score": 20, "lowest_score": 20, "inherited": False},
    }
    with writing(ledger) as connection:
        connection.execute(insert(schema.episodes).values(episode))
    promise(ledger, task, opportunity, refused, open_episode, waiting)
    sent(ledger, Remote(tmp_path))
    with writing(ledger) as connection:
        ours = schema.outbox.c.key == refused.key
        connection.execute(schema.outbox.update().where(ours).values(state="rejected"))

    before = there(ledger)
    assert retire(ledger, KEEP, LATER + timedelta(days=999)) == 0
    assert there(ledger) == before
    with writing(ledger) as connection:
        connection.execute(schema.episodes.update().values(closed_as_of=day(9), outcome="recovered"))
    assert retire(ledger, KEEP, LATER + timedelta(days=999)) == 1
    assert open_episode.key not in there(ledger)


def test_a_message_stays_as_long_as_what_belongs_to_it(ledger: Engine, tmp_path: Path) -> None:
    message = effect()
    reply = effect("reply", payload={"parent_key": message.key}, as_of=date(2029, 12, 1))
    promise(ledger, message, reply)
    remote = Remote(tmp_path)
    assert sent(ledger, remote) + sent(ledger, remote) == 2

    assert retire(ledger, KEEP, date(2029, 12, 24)) == 0
    assert retire(ledger, KEEP, date(2033, 1, 1)) == 2  # the reply, and then what it belonged to


def test_a_reply_to_a_message_whose_row_was_let_go_reaches_its_thread(ledger: Engine, tmp_path: Path) -> None:
    remote, message = Remote(tmp_path), effect()
    promise(ledger, message)
    sent(ledger, remote)
    with ledger.connect() as connection:
        thread = connection.execute(select(schema.outbox.c.remote_id)).scalar_one()
    assert retire(ledger, KEEP, LATER) == 1
    reply = effect("reply", payload={"parent_key": message.key, "text": "judged"})
    promise(ledger, reply)
    follow_up(ledger, CompanyConfig(), now=morning(9))

    assert sent(ledger, remote) == 1
    assert remote.payloads[reply.key]["parent_remote_id"] == thread


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("folded", "its message went into a digest"),
        ("declined", "its message was declined"),
        ("expired", "nobody approved its message in time"),
        ("superseded", "its message was replaced by something newer"),
    ],
)
@pytest.mark.parametrize("let_go", [False, True], ids=["kept", "let go"])
def test_what_belongs_to_a_message_that_is_never_sent_ends_with_the_reason(
    ledger: Engine, tmp_path: Path, state: str, why: str, let_go: bool
) -> None:
    message = effect()
    promise(ledger, message)
    with writing(ledger) as connection:
        connection.execute(schema.outbox.update().values(state=state))
    assert retire(ledger, KEEP, LATER) == 1 if let_go else True
    reply = effect("reply", payload={"parent_key": message.key})
    edit = effect("update_message", payload={"parent_key": message.key})
    promise(ledger, reply, edit)
    follow_up(ledger, CompanyConfig(), now=morning(9))

    assert sent(ledger, Remote(tmp_path)) == 0
    ended = {row["key"]: row for row in admin.find(ledger, state="superseded")}
    expected = "its message is not kept any more" if let_go else why
    assert {ended[one.key]["fix"] for one in (reply, edit)} == {expected}
    with ledger.connect() as connection:
        logged = connection.execute(select(schema.deliveries.c.detail)).scalars().all()
    assert logged == [expected] * 2


def test_what_belongs_to_a_refused_message_waits_for_the_person_who_sends_it_again(
    ledger: Engine, tmp_path: Path
) -> None:
    message, remote = effect(), Remote(tmp_path)
    promise(ledger, message)
    with writing(ledger) as connection:
        connection.execute(schema.outbox.update().values(state="rejected"))
    reply = effect("reply", payload={"parent_key": message.key})
    promise(ledger, reply)
    follow_up(ledger, CompanyConfig(), now=morning(9))
    assert sent(ledger, remote) == 0
    assert waiting_since(ledger, morning(9)) == {}  # nobody is called in the night for it
    admin.resend(ledger, message.key, reason="the channel is back", now=morning(9))
    assert set(waiting_since(ledger, morning(9))) == {"slack"}
    assert sent(ledger, remote) + sent(ledger, remote) == 2


def test_of_an_accounts_field_values_the_newest_stay(ledger: Engine, tmp_path: Path) -> None:
    updates = [effect("set_fields", on=number) for number in (1, 2, 3)]
    alone = effect("set_fields", account="left-long-ago")
    promise(ledger, *updates, alone)
    sent(ledger, Remote(tmp_path))

    assert retire(ledger, KEEP, day(2) + timedelta(days=KEEP.field_updates)) == 1
    assert retire(ledger, KEEP, LATER + timedelta(days=999)) == 1
    assert there(ledger) == {updates[2].key, alone.key}
    assert promise(ledger, *updates, alone) == set()


def test_whoever_asks_for_it_once_more_is_told_why_that_cannot_be(ledger: Engine, tmp_path: Path) -> None:
    promise(ledger, effect())
    sent(ledger, Remote(tmp_path))
    retire(ledger, KEEP, LATER)

    with pytest.raises(FatalError, match="was settled long ago"):
        admin.resend(ledger, effect().key, reason="the customer asks", now=morning(9))


def test_an_erasure_still_names_it_at_its_destination_and_then_forgets_it(
    ledger: Engine, tmp_path: Path
) -> None:
    promise(ledger, effect(), effect(account="other"))
    sent(ledger, Remote(tmp_path))
    retire(ledger, KEEP, LATER)
    subject = Subject("account", ("acme",))

    assert len(subject_records.landed(ledger, subject, {"slack": "slack"})) == 1
    subject_records.erase_records(ledger, subject)
    with ledger.connect() as connection:
        kept = set(connection.execute(select(schema.retired_effects.c.account_id)).scalars())
    assert kept == {"other"}
