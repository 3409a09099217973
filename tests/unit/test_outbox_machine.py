"""A month of bad luck, invented by Hypothesis: whatever happens in whatever order, four things hold.

No key lands twice. No promise is lost. Nothing leaves for an old date. No account has two open episodes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.lib.ledger import morning, publish, run
from tests.lib.ledgers import new_url
from tests.lib.remote import Remote

from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.errors import FatalError
from customer_health.ledger import crash_points, crm_tasks, episode_events, episodes, kill_switches
from customer_health.ledger.crm_tasks import TaskSeen
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin, transitions
from customer_health.playbooks.reminders import follow_up as look

ACCOUNTS = ("a", "b", "c")
SCORES = st.fixed_dictionaries({name: st.sampled_from([15, 35, 43, 55, 90]) for name in ACCOUNTS})
FAULTS = {
    "429": ("before", BusyError("429", retry_after=60)),
    "reset before": ("before", UnknownOutcomeError("connection reset")),
    "reset after": ("after", UnknownOutcomeError("connection reset")),
    "5xx after": ("after", UnknownOutcomeError("502")),
    "no lookup": ("find", UnknownOutcomeError("time-out")),
    "defect": ("before", KeyError("account")),
    "refused": ("before", RejectedError("channel_not_found", hint="Create it.")),
}
CONFIG = CompanyConfig.model_validate(
    {"playbooks": {"mass_move_floor": 3, "alerts_per_owner_per_day": 2, "first_run_tasks": 2}}
)


class Killed(BaseException):
    """The process is gone: no handler of the code under test may see it."""


class Month(RuleBasedStateMachine):
    """The ledger, one destination of each kind, and a clock that only we move."""

    kind = "sqlite"

    @initialize(scores=SCORES)
    def first_day(self, scores):
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = open_ledger(new_url(self.kind, self.folder))
        self.number, self.now = 0, morning(0)
        self.fault: tuple[str, BaseException] | None = None
        self.second_worker = False
        self.slack = Remote(self.folder, "slack", fault=self._fault)
        self.crm = Remote(self.folder, "crm", fault=self._fault, idempotent=True)
        self.promised: set[str] = set()
        self.day_comes(scores)
        self.day_comes(dict.fromkeys(ACCOUNTS[:2], 15) | {"c": 55})

    def _fault(self, moment, effect):
        if moment == "before" and self.second_worker:
            self.second_worker = False
            self._deliver(self.slack)  # the task of a dead supervisor lives on beside its retry
        if self.fault and self.fault[0] == moment:
            error, self.fault = self.fault[1], None
            raise error

    def _deliver(self, remote):
        deliver(self.ledger, remote, now=lambda: self.now)

    def _killable(self, work, point):
        def die(name):
            if name == point:
                raise Killed

        crash_points.arm(die if point else None)
        with suppress(Killed):
            work()
        crash_points.arm(None)

    @rule(scores=SCORES, killed=st.sampled_from([None, None, "run_before_commit", "run_after_commit"]))
    def day_comes(self, scores, killed=None):
        self.number += 1
        self.now = max(self.now, morning(self.number))
        self.scores = {**scores, "calm": 90}
        publish(self.ledger, self.number, self.scores)
        self._killable(lambda: run(self.ledger, self.number, CONFIG, now=self.now), killed)
        run(self.ledger, self.number, CONFIG, now=self.now)

    @rule(hours=st.sampled_from([1, 7, 20]), fault=st.sampled_from([None, *FAULTS]))
    def clock_ticks(self, hours, fault):
        """The hourly dispatch, with or without a fault in its first call."""
        self.now = min(self.now + timedelta(hours=hours), morning(self.number + 1) + timedelta(hours=6))
        look(self.ledger, CONFIG, now=self.now)
        self.fault = FAULTS[fault] if fault else None
        for remote in (self.slack, self.crm):
            self._deliver(remote)
        self.fault = None

    @rule(
        slack=st.booleans(),
        fault=st.sampled_from([None, *FAULTS]),
        point=st.sampled_from([None, None, "after_claim", "before_send", "after_send", "after_settle"]),
        overlap=st.booleans(),
    )
    def dispatch(self, slack, fault, point, overlap):
        self.fault = FAULTS[fault] if fault else None
        self.second_worker = overlap and slack
        self._killable(lambda: self._deliver(self.slack if slack else self.crm), point)
        self.fault, self.second_worker = None, False

    @rule(minutes=st.sampled_from([1, 3, 10]))
    def a_moment_passes(self, minutes):
        self.now += timedelta(minutes=minutes)
        self._deliver(self.slack)

    @precondition(lambda self: self.number > 1)
    @rule(back=st.integers(1, 5), scores=SCORES)
    def an_old_day_is_filled_in(self, back, scores):
        number = max(self.number - back, 1)
        if number == self.number:
            return
        publish(self.ledger, number, {**scores, "calm": 90})
        assert run(self.ledger, number, CONFIG, now=self.now).numbers["effects"] == 0

    @rule()
    def todays_run_is_cleared(self):
        if self.now < morning(self.number + 1) + timedelta(hours=6):
            assert run(self.ledger, self.number, CONFIG, now=self.now).numbers["effects"] == 0

    @rule(scores=SCORES)
    def late_data_restates_today(self, scores):
        self.scores = {**scores, "calm": 90}
        publish(self.ledger, self.number, self.scores)
        run(self.ledger, self.number, CONFIG, now=self.now)

    @rule(what=st.sampled_from(["ack", "snooze", "outcome", "begin"]), pick=st.integers(0, 9))
    def somebody_cares(self, what, pick):
        known = episodes.all_of(self.ledger)
        if not known:
            return
        episode = known[pick % len(known)].episode_id
        if what == "ack":
            episode_events.acknowledge(self.ledger, episode, by="dana", now=self.now)
        elif what == "snooze":
            end = self.now.date() + timedelta(days=2)
            episode_events.snooze(
                self.ledger, episode, until=end, by="dana", reason="on holiday", now=self.now
            )
        elif what == "outcome":
            episode_events.record_outcome(
                self.ledger, episode, "partly", by="dana", reason="fewer", now=self.now
            )
        else:
            tasks = [row for row in admin.find(self.ledger) if row["verb"] == "create_task"]
            if tasks:
                key = tasks[pick % len(tasks)]["key"]
                state = TaskSeen(key, "t", "in_progress", "dana", None, self.now, None, self.now)
                crm_tasks.take_in(self.ledger, [state])

    @rule(approve=st.booleans())
    def somebody_answers(self, approve):
        for row in admin.awaiting(self.ledger)[:1]:
            answer = admin.approve if approve else admin.decline
            with suppress(FatalError):  # it has expired
                answer(self.ledger, row["key"], by="lee", reason="because", now=self.now)

    @rule(stop=st.booleans())
    def somebody_throws_the_switch(self, stop):
        if stop:
            kill_switches.stop(
                self.ledger, "destination", "slack", by="lee", reason="testing it", now=self.now
            )
        else:
            kill_switches.start(self.ledger, "destination", "slack")

    @invariant()
    def nothing_landed_twice(self):
        if hasattr(self, "slack"):
            assert [key for key, n in Counter(self.slack.history()).items() if n > 1] == []

    @invariant()
    def every_promise_stands_and_is_of_its_own_day(self):
        if not hasattr(self, "ledger"):
            return
        rows = admin.find(self.ledger)
        keys = {row["key"] for row in rows}
        assert self.promised <= keys
        self.promised = keys
        for row in rows:
            assert row["state"] in (*transitions.OPEN_STATES, *transitions.DONE_STATES, "awaiting_approval")
            age = row["created_at"] - datetime.combine(row["as_of"], time(), UTC)
            late = row["playbook"] == "alert_backlog"  # tells what was promised in time
            assert late or timedelta(0) <= age <= timedelta(hours=36), row["as_of"]
        parents = Counter(
            row["episode_id"]
            for row in rows
            if row["verb"] == "notify" and row["account_id"] != "portfolio" and row["state"] == "delivered"
        )
        assert max(parents.values(), default=0) <= 2  # a second one only where the first went into a digest

    @invariant()
    def one_open_episode_per_account(self):
        if hasattr(self, "ledger"):
            found = Counter(e.account_id for e in episodes.all_of(self.ledger) if e.closed_as_of is None)
            assert max(found.values(), default=0) <= 1

    def teardown(self):
        """The world heals: everything that was promised is settled, and what is settled is true."""
        if not hasattr(self, "ledger"):
            return
        kill_switches.start(self.ledger, "destination", "slack")
        for _ in range(12):
            look(self.ledger, CONFIG, now=self.now)
            for remote in (self.slack, self.crm):
                self._deliver(remote)
            self.now += timedelta(hours=1)
        rows = admin.find(self.ledger)
        refused = {row["key"] for row in rows if row["state"] == "rejected"}
        for name, remote in (("slack", self.slack), ("crm", self.crm)):
            landed = remote.history()
            open_rows = [
                r for r in rows if r["destination"] == name and r["state"] in transitions.OPEN_STATES
            ]
            assert [row["key"] for row in open_rows if row["after_key"] not in refused] == []
            for row in rows:
                if row["destination"] == name and row["state"] == "delivered":
                    assert row["key"] in landed
                    if row["after_key"]:
                        assert landed.index(row["after_key"]) < landed.index(row["key"])
        self.nothing_landed_twice()
        self.ledger.dispose()
        shutil.rmtree(self.folder)


class MonthOnPostgres(Month):
    """The same month where writers do not queue for one lock, and rows are locked one by one."""

    kind = "postgres"


# Without shrinking, which takes minutes here: twenty steps can be read.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
TestMonth = Month.TestCase
TestMonth.settings = settings(max_examples=7, stateful_step_count=20, deadline=None, phases=PHASES)
TestMonthOnPostgres = MonthOnPostgres.TestCase
TestMonthOnPostgres.settings = settings(max_examples=2, stateful_step_count=20, deadline=None, phases=PHASES)
