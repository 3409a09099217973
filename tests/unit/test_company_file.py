"""A company file with a mistake is refused with file, line, key and what to write instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from customer_health.company import MOVED, CompanyConfig, load_company
from customer_health.company_docs import render
from customer_health.errors import ConfigurationError
from customer_health.sections import TABLE_NAMES, known_keys
from customer_health.warehouse.tables import TABLES

ROOT = Path(__file__).parents[2]


def refused(folder: Path, text: str | bytes) -> ConfigurationError:
    path = folder / "company.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as error:
        load_company(path)
    return error.value


# Kinds of mistakes: what stands in the file, the line and key that are named, and what is said or suggested.
MISTAKES = [
    ("playbok:\n  paused: []\n", 1, "playbok", "Did you mean one of: playbooks?"),
    ("playbooks:\n  first_run_task: 3\n", 2, "playbooks.first_run_task", "first_run_tasks"),
    (
        "playbooks:\n  routes:\n  - {chanel: '#a'}\n",
        3,
        "playbooks.routes.0.chanel",
        "Did you mean one of: channel",
    ),
    ("sources:\n  crm: {table: [a]}\n", 2, "sources.crm.table", "Did you mean one of: tables"),
    ("playbooks:\n  paused: []\nplaybooks:\n  shadow: []\n", 3, "playbooks", "first given in line 1"),
    ("model:\n  seed: 1\n  seed: 2\n", 3, "model.seed", "first given in line 2"),
    ("playbooks:\n  links: {a: b\n  x: [1\n", 3, "", "not valid YAML"),
    ("playbooks:\n\tfirst_run_tasks: 3\n", 2, "", "indent with spaces"),
    ("playbooks:\n  first_run_tasks: many\n", 2, "playbooks.first_run_tasks", "whole number (found: 'many')"),
    ("playbooks:\n  first_run_tasks: true\n", 2, "playbooks.first_run_tasks", "true is neither a number"),
    ("playbooks:\n  shadow: no\n", 2, "playbooks.shadow", "should be a list"),
    (
        "playbooks:\n  alerts_per_owner_per_day: -1\n",
        2,
        "playbooks.alerts_per_owner_per_day",
        "equal to 0",
    ),
    ("score:\n  red_share: 8\n", 2, "score.red_share", "less than 1"),
    ("score:\n  red_share: 0.5\n  green_share: 0.7\n", 3, "score.green_share", "leave no accounts"),
    ("model:\n  capacity_share: -0.1\n", 2, "model.capacity_share", "greater than 0"),
    ("model:\n  loss_shares: {downgrade: 3}\n", 2, "model.loss_shares.downgrade", "less than or equal to 1"),
    (
        "model:\n  loss_shares: {downgrades: 0.3}\n",
        2,
        "model.loss_shares.downgrades",
        "Did you mean one of: downgrade",
    ),
    ("model:\n  primary_horizon: 120\n", 2, "model.primary_horizon", "90 or 180"),
    ("model:\n  horizons: [90]\n", 1, "model.primary_horizon", "180 is not among model.horizons (90)"),
    ("playbooks:\n  scores_due_after_hours: .nan\n", 2, "playbooks.scores_due_after_hours", "finite"),
    ("playbooks:\n  min_arr: .inf\n", 2, "playbooks.min_arr", "finite"),
    ("money:\n  currency: EUR\n  rates: {USD: .inf}\n", 3, "money.rates.USD", "finite"),
    ("money:\n  currency: EUR\n  rates: {USD: -1}\n", 3, "money.rates.USD", "above 0"),
    ("money:\n  rates: {USD: 1}\n", 2, "money.rates", "rates need money.currency"),
    ("money:\n  currency: Euro\n", 2, "money.currency", "such as EUR"),
    ("destinations:\n  slack: slak\n", 2, "destinations.slack", "Did you mean one of: slack"),
    ("destinations:\n  salesforce: salesforce\n", 2, "destinations.salesforce", "Known: calendar, crm"),
    (
        "destinations:\n  crm: slack\n",
        2,
        "destinations.crm",
        "Slack cannot create opportunity or create task",
    ),
    ("digest:\n  readers: [{address: a@b.c}]\ndestinations: {email: gmail}\n", 2, "digest.readers", "smtp"),
    (
        "playbooks:\n  quiet:\n    zones: {'a@b.c': Europe/Berln}\n",
        3,
        "playbooks.quiet.zones",
        "Europe/Berlin",
    ),
    (
        "signals:\n  business_hours: {timezone: Mars/Base}\n",
        2,
        "signals.business_hours.timezone",
        "time zone",
    ),
    ("signals:\n  business_hours: {opens: 9, closes: 8}\n", 2, "signals.business_hours", "opens < closes"),
    ("playbooks:\n  paused: [critcal_save]\n", 2, "playbooks.paused.0", "Did you mean one of: critical_save"),
    ("playbooks:\n  shadow:\n  - red_save\n  - red_svae\n", 4, "playbooks.shadow.1", "red_save"),
    ("score:\n  scheme: five_tier\n", 2, "score.scheme", "Did you mean one of: four_tier"),
    (
        "playbooks:\n  routes: [{tiers: [critcal], channel: '#a'}]\n",
        2,
        "playbooks.routes.0.tiers.0",
        "critical",
    ),
    (
        "playbooks:\n  routes: [{channel: csm-alerts}]\n",
        2,
        "playbooks.routes.0.channel",
        "such as #csm-alerts",
    ),
    ("playbooks:\n  alerts_channel: csm-alerts\n", 2, "playbooks.alerts_channel", "such as #csm-alerts"),
    (
        "playbooks:\n  links: {CRM: 'https://x.example/{acount_id}'}\n",
        2,
        "playbooks.links.CRM",
        "{account_id}",
    ),
    (
        "connections:\n  slack:\n    channels: {'#a': csm-alerts}\n",
        3,
        "connections.slack.channels.#a",
        "C0123ABCD",
    ),
    ("playbooks:\n  fallback_owner: nobody\n", 2, "playbooks.fallback_owner", "not an e-mail address"),
    (
        "playbooks:\n  auto_send_segments: [smbb]\n",
        2,
        "playbooks.auto_send_segments.0",
        "Did you mean one of: smb",
    ),
    (
        "playbooks:\n  stale_after_days: {usagee: 3}\n",
        2,
        "playbooks.stale_after_days.usagee",
        "Did you mean one of: usage",
    ),
    (
        "data:\n  unreadable_share: {ticket: 0.1}\n",
        2,
        "data.unreadable_share.ticket",
        "Did you mean one of: tickets",
    ),
    ("sources:\n  crm: {tables: [account]}\n", 2, "sources.crm.tables.0", "Did you mean one of: accounts"),
    ("facts:\n  ceilings: {silent_acount: 49}\n", 2, "facts.ceilings.silent_acount", "silent_account"),
    (
        "people:\n  executive_title_patterns: ['(chief']\n",
        2,
        "people.executive_title_patterns.0",
        "regular expression",
    ),
    ("texts:\n  reader: openai\n", 1, "texts.endpoints", "its model and price"),
]


@pytest.mark.parametrize(("text", "line", "key", "said"), MISTAKES)
def test_a_mistake_names_its_file_line_and_key(tmp_path: Path, text: str, line: int, key: str, said: str):
    error = refused(tmp_path, text)

    assert f"company.yaml:{line}{f': {key}' if key else ' is'}" in error.message
    assert said in str(error)
    assert error.hint


def test_a_playbook_of_the_companys_own_folder_may_be_paused(tmp_path: Path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "partner_call.yaml").write_text("name: partner_call\n")
    path = tmp_path / "company.yaml"
    path.write_text(f"playbooks: {{own_library: {tmp_path / 'ours'}, paused: [partner_call]}}\n")

    assert load_company(path).playbooks.paused == ("partner_call",)


def test_the_page_about_the_company_file_is_as_its_sections_say():
    assert (ROOT / "docs" / "company_file.md").read_text(encoding="utf-8") == render()


def test_every_key_of_the_company_file_says_what_it_is_for():
    page = render().split("## connections\n")[0]
    assert [line for line in page.splitlines() if line.endswith("|  |")] == []


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
FOUND = sorted((CASES / "cases" / "config").glob("[0-9]*.yaml"))


@pytest.mark.skipif(not FOUND, reason="the third-party cases are not beside this checkout")
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_the_thirty_files_with_one_mistake_each_are_refused(path: Path):
    if path.name in LEGITIMATE:
        assert load_company(path) == CompanyConfig()
        return
    with pytest.raises(ConfigurationError) as error:
        load_company(path)
    assert path.name in error.value.message
