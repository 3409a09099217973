"""What every vendor file must do. A vendor joins by its YAML and a server of its name in tests/lib."""

from __future__ import annotations

import gzip
import json
import logging
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.lib import children
from tests.lib.servers.vendors.base import AS_OF, VendorServer
from tests.lib.vendor_company import VendorCompany

from customer_health import pipeline
from customer_health.errors import DataContractError
from customer_health.sources.asking.faults import SourceBusyError, SourceRefusedError
from customer_health.sources.asking.vendor_file import vendor_files
from customer_health.sources.source_registry import names, source_for

MANY = 105


@pytest.fixture(params=sorted(vendor_files()))
def remote(request: pytest.FixtureRequest) -> Iterator[VendorServer]:
    server: VendorServer = import_module(f"tests.lib.servers.vendors.{request.param}").Remote()
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def company(remote: VendorServer, tmp_path: Path) -> VendorCompany:
    return VendorCompany(tmp_path, remote)


def agree(company: VendorCompany) -> None:
    """What has landed is what is served: nothing lost, nothing of what is gone."""
    landed, served = company.landed(), company.remote.served()
    assert sorted(landed) == sorted(served)
    for key, row in landed.items():
        assert set(row) & set(served[key])
        assert _same(row, served[key]), (key, row, served[key])


def _same(landed: Any, served: Any) -> bool:
    """Whether what landed is what was served, as far as it was asked for."""
    if isinstance(landed, dict) and isinstance(served, dict):
        return all(_same(value, served[name]) for name, value in landed.items() if name in served)
    return bool(landed == served)


def ready(company: VendorCompany, number: int = MANY) -> None:
    company.remote.seed(number)
    company.remote.now += 3600


def test_a_vendor_that_the_company_file_names_is_a_source(company: VendorCompany) -> None:
    assert names(company.settings) == [company.name]
    assert source_for(company.settings).name == company.name


def test_all_pages_are_read_to_the_end(company: VendorCompany) -> None:
    ready(company)
    reading = company.fetch()
    agree(company)
    assert (
        reading.resources[next(n for n in reading.resources if n.startswith(company.remote.main))].read >= 1
    )


def test_a_second_run_with_nothing_new_makes_one_call_per_resource_and_one_for_a_token(
    company: VendorCompany,
) -> None:
    ready(company)
    company.fetch()
    before = sorted(path.name for path in company.home.rglob("landing/**/*.jsonl.gz"))
    reading = company.fetch()
    assert sorted(path.name for path in company.home.rglob("landing/**/*.jsonl.gz")) == before
    assert reading.calls <= company.remote.calls_of_an_idle_run + company.remote.renews
    agree(company)


def test_what_is_new_or_changed_comes_with_the_next_run(company: VendorCompany) -> None:
    ready(company)
    company.fetch()
    company.remote.change("00003")
    company.remote.add("00900")
    company.remote.now += 3600
    company.fetch(AS_OF + timedelta(days=1))
    agree(company)


def test_a_record_that_appears_at_the_very_time_of_the_last_one_is_not_lost(company: VendorCompany) -> None:
    company.remote.seed(MANY)
    last = company.remote.now
    company.remote.now += 3600
    company.fetch()
    company.remote.now = last
    company.remote.add("00901", same_time=True)
    company.remote.now = last + 7200
    company.fetch(AS_OF + timedelta(days=1))
    agree(company)


def test_a_limit_is_waited_for_as_long_as_the_vendor_says(company: VendorCompany) -> None:
    ready(company)
    company.remote.next.extend([None, "429"])
    company.fetch()
    assert company.remote.injected["429"] == 1
    assert max(company.waits) >= company.remote.pause
    agree(company)


def test_an_error_of_the_vendor_is_tried_again(company: VendorCompany) -> None:
    ready(company)
    company.remote.next.extend(["500_before", None, "reset_before"])
    company.fetch()
    agree(company)


def test_a_vendor_that_stays_down_is_left_for_the_next_try_of_the_task(company: VendorCompany) -> None:
    ready(company)
    company.remote.next.extend(["500_before"] * 5)
    with pytest.raises(SourceBusyError):
        company.fetch()
    company.fetch()
    agree(company)


def test_a_sign_in_that_ends_in_mid_run_is_renewed_or_reported(company: VendorCompany) -> None:
    ready(company)
    company.remote.next.extend(
        [None, None, "auth_expired"] if company.remote.renews else [None, "auth_expired"]
    )
    if company.remote.renews:
        company.fetch()
    else:
        with pytest.raises(SourceRefusedError, match="401") as caught:
            company.fetch()
        assert "Renew the credentials" in caught.value.hint
        company.fetch()
    agree(company)


