"""What waits for a person, as questions for Airflow's own approval form; and what an answer does.

Everything is read from the ledger and written to it by name. The form is one way to answer, the page
*Health, Actions* and the command line are others: anybody who comes second learns that it was answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, CustomerHealthError

if TYPE_CHECKING:
    from customer_health.settings import Settings

EFFECT, MODEL = "effect", "model"
MOST_LISTED = 20
NOBODY = "nobody (no answer in time)"


@dataclass(frozen=True)
class Question:
    """One thing that a person decides.

    Attributes:
        subject: The headline of the form.
        body: Markdown. Whatever came from a customer stands in indented code, where nothing is markup.
        approvers: Who may answer, as Airflow names its users; empty for everybody.
        expires_at: When no answer becomes a no; None when it may wait.
    """

    subject: str
    body: str
    approvers: tuple[str, ...] = ()
    expires_at: datetime | None = None


def waiting(settings: Settings) -> list[dict[str, str]]:
    """Return `kind` and `id` of everything that waits for an answer."""
    from customer_health.ledger import model_registry
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.outbox import admin

    ledger = open_ledger(settings.ledger_url)
    found = [{"kind": EFFECT, "id": str(row["key"])} for row in admin.awaiting(ledger)]
    pending = model_registry.pending(ledger)
    return found + ([{"kind": MODEL, "id": pending.model_id}] if pending else [])


def respondents(approvers: Sequence[str], auth_manager: str) -> list[dict[str, str]]:
    """Return the approvers as Airflow's form knows them.

    Args:
        approvers: `dana`, or `3=dana` where users have numbers.
        auth_manager: Import path of Airflow's auth manager.

    Raises:
        ConfigurationError: The FAB auth manager knows users by number, and one has none: nobody could answer.
    """
    numbered = "fab" in auth_manager.lower()
    pairs = [who.rpartition("=")[::2] for who in approvers]
    if numbered and (missing := [name for number, name in pairs if not number]):
        raise ConfigurationError(
            f"playbooks.approvers lists {', '.join(missing)} without a number; Airflow's form would let "
            "nobody of them answer.",
            hint="The FAB auth manager knows users by number: sign in, open /ui/auth/me, and write 3=dana.",
        )
    return [{"id": number if numbered else name, "name": name} for number, name in pairs]


def run_id_of(kind: str, id: str) -> str:
    """Return the one run that asks this question: asking twice starts nothing."""
    return f"{kind}__{re.sub(r'[^A-Za-z0-9_.~-]', '-', id)}"


def question(settings: Settings, kind: str, id: str) -> Question | None:
    """Return the question, or None when it waits no longer."""
    from customer_health.ledger import model_registry
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.outbox import admin

    ledger = open_ledger(settings.ledger_url)
    approvers = settings.config.playbooks.approvers
    if kind == MODEL:
        record = model_registry.pending(ledger)
        if record is None or record.model_id != id:
            return None
        body = "\n".join(
            [
                "A training waits to become the champion. Until you answer, the model in use scores.",
                "",
                f"Trained as of **{record.trained_as_of}**. Its card is on the page *Health, Reports*; "
                "the model in use is on *Health, Model*.",
                "",
                _code(record.model_id, record.why, "", *about_model(record.summary)),
            ]
        )
        return Question("Shall a new model score the accounts?", body, approvers)
    row = next((row for row in admin.awaiting(ledger) if row["key"] == id), None)
    if row is None:
        return None
    asks = str(row["payload"].get("approval_asks") or "May this be sent?")
    short, mark, _ = asks.partition("?")
    about = str((row["payload"].get("account") or {}).get("name") or row["account_id"])
    body = "\n".join(
        [
            "This is what would be sent; nothing has been sent yet.",
            "",
            _code(
                asks,
                f"where      {row['destination']}: {row['verb'].replace('_', ' ')}",
                f"account    {about} ({row['account_id']})",
                f"playbook   {row['playbook']}, step {row['step']}, as of {row['as_of']}",
                f"key        {row['key']}",
                "-" * 60,
                *_as_sent(_without_the_reader(dict(row))),
            ),
        ]
    )
    return Question(f"{short}{mark} {about}"[:200], body, approvers, row["expires_at"])


def about_model(summary: Mapping[str, Any]) -> Sequence[str]:
    """Return what a person weighs: what the gates said, how it was tested, and its own warnings."""
    told = [*(summary.get("promotion") or {}).get("reasons", ())]
    for days, found in sorted((summary.get("horizons") or {}).items(), key=lambda pair: int(pair[0])):
        if found.get("auc") is None:
            told.append(f"{days} days ahead: not measured: {found.get('why', '')}")
            continue
        numbers = {
            "AUC": found["auc"],
            "renewal date + NPS": found.get("auc_baseline"),
            "rule score": found.get("auc_rules"),
            "found at capacity": found.get("recall"),
            "predicted per observed loss": found.get("predicted_to_observed"),
        }
        said = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items() if value is not None)
        told.append(f"{days} days ahead: {said} ({found.get('folds', 0)} test days)")
    return [*told, *(f"- {limit}" for limit in summary.get("limits", ()))]


def _without_the_reader(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row without the customer's person: Airflow keeps what it asks, and no erasure reaches it."""
    from customer_health.subject import Subject, distinct

    reader = row["payload"].get("recipient") or {}
    called = distinct([reader.get("name"), reader.get("first_name")])
    subject = Subject(
        "person", distinct([reader.get("contact_id")]), called=called, pseudonym="[name: see the page]"
    )
    return {**row, "payload": subject.scrubbed(row["payload"])} if called else row


