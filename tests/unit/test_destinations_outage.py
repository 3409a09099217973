"""A destination that is down for a day: few calls while it is, one digest when it is back."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.lib.destinations import RIGS, effect
from tests.lib.ledger import new_ledger
from tests.lib.remote import Remote

from customer_health import pipeline
from customer_health.delivery.circuit_breaker import Breaker
from customer_health.delivery.delivery_policy import Policy
from customer_health.delivery.dispatch import deliver, drain
from customer_health.delivery.http_faults import CannotTellError, DestinationUnavailableError
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations.destination_registry import FACTORIES
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError, FatalError, RetriableError
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.settings import load_settings

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class World:
    """A ledger, a remote, a clock, and the fault that is on at the moment."""

    def __init__(self, folder):
        self.ledger = new_ledger(folder)
        self.now = START
        self.error: Exception | None = None
        self.calls = 0
        self.remote = Remote(folder, fault=self._fault)

    def _fault(self, moment, _effect):
        if moment in ("before", "find"):
            self.calls += 1
            if self.error:
                raise self.error

    def clock(self):
        """Time passes while we work."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def promise(self, *effects: Effect):
        with writing(self.ledger) as connection:
            outbox.add(connection, effects, now=self.now)

    def deliver(self, **given):
        return deliver(self.ledger, self.remote, now=self.clock, **given)

    def states(self):
        return admin.tally(self.ledger).get("slack", {})


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.ledger.dispose()


def alerts(*accounts, days=2):
    return [effect("notify", account, to="slack", days=days) for account in accounts]


def test_after_five_calls_without_an_answer_nobody_calls_until_the_cooldown_is_over(world):
    world.promise(*alerts(*"abcdefgh"))
    world.error = UnknownOutcomeError("time-out")

    counts = world.deliver()
    assert (world.calls, counts.unknown) == (5, 5)
    assert "5 calls in a row had no answer" in " ".join(counts.lines())

    world.now += timedelta(seconds=30)
    assert (world.deliver().unknown, world.calls) == (0, 5)


def test_half_open_means_one_call_and_an_answer_closes_it(world):
    world.promise(*alerts(*"abcdefgh"))
    world.error = UnknownOutcomeError("time-out")
    world.deliver()
    world.now += 2 * MINUTE
    world.deliver()
    assert world.calls == 6  # the probe failed: open again, for longer

    world.error = None
    world.now += 5 * MINUTE
    counts = world.deliver()
    assert counts.delivered == 8
    assert len(world.remote.history()) == 8


def test_a_day_of_outage_costs_few_calls_and_ends_in_one_digest_per_channel(world):
    world.promise(*alerts(*"abcdefghij"))
    world.error = BusyError("connection refused")
    for _ in range(25 * 4):
        world.deliver()
        world.now += 15 * MINUTE
    assert world.calls < 150
    world.promise(*alerts("fresh", days=3))

    world.error = None
    world.now += HOUR
    world.deliver()

    rows = {row["account_id"]: row for row in admin.find(world.ledger)}
    assert rows["portfolio"]["payload"]["count"] == 10
    assert rows["portfolio"]["payload"]["mentions"] == sorted("abcdefghij")
    assert rows["a"]["state"] == "folded"
    assert rows["portfolio"]["key"] in rows["a"]["fix"]
    assert sorted(world.remote.history()) == sorted([rows["portfolio"]["key"], rows["fresh"]["key"]])


def test_one_late_alert_stays_an_alert_and_an_unknown_one_is_never_folded(world):
    world.promise(*alerts("a"))
    world.now += 30 * HOUR
    assert world.deliver().counts()["delivered"] == 1

    world.promise(*alerts("b", "c", "d"))
    world.error = UnknownOutcomeError("time-out")
    world.deliver(limit=1)  # this one may have landed
    world.now += 30 * HOUR
    world.error = None
    world.deliver()
    assert world.states() == {"delivered": 3, "folded": 2}


def test_an_alert_that_a_quiet_weekend_held_back_is_not_late(world):
    monday = (START + timedelta(hours=60)).isoformat()
    world.promise(*[effect("notify", account, to="slack", not_before=monday) for account in "abc"])
    world.now += 50 * HOUR
    assert (world.deliver().superseded, world.states()) == (0, {"pending": 3})
    world.now += 11 * HOUR
    assert world.deliver().delivered == 3


def test_a_remote_that_is_down_is_not_asked_row_by_row_whether_it_can_be_repeated(tmp_path):
    rig, ledger = RIGS["salesforce"](), new_ledger(tmp_path)
    rig.server.close()
    with writing(ledger) as connection:
        outbox.add(connection, [effect("create_task", f"a{number}") for number in range(150)], now=START)
    asked = []
    ordinary = rig.destination.client.call
    rig.destination.client.call = lambda *given, **more: asked.append(given) or ordinary(*given, **more)

    counts = deliver(ledger, rig.destination, now=lambda: START)

    assert counts.busy == 3
    assert len(asked) < 12
    ledger.dispose()