def test_a_page_that_breaks_off_is_asked_for_again(company: VendorCompany) -> None:
    ready(company)
    company.remote.cut = 1
    try:
        company.fetch()
    except SourceBusyError:
        company.fetch()  # exports are asked for again by the task's next try
    agree(company)


def test_a_new_field_does_no_harm_and_a_renamed_one_stops_before_anything_is_kept(
    company: VendorCompany,
) -> None:
    ready(company)
    company.remote.add("00902", brand_new_field={"of": "yesterday"})
    company.remote.now += 3600
    company.fetch()
    agree(company)
    company.remote.add("00903")
    company.remote.now += 3600
    old, new = company.remote.renamed
    company.remote.field_names = {old: new}
    with pytest.raises(DataContractError, match=f"no field '[^']*{old}"):
        company.fetch(AS_OF + timedelta(days=1))
    company.remote.field_names = {}
    company.fetch(AS_OF + timedelta(days=1))
    agree(company)


def test_a_retyped_field_stops_before_anything_is_kept(company: VendorCompany) -> None:
    ready(company)
    company.fetch()
    company.remote.add("00904")
    company.remote.now += 3600
    company.remote.retyped = True
    with pytest.raises(DataContractError, match=r"its type was changed|no field"):
        company.fetch(AS_OF + timedelta(days=1))
    company.remote.retyped = False
    company.fetch(AS_OF + timedelta(days=1))
    agree(company)


def test_a_record_that_comes_twice_in_an_answer_counts_once(company: VendorCompany) -> None:
    if company.remote.grouped:
        pytest.skip(f"{company.name} answers with sums by group: a group comes once")
    ready(company)
    company.fetch()
    once = len(company.rows_of(company.remote.main))
    company.remote.twice = True
    company.remote.add("00905")
    company.remote.now += 3600
    company.fetch(AS_OF + timedelta(days=1))
    agree(company)
    assert len(company.rows_of(company.remote.main)) == once + 1


def test_a_deleted_record_goes_with_all_its_states(company: VendorCompany) -> None:
    if not company.remote.deletes:
        pytest.skip(f"{company.name} has no way to delete, or none that shows")
    ready(company)
    company.fetch()
    company.remote.change("00004")
    company.remote.now += 3600
    company.fetch()
    company.load()
    company.remote.delete("00004")
    company.remote.now += 3600
    company.fetch(AS_OF + timedelta(days=1))
    company.load(AS_OF + timedelta(days=1))
    table, column, value = company.remote.canonical("00004")
    assert company.query(f"SELECT count(*) FROM raw.{table} WHERE {column} = '{value}'") == [(0,)]
    _, _, other = company.remote.canonical("00005")
    assert company.query(f"SELECT count(*) FROM raw.{table} WHERE {column} = '{other}'") != [(0,)]


def test_a_record_that_was_deleted_and_restored_is_there_again_by_both_clocks(company: VendorCompany) -> None:
    if not company.remote.deletes or not company.remote.restores:
        pytest.skip(f"{company.name} has no way to delete, or none to bring back")
    ready(company)
    table, column, value = company.remote.canonical("00004")
    state = f"SELECT DISTINCT occurred_at, known_at FROM raw.{table} WHERE {column} = '{value}'"
    company.fetch()
    company.load()
    before = company.query(state)
    assert len(before) == 1
    for day, step in enumerate(
        (company.remote.delete, company.remote.restore, company.remote.change), start=1
    ):
        step("00004")
        company.remote.now += 3600
        company.fetch(AS_OF + timedelta(days=day))
        company.load(AS_OF + timedelta(days=day))
        there = company.query(state)
        assert there == ([] if step == company.remote.delete else before), step.__name__
    agree(company)


def test_a_merged_account_says_into_which(company: VendorCompany) -> None:
    if not company.remote.merges:
        pytest.skip(f"{company.name} brings no accounts, or never merges them")
    ready(company, 8)
    company.fetch()
    company.load()
    company.remote.merge("00004", into="00005")
    company.remote.now += 3600
    company.fetch(AS_OF + timedelta(days=1))
    company.load(AS_OF + timedelta(days=1))
    (_, _, gone), (_, _, stays) = company.remote.canonical("00004"), company.remote.canonical("00005")
    said = f"SELECT merged_into FROM raw.accounts WHERE account_id = '{gone}' AND merged_into IS NOT NULL"
    assert company.query(said) == [(stays,)]


def test_a_vendor_without_records_is_no_error(company: VendorCompany) -> None:
    company.fetch()
    company.load()
    assert company.landed() == {}