def _as_sent(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the effect as people will read it where it goes; its payload where that cannot be said."""
    from customer_health.destinations.preview import render
    from customer_health.effects.destination import RejectedError
    from customer_health.effects.effect import Effect

    try:
        _, read = render(Effect(**{field.name: row[field.name] for field in fields(Effect)}))
    except RejectedError as error:
        return [str(error)]
    except (LookupError, TypeError, ValueError):  # a payload that cannot be rendered is shown as it is
        read = ""
    return read.splitlines() if read else _short(row["payload"])


def settle(
    settings: Settings, kind: str, id: str, *, approve: bool, by: str, reason: str, now: datetime
) -> str:
    """Write an answer to the ledger; return what came of it in a sentence.

    An answer that comes after another one, or after the end of its time, changes nothing and says so.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.outbox import admin
    from customer_health.pipeline import resolve_challenger

    word = "approved" if approve else "declined"
    allowed = () if by == NOBODY else settings.config.playbooks.approver_names
    try:
        if kind == MODEL:
            resolve_challenger(
                settings, model_id=id, approve=approve, by=by, now=now, reason=reason, approvers=allowed
            )
        else:
            act = admin.approve if approve else admin.decline
            act(open_ledger(settings.ledger_url), id, by=by, reason=reason, now=now, approvers=allowed)
    except CustomerHealthError as error:
        return f"Nothing was changed. {error.message} {error.hint}"
    return f"{id} was {word} by {by}."


def _short(content: Mapping[str, Any]) -> Sequence[str]:
    """Return a payload in lines that a person can read; long lists are cut and say so."""
    cut = {
        name: [*value[:MOST_LISTED], f"... and {len(value) - MOST_LISTED} more"]
        if isinstance(value, list) and len(value) > MOST_LISTED
        else value
        for name, value in content.items()
    }
    texts = [f"{name}:\n{value}" for name, value in cut.items() if isinstance(value, str) and "\n" in value]
    rest = {name: value for name, value in cut.items() if not (isinstance(value, str) and "\n" in value)}
    return [*json.dumps(rest, ensure_ascii=False, indent=1, default=str).splitlines(), *texts]


def _code(*texts: str) -> str:
    lines = [line for text in texts for line in text.splitlines()]
    return "\n".join(f"    {line}" for line in lines)


def promise_link(settings: Settings, kind: str, id: str, *, title: str, link: str, now: datetime) -> str:
    """Promise the link to a form in the outbox; return what comes of it.

    It is not sent here: anybody who answers while a slow Slack holds up the task would answer a form that is
    not waiting yet. The next delivery is at most an hour away, an approval waits for days.
    """
    from dataclasses import replace

    from customer_health.ledger.engine import open_ledger, writing
    from customer_health.ledger.outbox import queue as outbox
    from customer_health.playbooks.operator_notices import Notice

    remedy = "Answer in Airflow: no answer in time is a no."
    lines = ("Nothing has been sent yet; the form shows what would be.",)
    notice = Notice(f"question:{kind}", run_id_of(kind, id)[:64], title, lines, remedy, link)
    effect = notice.effect(settings.config, as_of=now.date())
    channel = settings.config.playbooks.alerts_channel
    effect = replace(effect, payload={**effect.payload, "channel": channel})
    with writing(open_ledger(settings.ledger_url)) as connection:
        new = outbox.add(connection, [effect], now=now)
    return f"The link goes to {channel} with the next delivery." if new else "The link was promised before."
