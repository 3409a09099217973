"""Random small companies for the property tests: every table, late facts, odd values."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tests.lib.world import World

FIRST = datetime.fromisoformat("2025-09-01")
DAYS = 220
ACCOUNTS = ("a", "b", "c", "d", "e", "f")
FEATURES = ("report", "api", "export", "search", "sso")
TERMS = (28, 30, 31, 89, 90, 91, 92, 364, 365, 366)  # days: with months of every length, months among them
TITLES = ("VP Sales", "Chief of Staff", "Engineer", "", None, "SVP, Product", "Analyst")


class RandomWorld(World):
    """A world filled from a seed; the same seed gives the same world.

    Args:
        seed: Any number.
        per_table: How many facts of a kind, about.
        accounts: Their ids.
        dated: Whether mergers have a day, chains among them; only `build_panel` looks at that.
    """

    def __init__(
        self, seed: int, *, per_table: int = 40, accounts: tuple[str, ...] = ACCOUNTS, dated: bool = False
    ) -> None:
        super().__init__()
        self.dice = random.Random(seed)
        self.names = accounts
        for name in accounts:
            self.account(
                name, created=self.when(), known=None, segment=self.dice.choice(("smb", "enterprise", None))
            )
        if self.dice.random() < 0.3:
            self.rows["accounts"][0]["merged_into"] = accounts[-1]
            if dated:
                self.rows["accounts"][0]["merged_at"] = self.merged()
            if dated and self.dice.random() < 0.5:  # a chain, in either order
                self.rows["accounts"][-1] |= {"merged_into": accounts[1], "merged_at": self.merged()}
        self.delay = self.dice.choice(((0,), (0, 0, 0, 1, 9), (1, 1, 1, 0, 30), (2, 0, 40, 1, 90)))
        tables = (
            self._contracts, self._usage, self._counts, self._tickets, self._messages, self._surveys,
            self._invoices, self._people, self._interactions, self._events,
        )  # fmt: skip
        empty = self.dice.choice((None, *tables))
        for fill in tables:
            if fill is not empty:
                fill(per_table)

    def merged(self) -> datetime | None:
        """When an account was merged, if anybody said so."""
        return self.dice.choice((None, self.when(), self.when()))

    def when(self) -> datetime:
        """A moment, sometimes exactly at midnight."""
        day = FIRST + timedelta(days=self.dice.randrange(DAYS))
        return day if self.dice.random() < 0.3 else day + timedelta(seconds=self.dice.randrange(86400))

    def later(self, moment: datetime) -> datetime:
        """When a fact of that moment became known."""
        return moment + timedelta(days=self.dice.choice(self.delay), hours=self.dice.choice((0, 0, 3)))

    def maybe(self, moment: datetime, days: int = 30) -> datetime | None:
        """A later stage, or none."""
        if self.dice.random() < 0.3:
            return None
        return moment + timedelta(days=self.dice.random() * days)

    def state(self, moment: datetime, *states: str) -> dict[str, object]:
        """What the source tells beside the dates: mostly nothing, at times a state or a stage it lacks."""
        if self.dice.random() < 0.85:
            return {}
        stages = ("first_response_at", "resolved_at", "escalated_at") if "solved" in states else ("paid_at",)
        return {
            "status": self.dice.choice((None, *states)),
            # After every stage that it may close: a state told before contradicts the dates of the row.
            "status_at": moment + timedelta(days=45 + self.dice.random() * 60),
            "unknown_stages": self.dice.choice((None, *stages, ",".join(stages))),
        }

    def who(self) -> str:
        """One of the accounts."""
        return self.dice.choice(self.names)

    def _contracts(self, many: int) -> None:
        for _ in range(many // 2):
            name, begun = self.who(), self.when() - timedelta(days=self.dice.choice((0, 0, 200, 500)))
            start = begun.date()
            self.contract(
                name, occurred=begun, known=self.later(begun), contract=f"{name}-{self.dice.randrange(3)}",
                arr=self.dice.choice((None, 0, 1000.0, 2500.5, 40000.0)),
                seats=self.dice.choice((None, 0, 3, 10)),
                plan=self.dice.choice((None, "Pro", "Basic")),
                starts=self.dice.choice((None, start)),
                ends=self.dice.choice((None, start + timedelta(days=self.dice.choice(TERMS)))),
                auto_renew=self.dice.choice((None, True, False)),
                status=self.dice.choice(("active", "active", "active", "ended")),
                notice_days=self.dice.choice((None, 0, 30, 90)),
            )  # fmt: skip

    def _usage(self, many: int) -> None:
        for _ in range(many * 6):
            day = FIRST + timedelta(days=self.dice.randrange(DAYS))
            for shift in range(self.dice.choice((1, 1, 1, 8))):
                moment = day + timedelta(days=shift)
                self.usage(
                    self.who() if shift == 0 else self.names[1],
                    occurred=moment, known=self.later(moment),
                    user=self.dice.choice(("ann", "ben", "cy", "", "dan")),
                    feature=self.dice.choice(FEATURES), events=self.dice.choice((0, 1, 1, 2, 7.5)),
                )  # fmt: skip

    def _counts(self, many: int) -> None:
        for _ in range(many * 3):
            day = FIRST + timedelta(days=self.dice.randrange(DAYS))
            self.add("daily_users", self.who(), day, self.later(day), users=self.dice.choice((0, 1, 4, 12.5)))

    def _tickets(self, many: int) -> None:
        for _ in range(many):
            moment = self.when()
            self.ticket(
                self.who(), occurred=moment, known=self.later(moment),
                priority=self.dice.choice(("low", "normal", "critical")),
                first_response_at=self.maybe(moment, 6), resolved_at=self.maybe(moment),
                escalated_at=self.maybe(moment), **self.state(moment, "open", "pending", "solved", "deleted"),
            )  # fmt: skip

    def _messages(self, many: int) -> None:
        for _ in range(many):
            moment = self.when()
            self.message(
                self.who(), occurred=moment, known=self.later(moment),
                sentiment=self.dice.choice((None, 0.0, self.dice.random())),
                author=self.dice.choice(("customer", "agent")),
            )  # fmt: skip

    def _surveys(self, many: int) -> None:
        for _ in range(many):
            moment = self.when()
            ask = self.dice.choice((self.nps, self.csat))
            ask(self.who(), score=self.dice.choice((0, 3, 7, 10)), occurred=moment, known=self.later(moment))

    def _invoices(self, many: int) -> None:
        for _ in range(many):
            moment = self.when()
            self.invoice(
                self.who(), occurred=moment, known=self.later(moment),
                amount=self.dice.choice((None, 100.0, 100.0, 0.0, 37.5, -60.0)),
                kind=self.dice.choice(("subscription", "usage")),
                due_at=self.maybe(moment, 20), paid_at=self.maybe(moment, 60),
                **self.state(moment, "open", "paid", "void", "uncollectible"),
            )  # fmt: skip

    def _people(self, many: int) -> None:
        for number in range(many // 3):
            moment, name, person = self.when(), self.who(), f"p{number}"
            self.contact(
                name, person, occurred=moment, known=self.later(moment),
                title=self.dice.choice(TITLES), role=self.dice.choice(("champion", "sponsor", "user", None)),
                user_id=self.dice.choice((None, "ann", "ben", "")),
            )  # fmt: skip
            for _ in range(self.dice.randrange(3)):
                changed = self.when()
                self.contact_change(
                    name, person, kind=self.dice.choice(("left", "title_changed", "role_changed")),
                    occurred=changed, known=self.later(changed), title=self.dice.choice(TITLES),
                    role=self.dice.choice((None, "champion", "sponsor", "user")),
                )  # fmt: skip

    def _interactions(self, many: int) -> None:
        for _ in range(many):
            moment = self.when()
            self.interaction(
                self.who(), occurred=moment, known=self.later(moment),
                kind=self.dice.choice(("call", "meeting", "ebr", "email_sent", "email_reply", "login")),
                person=self.dice.choice((None, "p0", "p1", "p2", "p3", "p4")),
                sentiment=self.dice.choice((None, self.dice.random())),
            )  # fmt: skip

    def _events(self, many: int) -> None:
        for _ in range(many // 2):
            moment = self.when()
            kind = self.dice.choice(
                ("modification_requested", "notice_given", "renewed", "price_increase_announced", "expanded")
            )
            self.contract_event(self.who(), kind=kind, occurred=moment, known=self.later(moment))
        for _ in range(many // 20):
            moment = self.when()
            self.outcome(self.who(), occurred=moment, known=self.later(moment), notice_at=self.maybe(moment))