def test_a_run_that_is_killed_is_taken_up_again_and_nothing_is_lost_or_there_twice(
    company: VendorCompany,
) -> None:
    import customer_health.sources.asking.asker
    import customer_health.sources.asking.paginators  # noqa: F401  loaded before the process is doubled

    ready(company)
    company.remote.kill_at = 2
    company.remote.victim = children.begin(company.fetch)
    ended = children.end(company.remote.victim)
    company.remote.victim = 0
    company.fetch()
    agree(company)
    assert ended == -signal.SIGKILL or company.remote.export or company.remote.asked_main <= 2


def test_what_the_vendor_refuses_is_refused_here(company: VendorCompany) -> None:
    company.fetch()
    said = dict(company.remote.requests[-1].headers)
    sign = {name: value for name, value in said.items() if name in company.remote.signs}
    for method, path, given in company.remote.wrong():
        headers = {**sign, **given.pop("headers", {})}
        answer = requests.request(method, company.remote.url + path, headers=headers, timeout=5, **given)
        assert answer.status_code >= 400, (method, path, given)
    stranger = requests.get(company.remote.url + company.remote.requests[-1].path, timeout=5)
    assert stranger.status_code >= 400


def test_no_credential_is_in_a_file_a_log_or_the_ledger(
    company: VendorCompany, caplog: pytest.LogCaptureFixture
) -> None:
    ready(company, 10)
    with caplog.at_level(logging.DEBUG):
        reading = company.fetch()
    secrets = [
        value for name, value in company.remote.secret.items() if name in company.source.vendor.secrets
    ]
    kept = b"".join(path.read_bytes() for path in company.home.rglob("*") if path.is_file())
    said = caplog.text + json.dumps(reading.counts()) + "\n".join(reading.lines())
    for secret in [*secrets, *company.remote.tokens]:
        assert secret.encode() not in kept
        assert secret not in said


def test_no_name_and_no_words_of_people_are_in_a_log_in_counts_or_in_the_ledger(
    company: VendorCompany, caplog: pytest.LogCaptureFixture
) -> None:
    company.remote.story()
    company.remote.seed(3)
    company.remote.add("00906", brand_new_field="canary-words-of-somebody")
    company.remote.now += 3600
    if company.name not in ("salesforce", "hubspot"):
        company.know("a1", "acme.com")
    with caplog.at_level(logging.DEBUG):
        asked = pipeline.ask_source(company.settings, as_of=AS_OF, source=company.name)
        loaded = pipeline.ingest(company.settings, as_of=AS_OF, source=company.name, asked=True)
        checked = company.settle_and_tell()
    private = {"canary-words-of-somebody", *people_in(company.remote.rows)}
    said = caplog.text + json.dumps([asked.counts(), loaded.counts()])
    said += "\n".join([*asked.lines(), *loaded.lines(), *checked])
    kept = (company.home / "ledger.db").read_bytes()
    for words in private:
        assert words not in said, words
        assert words.encode() not in kept, words


def test_what_people_wrote_to_each_other_does_not_land(company: VendorCompany) -> None:
    company.remote.story()
    ready(company, 5)
    company.fetch()
    for path in (company.home / "landing").rglob("*.jsonl.gz"):
        assert b"a word between us" not in gzip.decompress(path.read_bytes()), path.name
    for path in (company.home / "landing").rglob("*.parquet"):
        assert b"a word between us" not in path.read_bytes(), path.name


PERSONAL = re.compile(r"name$|title$|subject|body|mail|comment|snippet|summary|description|^address$", re.I)


def people_in(value: Any, key: str = "") -> Iterator[str]:
    """Yield what records say of people, and what people wrote, as long as it can be told from other words."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from people_in(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from people_in(inner, key)
    elif isinstance(value, str) and len(value) > 7 and PERSONAL.search(key):
        yield value


def test_its_story_becomes_the_canonical_rows_that_a_csm_expects(company: VendorCompany) -> None:
    expected = company.remote.story()
    company.remote.now += 3600
    if "accounts" not in expected:
        company.know("a1", "acme.com")  # as the CRM would have told before
    company.fetch()
    company.load()
    for table, records in expected.items():
        id_column = company.remote.id_columns.get(table, f"{table.rstrip('s')}_id")
        found = company.query(f"SELECT {id_column} FROM raw.{table} ORDER BY 1")
        assert [one for (one,) in found] == sorted(records), table
        for key, columns in records.items():
            names_ = ", ".join(f"CAST({name} AS VARCHAR)" for name in columns)
            row = company.query(f"SELECT {names_} FROM raw.{table} WHERE {id_column} = '{key}'")
            assert dict(zip(columns, row[0], strict=True)) == columns, key
    assert company.query("SELECT table_name, column_name, value, reason FROM quarantine.rows") == []
