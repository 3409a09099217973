"""The Monday digest by mail: to whom, when it is seven there, about which customers, and on one page."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest
from tests.lib.ledger import band_of, new_ledger, promised, publish, run, tier_of

from customer_health.company import CompanyConfig
from customer_health.connections.smtp_connection import SmtpOptions
from customer_health.destinations.mailbox import digest_mail
from customer_health.destinations.mailbox.mail_drafts import message_id
from customer_health.effects.effect import Effect
from customer_health.kpis.renewals.renewal_forecast import this_quarter
from customer_health.playbooks.warehouse_context import WarehouseContext

MONDAY = date(2026, 11, 9)
READERS = [
    {"address": "lee@example.com", "timezone": "America/New_York"},
    {"address": "dana@example.com", "timezone": "Pacific/Auckland"},
]
EVIL = "<script>alert('x')</script>"


def company(**more):
    return CompanyConfig.model_validate(
        {"digest": {"readers": READERS, "page": "https://air.example/customer-health"}} | more
    )


@pytest.fixture
def ledger(tmp_path):
    """A week on which acme fell; bolt belongs to somebody else."""
    engine = new_ledger(tmp_path)
    for number in range(1, 11):  # day 1 is a Sunday, day 9 the Monday after
        worse = 25 if number >= 8 else 75
        fallen = {"score": worse, "tier": tier_of(worse), "band": band_of(worse), "p_decision": 0.4}
        publish(
            engine,
            number,
            {
                "acme": fallen | {"renewal_date": date(2026, 12, 1), "name": EVIL, "why": EVIL},
                "bolt": {"score": 90, "owner_email": "kim@example.com", "manager_email": "pat@example.com"},
            },
        )
    yield engine
    engine.dispose()


def digests(engine, config, background=None):
    known = {"background": background} if background else {}
    for number in range(1, 11):
        run(engine, number, config, **known)
    return {row["payload"]["to"]: row for row in promised(engine, "send_digest") if row["as_of"] == MONDAY}


def mail_of(row) -> EmailMessage:
    names = ("key", "destination", "verb", "account_id", "as_of", "playbook", "step", "episode_id", "payload")
    effect = Effect(**{name: row[name] for name in names})
    options = SmtpOptions(host="smtp.example.com", sender="health@example.com")
    return digest_mail.message(effect, options.sender, message_id(effect, options))


def test_each_reader_gets_one_on_monday_at_seven_in_the_own_zone(ledger):
    found = digests(ledger, company(destinations={"email": "smtp"}))
    assert set(found) == {"lee@example.com", "dana@example.com"}
    assert found["lee@example.com"]["not_before"] == datetime(2026, 11, 9, 12, tzinfo=UTC)
    early = found["dana@example.com"]["not_before"]
    assert early == datetime(2026, 11, 9, 5, tzinfo=UTC), "it was Monday evening there: it leaves at once"


def test_running_twice_sends_nobody_a_second_one(ledger):
    digests(ledger, company())
    assert len(digests(ledger, company())) == 2
    assert len(promised(ledger, "send_digest")) == 4, "of two weeks, the second of which began on Monday"


def test_nobody_is_written_to_unless_the_company_names_readers(ledger):
    assert digests(ledger, CompanyConfig()) == {}


def test_the_mail_is_a_page_and_a_text_that_say_who_needs_a_call_and_why(ledger):
    row = digests(ledger, company())["lee@example.com"]
    mail = mail_of(row)
    text, html = (part.get_content() for part in mail.iter_parts())
    assert mail["To"] == "lee@example.com"
    assert mail["Subject"] == "Customer health, week of 9 Nov 2026: 1 customer needs a call"
    for said in (text, html):
        assert "Need a call: 1" in said
        assert "75" in said
        assert "25" in said
    assert EVIL not in html
    assert "https://air.example/customer-health/account/acme" in html
    assert not re.search(r"<(script|img|link|iframe)|url\(", html)


def test_the_renewals_of_the_quarter_and_the_rejected_rows_are_told(ledger):
    config = company()

    def renewals(connection, viewer):
        moment = datetime(2026, 11, 9, 5, tzinfo=UTC)
        return this_quarter(connection, viewer, config=config, as_of=MONDAY, known_before=moment)

    background = WarehouseContext(
        lambda seats: {}, dict, renewals=renewals, rejected_rows=lambda: {"contracts": 1203}
    )
    html = digest_mail.html(digests(ledger, config, background)["lee@example.com"]["payload"])
    assert "Renewals in 2026-Q4" in html
    assert "<strong>$144K expected to stay</strong>" in html
    assert "1,203 of contracts" in html


def test_with_roles_each_reader_reads_of_the_own_customers_only(ledger):
    found = digests(ledger, company(roles={"limited": True, "leads": ["lee@example.com"]}))
    lead, csm = (digest_mail.html(found[name]["payload"]) for name in ("lee@example.com", "dana@example.com"))
    assert found["lee@example.com"]["payload"]["tiers"]["Healthy"]["accounts"] == 1
    assert "Healthy" not in found["dana@example.com"]["payload"]["tiers"]
    assert "Bolt" not in csm
    assert "Need a call" in lead


def test_a_mailbox_that_only_drafts_cannot_have_readers():
    with pytest.raises(ValueError, match="gmail and graph only draft"):
        company(destinations={"email": "gmail"})
