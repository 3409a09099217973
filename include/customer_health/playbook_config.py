"""What playbooks read of the company file: episodes, routes, quiet hours, the holdout, graduation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from customer_health.errors import suggest
from customer_health.sections import Address, CanonicalTable, Section, Zone, named, shaped, wrong
from customer_health.shipped_names import playbook_names, tier_word, tier_words

Segment = Literal["smb", "mid_market", "enterprise"]
TierName = Annotated[str, AfterValidator(tier_word), named("a tier", tier_words)]
_CHANNEL = r"#[a-z0-9][a-z0-9_-]{0,78}"
Channel = Annotated[str, shaped(_CHANNEL, "a channel such as #csm-alerts")]
ChannelOrPerson = Annotated[
    str, shaped(f"{_CHANNEL}|@owner|@manager", "a channel such as #csm-alerts, nor @owner or @manager")
]


class Route(Section):
    """Where alerts of some accounts go: all that is given must fit; an empty list fits everybody."""

    tiers: tuple[TierName, ...] = Field((), description="tiers, such as critical")
    segments: tuple[Segment, ...] = Field((), description="segments")
    owners: tuple[Address, ...] = Field((), description="addresses of owners")
    channel: ChannelOrPerson = Field(description="#channel, or a direct message: @owner, @manager")


class MeetingHours(Section):
    """When meetings with customers may be proposed, in the zone of each side."""

    from_hour: int = Field(9, ge=0, le=23, description="first hour")
    until_hour: int = Field(17, ge=1, le=24, description="hour by which they end")
    weekdays: tuple[int, ...] = Field((0, 1, 2, 3, 4), min_length=1, description="0 is Monday")

    @model_validator(mode="after")
    def _check(self) -> MeetingHours:
        if self.until_hour <= self.from_hour or not set(self.weekdays) <= set(range(7)):
            raise wrong("needs from_hour < until_hour, and weekdays from 0 (Monday) to 6")
        return self


Link = Annotated[
    str,
    shaped(
        r"https://([^\s<>|{}]|\{account_id\}){3,500}",
        "an https address; the only placeholder is {account_id}",
    ),
]


class QuietHours(Section):
    """When nobody is disturbed, in the owner's zone. Messages wait; the 48-hour clock does not."""

    from_hour: int = Field(19, ge=0, le=24, description="hour from which it is quiet")
    until_hour: int = Field(
        7, ge=0, le=23, description="hour until which it is quiet; the same as from_hour: never"
    )
    weekends: bool = Field(True, description="quiet on Saturday and Sunday")
    zones: Mapping[Address, Zone] = Field(
        default_factory=dict, description="owner e-mail -> IANA zone; others: the account's zone"
    )


class HoldoutConfig(Section):
    """Which share of newly Red accounts gets ordinary service only, so that saves can be counted."""

    share: float = Field(0.0, ge=0, le=0.5, description="0: no experiment; the save rate says so")
    max_arr: float = Field(50_000, ge=0, description="nobody above this is ever held out")
    never: tuple[str, ...] = Field((), description="account ids that are never held out")
    salt: str = Field("holdout-1", description="another word draws other accounts")


class GraduationConfig(Section):
    """What must be proven before growth is automated: recall of churn, saves, and enough of both."""

    recall: float = Field(0.80, gt=0, le=1, description="share of lost customers that had needed attention")
    save_rate: float = Field(
        0.30, gt=0, lt=1, description="share of episodes that ended with the customer kept"
    )
    min_churners: int = Field(30, ge=1, description="lost customers that the recall must rest on")
    min_lift: float = Field(
        2.0,
        ge=1,
        description="losses among accounts that needed attention, against chance: who calls everybody "
        "finds every loss",
    )
    min_episodes: int = Field(30, ge=1, description="episodes that the save rate must rest on")


# Airflow's approval form knows users by id: the simple auth manager by name, the FAB auth manager by number.
Approver = Annotated[str, shaped(r"([0-9]+=)?[^=\s][^=]{0,119}", "a user of Airflow, such as dana or 3=dana")]


