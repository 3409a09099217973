"""A playbook, and the loader that refuses a wrong one with file, key and suggestion."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from customer_health.checked_yaml import YamlFile, read_yaml
from customer_health.company import CompanyConfig, DestinationsConfig
from customer_health.errors import ConfigurationError, suggest
from customer_health.playbooks.conditions import Part, When, known_tiers
from customer_health.playbooks.steps import (
    STEPS,
    CreateTask,
    Duration,
    Identifier,
    ProposeMeeting,
    SetFields,
    Step,
)
from customer_health.scoring.tiers import load_schemes
from customer_health.shipped_names import LIBRARY
from customer_health.yaml_refusals import refusal

M = TypeVar("M", bound=BaseModel)
Cycle = Literal["episode", "renewal", "month", "quarter", "cooldown", "change"]


class Playbook(Part):
    """When which conditions hold, do these steps, once per cycle.

    Attributes:
        name: Its name; the file is called the same.
        title: How people call it.
        because: Why it exists, for those who are asked to do it.
        answers: What it answers of what the reference documents ask for; empty for a company's own.
        order: Lower goes first; decides inside a `group`.
        group: Of the playbooks of a group only the first that matches acts on an account.
        once_per: What may happen once: per Red episode, per renewal date, per month or quarter of the
            account's own rhythm, per `cooldown`, or whenever the values change.
        cooldown: After it fired for another cycle, wait this long.
        suppresses: It stands in for the human plays of its group: say so on the episode.
        withheld: It is the treatment of the holdout experiment: accounts that are held out do not get it.
        shadow: Decide and log "would have fired", do nothing.
        shadow_for: Shadow for so long from the day on which a company that already runs first has it.
        paused: Do nothing, and say so.
        when: The conditions.
        steps: What to do.
    """

    name: Identifier
    title: str
    because: str
    answers: tuple[str, ...] = ()
    order: int = 100
    group: Identifier | None = None
    once_per: Cycle
    cooldown: Duration | None = None
    suppresses: bool = False
    withheld: bool = False
    shadow: bool = False
    shadow_for: Duration | None = None
    paused: bool = False
    when: When
    steps: tuple[Step, ...] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _cycle_is_complete(self) -> Playbook:
        if self.once_per == "cooldown" and self.cooldown is None:
            raise ValueError("once_per: cooldown needs a cooldown, such as 60d")
        if self.suppresses and self.group is None:
            raise ValueError("suppresses needs the group whose plays it stands in for")
        return self


def load_playbooks(config: CompanyConfig, folder: Path = LIBRARY) -> tuple[Playbook, ...]:
    """Read every playbook of a folder, by order; all that is wrong is found before any of them runs.

    Files of `playbooks.own_library` are added; one of the same name replaces the folder's.

    Raises:
        ConfigurationError: Naming file, key and what it could have meant.
    """
    folders = [folder, config.playbooks.own_library]
    files = {path.name: path for each in folders if each for path in _files(each)}
    playbooks = [load_playbook(files[name]) for name in sorted(files)]
    _check_orders(playbooks, folder)
    _check_asked(playbooks, folder)
    chosen = (
        playbook.model_copy(
            update={
                "paused": playbook.paused or playbook.name in config.playbooks.paused,
                "shadow": playbook.shadow or playbook.name in config.playbooks.shadow,
            }
        )
        for playbook in playbooks
    )
    return tuple(sorted(chosen, key=lambda playbook: (playbook.order, playbook.name)))


def _files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.yaml"))
    if odd := [path.name for path in folder.glob("*.yml")]:
        raise ConfigurationError(f"{folder / odd[0]} would not be read.", hint="Call it *.yaml.")
    if not found:
        raise ConfigurationError(f"No playbook in {folder}.", hint="It should hold *.yaml files.")
    return found


def _check_orders(playbooks: Iterable[Playbook], folder: Path) -> None:
    """Two playbooks of a group with one order contradict each other: chance would say which one acts."""
    seen: dict[tuple[str, int], str] = {}
    for playbook in playbooks:
        if playbook.group is None:
            continue
        place = (playbook.group, playbook.order)
        if place in seen:
            raise ConfigurationError(
                f"{folder}: {seen[place]} and {playbook.name} both have order {playbook.order} "
                f"in the group '{playbook.group}'.",
                hint="Give them different orders: of a group only the first that matches acts.",
            )
        seen[place] = playbook.name


def _check_asked(playbooks: Iterable[Playbook], folder: Path) -> None:
    """A guard that waits for a task that no play asks for would never hold, in silence."""
    steps = [(playbook.name, step) for playbook in playbooks for step in playbook.steps]
    known = {step.type for _, step in steps if isinstance(step, CreateTask)}
    for name, step in steps:
        for guard in (step.unless, step.only_if):
            for kind in guard.asked if guard is not None else ():
                if kind not in known:
                    raise ConfigurationError(
                        f"{folder}: {name}: do: {step.name}: asked: no playbook asks for a task of the type "
                        f"'{kind}'.",
                        hint=suggest(kind, known),
                    )


def load_playbook(path: Path) -> Playbook:
    """Read and check one file.

    Raises:
        ConfigurationError: As above.
    """
    start = "Start with name:, title:, because:, when:, do:."
    file = read_yaml(path, absent=start, wrong="holds no playbook", example=start)
    raw = dict(file.content)
    known = set(Playbook.model_fields) - {"steps"} | {"do"}
    if extra := [key for key in raw if key not in known]:
        place = file.place((extra[0],))
        raise ConfigurationError(f"{place}: {extra[0]} is not a known key.", hint=suggest(extra[0], known))
    do = raw.pop("do", None)
    steps = _steps(do, file)
    playbook = _validated(Playbook, raw, file)
    if playbook.name != path.stem:
        raise ConfigurationError(
            f"{file.place(('name',))}: name is '{playbook.name}', the file is called '{path.stem}'.",
            hint="Let them agree.",
        )
    _check_names(playbook, file)
    if any(isinstance(step, SetFields) for step in steps) != (playbook.once_per == "change"):
        raise ConfigurationError(
            f"{file.place(('once_per',))}: once_per: change and the step set_fields belong together.",
            hint="Put set_fields into a playbook of its own.",
        )
    return playbook.model_copy(update={"steps": steps})


def _steps(do: Any, file: YamlFile) -> tuple[Step, ...]:
    start = file.place(("do",))
    if not isinstance(do, list) or not do:
        raise ConfigurationError(f"{start}: do: lists no step.", hint=f"Known steps: {', '.join(STEPS)}.")
    steps: list[Step] = []
    for number, entry in enumerate(do):
        place = file.place(("do", number))
        if not isinstance(entry, dict) or len(entry) != 1:
            raise ConfigurationError(
                f"{place}: do: step {number + 1} must be one verb with its settings.",
                hint="For example - notify: {channel: '#csm-alerts'}.",
            )
        ((verb, body),) = entry.items()
        if verb not in STEPS:
            raise ConfigurationError(
                f"{place}: do: step {number + 1}: unknown verb '{verb}'.", hint=suggest(str(verb), STEPS)
            )
        step = _validated(STEPS[verb], body or {}, file, "do", number, verb)
        roles = DestinationsConfig.model_fields
        if step.to not in roles:
            raise ConfigurationError(
                f"{file.place(('do', number, verb, 'to'))}: {verb}: to: '{step.to}' is not a destination.",
                hint=suggest(step.to, roles),
            )
        steps.append(step)
    names = [step.name for step in steps]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(
            f"{start}: do: two steps are called '{doubled[0]}'.", hint="Give one of them an id of its own."
        )
    parts = [step for step in steps if isinstance(step, CreateTask)]
    if any(step.due_in.total_seconds() <= 0 for step in parts):
        raise ConfigurationError(f"{start}: do: due_in must lie in the future.", hint="For example 48h.")
    named = [step for step in steps if getattr(step, "attach", None) == "meeting_times"]
    if named and sum(isinstance(step, ProposeMeeting) for step in steps) != 1:
        raise ConfigurationError(
            f"{start}: do: {named[0].name} attaches meeting_times, but not exactly one step proposes them.",
            hint="Add one - propose_meeting: {subject: ...}, or drop the attachment.",
        )
    proposes = [step for step in steps if isinstance(step, ProposeMeeting)]
    if odd := [
        step for step in named if (step.unless, step.only_if) != (proposes[0].unless, proposes[0].only_if)
    ]:
        raise ConfigurationError(
            f"{start}: do: {odd[0].name} names times of {proposes[0].name}, under other conditions.",
            hint="Give both the same unless and only_if.",
        )
    for number, step in enumerate(steps):
        for key in ("unless", "only_if"):
            _check_guard(step, key, file.place(("do", number)))
    return tuple(steps)


def _check_guard(step: Step, key: str, place: str) -> None:
    from customer_health.signals.catalogue import CATALOGUE
    from customer_health.signals.headline_facts import FACT_CODES

    guard = getattr(step, key)
    if guard is None:
        return
    for kind, used, known in (
        ("headline fact", guard.fact, FACT_CODES),
        ("signal", guard.signals, CATALOGUE),
    ):
        for name in used:
            if name not in known:
                raise ConfigurationError(
                    f"{place}: do: {step.name}: {key}: the {kind} '{name}' does not exist.",
                    hint=suggest(name, known),
                )


STATES = ("scored", "notice_given", "onboarding", "not_scored_yet", "too_little_known")


def _check_names(playbook: Playbook, file: YamlFile) -> None:
    from customer_health.signals.catalogue import CATALOGUE, REASON_CODES
    from customer_health.signals.headline_facts import FACT_CODES

    when = playbook.when
    if when.scheme is not None and when.scheme not in load_schemes():
        raise _unknown(playbook, file, "when: scheme", when.scheme, "tier scheme", load_schemes())
    checks: list[tuple[str, str, Iterable[str], Iterable[str]]] = [
        ("when: tier", "tier", when.tier, known_tiers(when.scheme)),
        ("when: signals", "signal", when.signals, CATALOGUE),
        ("when: state", "state", when.state, STATES),
    ]
    checks += [
        (f"when: reasons: {word}", "reason code", getattr(when.reasons, word), REASON_CODES)
        for word in ("any", "all", "none")
    ]
    checks += [
        (f"when: fact: {word}", "headline fact", getattr(when.fact, word), FACT_CODES)
        for word in ("any", "all", "none")
    ]
    for where, kind, used, known in checks:
        for name in used:
            if name not in set(known):
                raise _unknown(playbook, file, where, name, kind, known)


def _unknown(
    playbook: Playbook, file: YamlFile, where: str, name: str, kind: str, known: Iterable[str]
) -> ConfigurationError:
    place = file.place(tuple(where.split(": ")))
    return ConfigurationError(
        f"{place}: {where}: playbook {playbook.name} uses the {kind} '{name}', which does not exist.",
        hint=suggest(name, known),
    )


def _validated(model: type[M], raw: Any, file: YamlFile, *under: int | str) -> M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise refusal(file, error, model, under=under) from None
