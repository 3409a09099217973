"""Promise 10,000 actions over all destinations, break everything, count what the remotes really hold.

Three dispatchers share the outbox; 5 % of the requests meet one of nine faults; 20 dispatchers are killed
with SIGKILL and replaced. Then the servers' own histories are counted: an action that is missing is lost,
an action that was made twice is a duplicate. Both must be zero.

    python benchmarks/delivery.py                      # about three minutes
    python benchmarks/delivery.py --naive              # retries, no outbox: the test can fail
    python benchmarks/delivery.py --actions 300 --kills 4 --speed 120

Time is sped up: a lease of ten minutes lapses in ten seconds at --speed 60. Where a remote keeps no key
(Totango's plays), a lost answer waits for a person; the person of this benchmark looks into the remote
and resends what is not there, and is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from sqlalchemy import Engine, select, update

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "include"))

from tests.lib.destinations import RIGS, Rig, effect
from tests.lib.servers.base import FAULTS, Server

from customer_health.delivery.delivery_policy import Policy
from customer_health.delivery.dispatch import deliver
from customer_health.destinations.slack import file_upload
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin, transitions
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.schema import outbox as rows

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
POLICY = Policy(
    lease=timedelta(minutes=10),
    client_timeout=timedelta(seconds=60),
    grace=timedelta(minutes=4),
    most_attempts=20,
    most_busy=20,
    breaker_threshold=25,
)


@dataclass
class Report:
    """What came of one run.

    Attributes:
        actions: Promised.
        lost: Promised, and not in the remote's history.
        duplicated: Made more than once.
        kills: Dispatchers killed.
        faults: Injected, by kind.
        by_person: Lost answers that a person had to settle.
        violations: Requests against a published specification.
        seconds: Wall time.
        requests: That reached a server.
    """

    actions: int
    lost: int = 0
    duplicated: int = 0
    kills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    by_person: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0
    requests: int = 0
    by_destination: dict[str, str] = field(default_factory=dict)


class Clock:
    """Real time, faster."""

    def __init__(self, speed: float) -> None:
        self.speed, self.began = speed, time.monotonic()

    def __call__(self) -> datetime:
        return START + timedelta(seconds=(time.monotonic() - self.began) * self.speed)


def run(*, actions: int, kills: int, chance: float, speed: float, naive: bool, seed: int = 7) -> Report:
    """Run once and return the count."""
    folder = Path(tempfile.mkdtemp(prefix="delivery-"))
    Server.autostart = False
    try:
        rigs = {name: build(15 / speed + 0.1) for name, build in RIGS.items()}
    finally:
        Server.autostart = True
    for name, rig in rigs.items():
        rig.destination.name = name
    url, clock = f"sqlite:///{folder}/ledger.db", Clock(speed)
    keys = _promise(url, rigs, actions)
    _warm_up(url)
    zygote = _Zygote(url, rigs, clock, naive)  # forked before the first thread exists
    for number, rig in enumerate(rigs.values()):
        server = rig.server
        server._random.seed(seed + number)
        server.chance, server.slow = chance, 30 / speed
        # Where no new session can be had, an expired one stops the channel for an hour: tested elsewhere.
        renews = "salesforce" in rig.destination.name
        server.kinds = FAULTS if renews else tuple(kind for kind in FAULTS if kind != "auth_expired")
        server.start()
    began = time.monotonic()
    report = Report(actions=sum(map(len, keys.values())))
    ledger = open_ledger(url)
    luck = random.Random(seed)
    workers = [zygote.fork(place) for place in range(3)]
    next_kill, gap = began + 1.0, max(0.25, min(3.0, actions / 200 / max(kills, 1)))
    while _open_rows(ledger):
        time.sleep(0.1)
        if report.kills < kills and time.monotonic() > next_kill:
            place = luck.randrange(len(workers))
            os.kill(workers[place], signal.SIGKILL)
            workers[place] = zygote.fork(place)
            report.kills += 1
            next_kill = time.monotonic() + gap * luck.uniform(0.5, 1.5)
        if not naive:
            report.by_person += _person(ledger, rigs, clock)
        if time.monotonic() - began > 1800:
            print("gave up after half an hour", file=sys.stderr)
            break
    zygote.close()
    report.seconds = time.monotonic() - began
    _count(report, rigs, keys)
    ledger.dispose()
    for rig in rigs.values():
        rig.server.close()
    return report


def _promise(url: str, rigs: dict[str, Rig], actions: int) -> dict[str, list[tuple[str, str, str]]]:
    """Promise effects, and return (key, account, verb) by destination."""
    keys: dict[str, list[tuple[str, str, str]]] = {name: [] for name in rigs}
    effects = []
    names = sorted(rigs)
    for number in range(actions):
        name = names[number % len(names)]
        rig, account = rigs[name], f"account-{number}"
        verb = rig.verbs[number // len(names) % len(rig.verbs)]
        rig.add(account)
        promise = effect(verb, account, to=name)
        effects.append(promise)
        keys[name].append((promise.key, account, verb))
    ledger = open_ledger(url)
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=START)
    ledger.dispose()
    return keys


def _warm_up(url: str) -> None:
    """Draw one picture, so that no dispatcher spends its lease on importing what draws."""
    ledger = open_ledger(url)
    drawn = next((row for row in admin.find(ledger) if row["verb"] == "attach_file"), None)
    ledger.dispose()
    if drawn is not None:
        file_upload.content_of(drawn["payload"])


def _open_rows(ledger: Engine) -> int:
    tally = admin.tally(ledger)
    return sum(
        count
        for states in tally.values()
        for state, count in states.items()
        if state in transitions.OPEN_STATES
    )


def _person(ledger: Engine, rigs: dict[str, Rig], clock: Clock) -> int:
    """Settle what nobody can ask about: look into the remote, resend what is not there."""
    settled = 0
    for row in admin.find(ledger, state="rejected"):
        rig = rigs[row["destination"]]
        if rig.landed(outbox.effect_of(row)):
            with writing(ledger) as connection:
                connection.execute(update(rows).where(rows.c.key == row["key"]).values(state="delivered"))
        else:
            admin.resend(ledger, row["key"], "looked: it is not there", now=clock())
        settled += 1
    return settled


def _count(report: Report, rigs: dict[str, Rig], keys: dict[str, list[tuple[str, str, str]]]) -> None:
    faults: Counter[str] = Counter()
    for name, rig in rigs.items():
        made = Counter(one.key for one in rig.server.history if one.created)
        changed = Counter(one.key for one in rig.server.history if not one.created)
        lost = duplicated = 0
        for key, account, _verb in keys[name]:
            times = made[key] + made[account]
            lost += not (times or changed[key] or changed[account])
            duplicated += max(times - 1, 0)
        report.lost += lost
        report.duplicated += duplicated
        report.violations += rig.server.violations[:3]
        report.requests += len(rig.server.requests)
        report.by_destination[name] = f"{len(keys[name])} actions, {lost} lost, {duplicated} duplicated"
        faults += rig.server.injected
    report.faults = dict(sorted(faults.items()))


class _Zygote:
    """A process without threads, with everything imported, that forks dispatchers when asked."""

    def __init__(self, url: str, rigs: dict[str, Rig], clock: Clock, naive: bool) -> None:
        asks, self._asked = os.pipe()
        self._answers, answers = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._asked)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who are killed
            try:
                _serve(os.fdopen(asks), answers, url, rigs, clock, naive)
            finally:
                os._exit(0)
        os.close(asks)
        self._children: list[int] = []
        self._told: IO[str] = os.fdopen(self._answers)

    def fork(self, place: int) -> int:
        """Start the dispatcher of one of the three places; return its process id."""
        os.write(self._asked, f"{place}\n".encode())
        self._children.append(int(self._told.readline()))
        return self._children[-1]

    def close(self) -> None:
        """End them all."""
        for child in self._children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os.close(self._asked)
        self._told.close()
        os.waitpid(self.pid, 0)


def _serve(asks: IO[str], answers: int, url: str, rigs: dict[str, Rig], clock: Clock, naive: bool) -> None:
    for line in asks:
        child = os.fork()
        if child == 0:
            try:
                (_naive if naive else _dispatch)(url, rigs, clock, int(line))
            finally:
                os._exit(1)
        os.write(answers, f"{child}\n".encode())


def _dispatch(url: str, rigs: dict[str, Rig], clock: Clock, place: int) -> None:
    ledger = open_ledger(url)
    order = sorted(rigs)
    random.Random(place).shuffle(order)
    while True:
        for name in order:
            try:
                deliver(ledger, rigs[name].destination, now=clock, policy=POLICY, limit=150)
            except Exception as error:  # the ledger may be locked for long on a busy machine
                print(f"dispatcher {place}: {error!r}", file=sys.stderr)
        time.sleep(0.05)


def _naive(url: str, rigs: dict[str, Rig], clock: Clock, place: int) -> None:
    """What many integrations do: call, retry on failure, note success. Rows are split: nobody overlaps."""
    ledger = open_ledger(url)
    while True:
        with ledger.connect() as connection:
            query = select(rows).where(rows.c.state == "pending").order_by(rows.c.key)
            pending = [row for row in connection.execute(query).mappings() if _place_of(row["key"]) == place]
        time.sleep(0.0 if pending else 0.05)
        for row in pending:
            promise = outbox.effect_of(row)
            for _ in range(6):
                try:
                    rigs[row["destination"]].destination.deliver(promise)
                    break
                except Exception:  # that is the point
                    continue
            with writing(ledger) as connection:
                connection.execute(update(rows).where(rows.c.key == row["key"]).values(state="delivered"))


def _place_of(key: str) -> int:
    return int(key[-4:], 16) % 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; exit code 1 when anything was lost or duplicated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--chance", type=float, default=0.05, help="share of requests that meet a fault")
    parser.add_argument("--speed", type=float, default=40.0, help="virtual seconds per second")
    parser.add_argument("--naive", action="store_true")
    given = parser.parse_args(arguments)
    report = run(
        actions=given.actions, kills=given.kills, chance=given.chance, speed=given.speed, naive=given.naive
    )
    print(json.dumps(vars(report), indent=1))
    return int(bool(report.lost or report.duplicated))


if __name__ == "__main__":
    sys.exit(main())