class PlaybookConfig(Section):
    """Episodes, first run and ownership."""

    fallback_owner: Address = Field(
        "cs-leads@example.com", description="who gets the work of accounts without an owner"
    )
    first_run_tasks: int = Field(
        default=25, ge=0, description="tasks opened for accounts that were Red already"
    )
    alerts_per_owner_per_day: int = Field(5, ge=0, description="the rest comes in the day's digest")
    alerts_per_channel_per_day: int = Field(25, ge=1, description="the rest comes in the day's digest")
    max_as_of_age_hours: int = Field(default=36, ge=1, description="scores of older days send nothing")
    paused: tuple[str, ...] = Field((), description="playbooks that do nothing, and say so in the log")
    own_library: Path | None = Field(
        None, description="the company's own playbooks; one of the same name replaces the one that ships"
    )
    recovery_margin: int = Field(
        5, ge=0, description="points above Red that two readings need to end an episode"
    )
    mass_move_share: float = Field(
        0.10, gt=0, le=1, description="more accounts newly Red than this: one summary instead of alerts"
    )
    mass_move_floor: int = Field(
        5, ge=1, description="fewer newly Red accounts than this do not count as a mass move"
    )
    stale_after_days: Mapping[CanonicalTable, Annotated[float, Field(gt=0)]] = Field(
        default_factory=lambda: {"usage": 8.0},
        description="a raw table whose newest fact is older than this holds single alerts for approval",
    )
    hold_drifted_signals: int = Field(
        3, ge=0, description="signals that moved far beyond chance and hold single alerts; 0: never"
    )
    hold_calibration_factor: float = Field(
        2.0, ge=0, description="more, or fewer, losses than predicted by this factor hold alerts; 0: never"
    )
    hold_released_days: int = Field(
        7, ge=1, description="how long an approved reason holds no single alerts back"
    )
    alerts_channel: Channel = Field("#csm-alerts", description="where summaries of alerts go")
    data_channel: Channel = Field(
        "#customer-health-data",
        description="where those who run the system hear of failed tasks, missing scores and refused models",
    )
    scores_due_after_hours: float = Field(
        7, gt=0, le=24, description="hours after midnight UTC by which the day's scores should be published"
    )
    min_arr: float = Field(
        5_000, ge=0, description="accounts below this, and below min_expected_loss, get nobody's time"
    )
    min_expected_loss: float = Field(
        500, ge=0, description="expected ARR loss that is worth people's time anyway"
    )
    opportunities_per_day: int = Field(5, ge=0, description="expansion opportunities proposed per day")
    shadow: tuple[str, ...] = Field((), description="playbooks that only log what they would have done")
    names: Mapping[Address, str] = Field(
        default_factory=dict, description="address -> name of a colleague in drafts; else from the address"
    )
    routes: tuple[Route, ...] = Field((), description="first that fits decides the channel")
    links: Mapping[str, Link] = Field(
        default_factory=dict, description="label -> https address with {account_id}; on alerts and tasks"
    )
    quiet: QuietHours = QuietHours()
    meeting_hours: MeetingHours = MeetingHours()
    remind_after_hours: int = Field(36, ge=1, description="an episode nobody took up brings a reminder")
    escalate_after_hours: int = Field(48, ge=1, description="and then the manager hears of it")
    approval_expires_hours: int = Field(72, ge=1, description="what nobody approved by then is not sent")
    approvers: tuple[Approver, ...] = Field(
        (),
        description="who may approve, by Airflow's user name; under the FAB auth manager with the number "
        "that /ui/auth/me shows, 3=dana; empty: anybody who is signed in",
    )
    auto_send_segments: tuple[Segment, ...] = Field(
        (), description="segments whose e-mail drafts need no approval; concessions always do"
    )
    holdout: HoldoutConfig = HoldoutConfig()
    graduation: GraduationConfig = GraduationConfig()

    @model_validator(mode="after")
    def _check(self) -> PlaybookConfig:
        # A company's own folder need not lie where pages are served; only where it lies are its names known.
        if self.own_library is None or self.own_library.is_dir():
            known = playbook_names(self.own_library)
            for key in ("paused", "shadow"):
                for place, name in enumerate(getattr(self, key)):
                    if name not in known:
                        raise wrong(f"'{name}' is not a playbook", key, place, hint=suggest(name, known))
        return self

    @property
    def approver_names(self) -> tuple[str, ...]:
        """Names of those who may approve, as decisions are signed."""
        return tuple(who.rpartition("=")[2] for who in self.approvers)
