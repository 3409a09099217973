"""Concrete times for a business review: both sides' hours, no busy hour, nobody invited, nothing twice."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from tests.lib.ledger import day, morning, promised, publish
from tests.lib.world import World

from customer_health.company import CompanyConfig
from customer_health.destinations.crm.task_text import task_markdown
from customer_health.destinations.mailbox.calendars import free_slot
from customer_health.destinations.mailbox.meeting_text import body, markdown
from customer_health.destinations.preview import PreviewDestination
from customer_health.effects.destination import RejectedError
from customer_health.ledger.outbox import queue as outbox
from customer_health.playbook_config import MeetingHours, PlaybookConfig, QuietHours
from customer_health.playbooks.invitation import invitation
from customer_health.playbooks.meeting_times import Availability, Wish, spoken
from customer_health.playbooks.playbook_run import run_playbooks
from customer_health.playbooks.routing import zone_of
from customer_health.playbooks.steps import INWARD_WORDS
from customer_health.playbooks.warehouse_context import NOTHING_KNOWN, WarehouseContext, of_warehouse

MONDAY = datetime(2026, 11, 2, 5, tzinfo=UTC)


def wish(**changes):
    given = {
        "owner": "dana@example.com",
        "zone": "Europe/Berlin",
        "guest_zone": "Europe/Berlin",
        "minutes": 60,
        "earliest": MONDAY,
        "latest": MONDAY + timedelta(days=10),
        "options": 3,
    }
    return Wish(**{**given, **changes})


def texts(proposal):
    return [slot["text"] for slot in proposal["slots"]]


@pytest.fixture
def availability():
    return Availability(MeetingHours())


def sink(ledger, *accounts, config=None, background=NOTHING_KNOWN, **columns):
    """The accounts fall to 45 (At Risk, not Red) on day 2."""
    for number, score in ((1, 61), (2, 45)):
        publish(ledger, number, dict.fromkeys(accounts, score), **columns)
        run_playbooks(
            ledger,
            config or CompanyConfig(),
            as_of=day(number),
            now=morning(number),
            background=background,
        )
    return promised(ledger, "propose_meeting")


def test_times_lie_on_every_second_working_day_at_ten(availability):
    assert texts(availability.propose("a", wish())) == [
        "Mon 2 Nov, 10:00-11:00 (Europe/Berlin)",
        "Wed 4 Nov, 10:00-11:00 (Europe/Berlin)",
        "Fri 6 Nov, 10:00-11:00 (Europe/Berlin)",
    ]


def test_a_busy_hour_is_passed_over(availability):
    nine_utc = MONDAY.replace(hour=9)
    availability.busy["dana@example.com"] = [
        (nine_utc - timedelta(minutes=30), nine_utc + timedelta(minutes=15))
    ]
    assert texts(availability.propose("a", wish()))[0] == "Mon 2 Nov, 14:00-15:00 (Europe/Berlin)"


def test_both_sides_are_at_work_where_their_days_meet(availability):
    first = availability.propose("a", wish(guest_zone="America/New_York"))["slots"][0]
    assert first["text"] == "Mon 2 Nov, 15:00-16:00 (Europe/Berlin)"
    assert first["guest_text"] == "Mon 2 Nov, 09:00-10:00 (America/New_York)"


def test_where_the_days_never_meet_ours_count_and_that_is_said(availability):
    found = availability.propose("a", wish(guest_zone="Pacific/Auckland"))
    assert found["overlap"] is False
    assert found["slots"][0]["guest_text"] == "Mon 2 Nov, 22:00-23:00 (Pacific/Auckland)"


def test_the_clock_change_moves_the_instant_and_not_the_hour(availability):
    october = datetime(2026, 10, 23, 5, tzinfo=UTC)
    found = availability.propose("a", wish(earliest=october, latest=october + timedelta(days=7)))
    assert [slot["start"][11:16] for slot in found["slots"]] == ["08:00", "09:00", "09:00"]
    assert {text.split(", ")[1] for text in texts(found)} == {"10:00-11:00 (Europe/Berlin)"}


def test_two_accounts_of_one_owner_get_different_times_and_one_play_gets_the_same(availability):
    first, again, other = (availability.propose(name, wish(options=1)) for name in ("a", "a", "b"))
    assert first == again
    assert texts(first) != texts(other)


def test_a_week_without_a_free_hour_proposes_nothing_and_the_calendar_says_so(availability):
    availability.busy["dana@example.com"] = [(MONDAY, MONDAY + timedelta(days=30))]
    assert availability.propose("a", wish())["slots"] == []


def test_an_at_risk_account_gets_a_tentative_entry_a_task_and_a_draft_of_the_same_times(ledger, tmp_path):
    (meeting,) = sink(ledger, "acme", timezone="Europe/Berlin")

    times = meeting["payload"]["times"]["slots"]
    assert (meeting["destination"], meeting["state"], len(times)) == ("calendar", "pending", 3)
    (task,) = promised(ledger, "create_task", step="schedule_ebr")
    assert times[0]["text"] in task_markdown(task["payload"])
    (mail,) = promised(ledger, "draft_email")
    assert mail["state"] == "awaiting_approval"
    assert all(slot["guest_text"] in mail["payload"]["body"] for slot in times)
    (file,) = mail["payload"]["attachments"]
    start = datetime.fromisoformat(times[0]["start"])
    assert f"DTSTART:{start:%Y%m%dT%H%M%SZ}" in file["text"]
    assert f"UID:{mail['key']}@customer-health" in file["text"]
    assert "ATTENDEE" not in file["text"]


def test_a_guest_who_is_invited_later_reads_no_score_no_amount_and_no_reason(ledger):
    (meeting,) = sink(ledger, "acme")
    payload = meeting["payload"]
    entry = "\n".join(body(payload, payload["times"]["slots"][0]))
    assert not INWARD_WORDS.search(entry + payload["subject"])
    assert "240" not in entry
    assert payload["because"] not in entry
    assert "240K" in markdown(payload)  # the owner's page knows it


def test_times_that_an_earlier_run_proposed_are_taken(ledger):
    (first,) = sink(ledger, "acme")
    publish(ledger, 3, {"acme": 45, "bolt": 45})
    run_playbooks(ledger, CompanyConfig(), as_of=day(3), now=morning(3))
    second = promised(ledger, "propose_meeting", account_id="bolt")[0]
    starts = [{slot["start"] for slot in row["payload"]["times"]["slots"]} for row in (first, second)]
    assert starts[0] & starts[1] == set()


def test_busy_times_come_from_the_warehouse_as_known_on_the_day(ledger):
    world = World()
    ten = datetime.fromisoformat("2026-11-09 10:00")  # the first working day five days on
    for number, known in ((0, "2026-11-01"), (1, "2026-11-20")):
        start = ten + timedelta(hours=number)
        end = start + timedelta(hours=1)
        world.add("calendar", None, start, known, owner_email="Dana@example.com", ends_at=end)
    con = world.connect()
    (meeting,) = sink(ledger, "acme", background=of_warehouse(con, day(2)))
    con.close()

    assert meeting["payload"]["times"]["calendar_known"] is True
    starts = [slot["start"][:16] for slot in meeting["payload"]["times"]["slots"]]
    assert "2026-11-09T10:00" not in starts
    assert "2026-11-09T14:00" in starts  # after ten comes fourteen: eleven is the next best but one


def test_the_owners_zone_goes_before_the_accounts(ledger):
    config = CompanyConfig(
        playbooks=PlaybookConfig(quiet=QuietHours(zones={"dana@example.com": "Asia/Tokyo"}))
    )
    (meeting,) = sink(ledger, "acme", config=config, timezone="Australia/Sydney")
    assert meeting["payload"]["times"]["zone"] == "Asia/Tokyo"
    assert meeting["payload"]["times"]["guest_zone"] == "Australia/Sydney"


def test_nothing_is_read_that_no_step_asks_for(ledger):
    def refuse(*_):
        raise AssertionError("read for nothing")

    publish(ledger, 1, {"calm": 90})
    nosy = WarehouseContext(refuse, refuse)
    run_playbooks(ledger, CompanyConfig(), as_of=day(1), now=morning(1), background=nosy)


def test_the_first_time_that_is_still_free_is_taken_and_a_full_calendar_asks_a_person(ledger):
    (row,) = sink(ledger, "acme")
    effect, slots = outbox.effect_of(row), row["payload"]["times"]["slots"]
    spans = [tuple(datetime.fromisoformat(slot[name]) for name in ("start", "end")) for slot in slots]
    assert free_slot(effect, spans[:1]) == slots[1]
    with pytest.raises(RejectedError, match="None of the proposed times is free") as caught:
        free_slot(effect, spans)
    assert "by hand" in caught.value.hint


def test_the_preview_holds_page_and_invitation(ledger, tmp_path):
    sink(ledger, "acme")
    for verb in ("propose_meeting", "draft_email"):
        (row,) = promised(ledger, verb)
        PreviewDestination(row["destination"], tmp_path).deliver(outbox.effect_of(row))
    folder = tmp_path / day(2).isoformat()
    (page,) = (folder / "meetings").glob("*.md")
    assert "nobody else is invited" in page.read_text()
    (file,) = (folder / "emails").glob("*.ics")
    assert file.read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    (sent,) = (folder / "emails").glob("*.json")
    assert json.loads(sent.read_text())["body"]["attachments"]


@pytest.mark.parametrize("name", ["A;B,C\\D", "line\nbreak\r\nATTENDEE:mailto:x@y.z", "Ü" * 200, "🔥" * 60])
def test_no_name_can_add_a_line_to_an_invitation(name):
    proposal = Availability(MeetingHours()).propose("a", wish())
    text = invitation("key", proposal, f"{name}: review", MONDAY)
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert not any(line.startswith("ATTENDEE") for line in re.sub("\r\n ", "", text).split("\r\n"))
    assert re.sub("\r\n ", "", text).count("SUMMARY:") == 1


def test_a_calendar_reads_the_first_time_and_the_others_from_an_invitation():
    proposal = Availability(MeetingHours()).propose("a", wish())
    first, *others = proposal["slots"]
    (entry,) = Calendar.from_ical(invitation("key", proposal, "Übung; A, B", MONDAY)).walk("VEVENT")

    assert (entry["UID"], entry["SUMMARY"], entry["STATUS"]) == (
        "key@customer-health",
        "Übung; A, B",
        "TENTATIVE",
    )
    assert [entry.decoded(name) for name in ("DTSTART", "DTEND")] == [
        datetime.fromisoformat(first[name]) for name in ("start", "end")
    ]
    assert str(entry["DESCRIPTION"]).split("\n")[1:] == [one["guest_text"] for one in others]
    assert not {"ATTENDEE", "ORGANIZER"} & set(entry)


def test_a_span_is_spoken_in_the_readers_zone():
    span = (MONDAY, MONDAY + timedelta(minutes=45))
    assert spoken(span, zone_of("Asia/Kolkata")) == "Mon 2 Nov, 10:30-11:15 (Asia/Kolkata)"