def test_yesterdays_fields_are_not_written_over_todays(world):
    old, new = (effect("set_fields", "acme", to="slack", days=days) for days in (2, 3))
    world.promise(old)
    world.error = UnknownOutcomeError("time-out")
    world.deliver()
    world.error = None
    world.promise(new)
    world.now += HOUR

    world.deliver()

    assert world.remote.history() == [new.key]
    assert world.states() == {"delivered": 1, "superseded": 1}


def test_a_stopped_channel_makes_no_further_call_and_says_what_to_do(world):
    world.promise(*alerts(*"abc"))
    world.error = DestinationUnavailableError("token revoked", hint="Renew the token.", needs_person=True)

    counts = world.deliver()

    assert (world.calls, counts.busy, counts.needs_person) == (1, 1, True)
    assert "Stopped: token revoked Renew the token." in counts.lines()
    assert counts.counts()["stopped"] == 1
    assert world.states() == {"pending": 3}


def test_where_nobody_can_tell_a_lost_answer_goes_to_a_person(world):
    world.promise(*alerts("a"))
    world.error = UnknownOutcomeError("time-out")
    world.deliver()
    world.error = CannotTellError("no key", hint="Look there.")
    world.now += HOUR
    world.deliver()
    (row,) = admin.find(world.ledger)
    assert (row["state"], row["fix"]) == ("rejected", "Look there.")


def test_draining_waits_for_what_is_due_soon_and_leaves_the_rest(world):
    """A 429 of a minute is waited for; one of an hour is left to the next run."""
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        world.now += timedelta(seconds=seconds)
        world.error = None

    world.promise(*alerts("a", "b"))
    world.error = BusyError("429", retry_after=60.0)
    counts = drain(world.ledger, world.remote, now=world.clock, sleep=sleep)
    assert (counts.delivered, round(sum(slept))) == (2, 60)

    world.promise(*alerts("c"))
    world.error = BusyError("429", retry_after=3600.0)
    assert drain(world.ledger, world.remote, now=world.clock, sleep=sleep).delivered == 0
    assert round(sum(slept)) == 60


def test_draining_does_not_spin_on_rows_that_wait_for_something_else(world):
    """A reply waits for its message, which a person must approve."""
    world.promise(effect("notify", "a", to="slack", parent_key="not-there-yet"))

    counts = drain(world.ledger, world.remote, now=world.clock, sleep=lambda seconds: pytest.fail("spun"))

    assert (counts.delivered, world.states()) == (0, {"pending": 1})


def test_a_lease_in_which_no_call_fits_is_refused():
    with pytest.raises(ConfigurationError, match="no room"):
        Policy(lease=timedelta(seconds=30))


def test_the_pace_lets_a_burst_through_and_then_one_at_a_time():
    at, slept = [0.0], []

    def sleep(seconds):
        slept.append(round(seconds, 3))
        at[0] += seconds

    pace = RateLimiter(2.0, 3, clock=lambda: at[0], sleep=sleep)
    for _ in range(6):
        pace.wait()
    assert slept == [0.5, 0.5, 0.5]


def test_the_breakers_patience_doubles_up_to_half_an_hour():
    breaker = Breaker()
    waits = []
    for number in range(14):
        breaker.note(answered=False, now=START)
        if breaker.opened_until and number % 3 == 2:
            waits.append((breaker.opened_until - START) / MINUTE)
    assert waits == [2.0, 16.0, 30.0] or waits == [2.0, 16.0, 30.0, 30.0]
    breaker.note(answered=True, now=START)
    assert breaker.opened_until is None


def test_two_hundred_rows_travel_in_one_call_and_share_their_commits(tmp_path):
    rig = RIGS["salesforce"]()
    ledger = new_ledger(tmp_path)
    effects = []
    for number in range(250):
        rig.add(f"a{number}")
        effects.append(effect("set_fields", f"a{number}"))
    effects.append(effect("set_fields", "nobody"))
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=START)

    counts = deliver(ledger, rig.destination, now=lambda: START)

    assert (counts.delivered, counts.rejected) == (250, 1)
    assert len(rig.server.requests) <= 4
    assert "REQUIRED_FIELD_MISSING" in " ".join(counts.lines())
    rig.server.close()
    ledger.dispose()


def test_a_payload_that_cannot_be_written_is_refused_alone(tmp_path):
    rig = RIGS["salesforce"]()
    rig.add("acme")
    poison = effect("create_task", "acme", step="poison", due_at="no date")
    bad, good = rig.destination.deliver_many([poison, effect("create_task", "acme")])
    assert isinstance(bad, RejectedError)
    assert poison.key in bad.hint
    assert isinstance(good, str)
    rig.server.close()


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        (
            DestinationUnavailableError("revoked", hint="Renew it.", needs_person=True),
            FatalError,
            "Renew it.",
        ),
        (DestinationUnavailableError("the day is spent"), RetriableError, "Nothing is lost"),
    ],
)
def test_a_stopped_channel_fails_its_task_and_says_whether_waiting_helps(
    world, tmp_path, monkeypatch, error, raised, words
):
    world.promise(*alerts("a"))
    world.error = error
    monkeypatch.setitem(FACTORIES, "preview", lambda role, settings: world.remote)
    settings = load_settings({}, home=tmp_path)
    with pytest.raises(raised, match=words):
        pipeline.deliver_effects(settings, destination="slack", now=START)
    assert world.states() == {"pending": 1}
