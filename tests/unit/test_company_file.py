"""A company file with a mistake is refused with file, line, key and what to write instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from customer_health.company import MOVED, CompanyConfig, load_company
from customer_health.errors import ConfigurationError
from customer_health.sections import TABLE_NAMES, known_keys
from customer_health.warehouse.tables import TABLES


def refused(folder: Path, text: str | bytes) -> ConfigurationError:
    path = folder / "company.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as error:
        load_company(path)
    return error.value


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("playbooks:\n  first_run_tasks: 3\nplaybooks:\n  alerts_per_owner_per_day: 4\n", 3, "playbooks"),
        ("model:\n  seed: 1\n  seed: 2\n", 3, "model.seed"),
        ("playbooks:\n  quiet:\n    zones: {'a@b.c': Europe/Berln}\n", 3, "playbooks.quiet.zones"),
        ("signals:\n  business_hours: {timezone: Mars/Base}\n", 2, "signals.business_hours.timezone"),
        ("playbooks:\n  shadow: no\n", 2, "playbooks.shadow"),
        ("playbooks:\n  fallback_owner: nobody\n", 2, "playbooks.fallback_owner"),
        ("playbooks:\n  auto_send_segments: [smbb]\n", 2, "playbooks.auto_send_segments.0"),
        ("playbooks:\n  stale_after_days: {usagee: 3}\n", 2, "playbooks.stale_after_days"),
        ("score:\n  red_share: 8\n", 2, "score.red_share"),
        ("score:\n  red_share: 0.5\n  green_share: 0.7\n", 1, "score"),
        ("model:\n  primary_horizon: 120\n", 2, "model.primary_horizon"),
        ("model:\n  horizons: [90]\n", 1, "model"),
        ("playbooks:\n  scores_due_after_hours: .nan\n", 2, "playbooks.scores_due_after_hours"),
        ("playbooks:\n  min_arr: .inf\n", 2, "playbooks.min_arr"),
        ("playbooks:\n  first_run_tasks: true\n", 1, "playbooks"),
        ("connections:\n  slack:\n    channels: {'#a': csm-alerts}\n", 3, "connections.slack.channels"),
    ],
)
def test_a_mistake_names_its_file_line_and_key(tmp_path: Path, text: str, line: int, key: str):
    error = refused(tmp_path, text)

    assert f"company.yaml:{line}: {key}" in error.message
    assert error.hint


def test_a_key_of_an_earlier_version_says_what_takes_its_place(tmp_path: Path):
    error = refused(tmp_path, "playbooks:\n  cost_of_play: 900\n")

    assert "playbooks.cost_of_play is an earlier name" in error.message
    assert error.hint == "Write economics.play_cost instead of playbooks.cost_of_play."


def test_the_tables_that_a_company_file_may_name_are_those_that_exist():
    assert set(TABLE_NAMES) == set(TABLES)


@pytest.mark.parametrize(("old", "new"), sorted(MOVED.items()))
def test_every_moved_key_is_gone_and_its_new_place_exists(old: str, new: str):
    *above, name = old.split(".")
    assert name not in known_keys(CompanyConfig, tuple(above))
    for place in new.replace(" or ", ", ").split(", "):
        *above, name = place.split(".")
        assert name in known_keys(CompanyConfig, tuple(above))


def test_a_file_that_is_not_text_names_the_line_of_the_first_wrong_byte(tmp_path: Path):
    error = refused(tmp_path, b"name: pb\ntitle: F\xfcr\n")

    assert "company.yaml:2: byte 17 is not UTF-8 text" in error.message


def test_anchors_that_grow_without_end_are_refused(tmp_path: Path):
    doubled = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    text = "a0: &a0 [1, 1]\n" + "".join(doubled)

    assert "unfolds into more than" in refused(tmp_path, text).message


def test_norway_is_a_text_and_an_empty_file_means_the_defaults(tmp_path: Path):
    path = tmp_path / "company.yaml"
    path.write_text("name: no\nplaybooks: {quiet: {weekends: no}}\n", encoding="utf-8")
    assert load_company(path).name == "no"
    assert load_company(path).playbooks.quiet.weekends is False

    path.write_text("", encoding="utf-8")
    assert load_company(path) == CompanyConfig()


BESIDE = Path(__file__).parents[3] / "shared" / "data"
CASES = Path(os.environ.get("CUSTOMER_HEALTH_TEST_DATA", BESIDE)).parent
LEGITIMATE = {"21_empty.yaml"}
# Names of things that other rooms hold: refused when the playbooks, tiers and destinations are loaded.
ELSEWHERE = {"10_dest_unknown.yaml", "16_paused_unknown.yaml", "17_tier_scheme.yaml"}
FOUND = sorted((CASES / "cases" / "config").glob("[0-9]*.yaml"))
MISTAKES = [path for path in FOUND if path.name not in ELSEWHERE]


@pytest.mark.skipif(not MISTAKES, reason="the third-party cases are not beside this checkout")
@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_the_thirty_files_with_one_mistake_each_are_refused(path: Path):
    if path.name in LEGITIMATE:
        assert load_company(path) == CompanyConfig()
        return
    with pytest.raises(ConfigurationError) as error:
        load_company(path)
    assert path.name in error.value.message
