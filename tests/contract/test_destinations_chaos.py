"""The benchmark in small, in every CI run: kills, faults, three dispatchers, the remotes' own history."""

from benchmarks.delivery import run


def test_three_dispatchers_faults_and_kills_lose_nothing_and_double_nothing():
    report = run(actions=200, kills=3, chance=0.06, speed=80.0, naive=False)

    assert (report.lost, report.duplicated) == (0, 0), report.by_destination
    assert report.kills >= 1
    assert len(report.faults) >= 5, report.faults
    assert report.violations == []


def test_plain_retries_do_double_so_this_test_can_fail():
    report = run(actions=120, kills=2, chance=0.25, speed=80.0, naive=True)
    assert report.duplicated > 0
