"""Tier schemes cover every whole score exactly once, or they are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from customer_health.errors import ConfigurationError
from customer_health.scoring.tiers import load_schemes, round_half_up, scheme_named, tier_of


@pytest.mark.parametrize("scheme", ["four_tier", "rag", "aligned"])
def test_every_whole_score_has_exactly_one_tier(scheme: str) -> None:
    tiers = load_schemes()[scheme].tiers

    assert all(sum(t.lowest <= score <= t.highest for t in tiers) == 1 for score in range(101))


def test_a_score_that_is_no_score_is_refused() -> None:
    with pytest.raises(ValueError, match="101"):
        tier_of(101, "rag")


def test_halves_round_up_once() -> None:
    shown = round_half_up(np.array([29.4999, 29.5, 40.5, 69.49, 70.5, 99.5]))

    assert shown.tolist() == [29, 30, 41, 69, 71, 100]


def test_an_unknown_scheme_gets_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match="four_tier"):
        scheme_named("four_tiers")


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ("[{name: Low, from: 1}, {name: High, from: 50}]", "Low starts at 1 and leaves a gap"),
        ("[{name: Low, from: 0, to: 40}, {name: High, from: 50}]", "High starts at 50 and leaves a gap"),
        ("[{name: Low, from: 0, to: 60}, {name: High, from: 50}]", "High starts at 50 and overlaps"),
        ("[{name: Low, from: 0}, {name: High, from: 50, to: 90}]", "High ends at 90 and leaves a gap"),
        ("[{name: High, from: 50}, {name: Low, from: 0}]", "High starts at 50 and leaves a gap"),
        ("[{name: Low, from: 0}, {name: High, from: 70}, {name: Mid, from: 50}]", "High runs from 70 to 49"),
        ("[{name: Low, from: 0}, {name: Low, from: 50}]", "two tiers are called 'Low'"),
        ("[{name: Low, from: 0}, {name: High, from: 29.5}]", "High: from is 29.5"),
        ("[{name: Low, form: 0}]", "unknown key 'form'"),
        ("[{name: Low}]", "'from' is missing"),
        ("[]", "tiers: is empty"),
        ("Low", "tiers: is empty"),
        ("[Low]", "found str"),
    ],
)
def test_a_faulty_scheme_is_refused_with_file_and_place(tmp_path: Path, tiers: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"schemes: {{mine: {{tiers: {tiers}}}}}", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=message) as refused:
        load_schemes(file)

    assert "mine.yaml: mine" in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "schemes: {}", "schema: {}", "schemes: {a: [", "schemes: 3"])
def test_a_file_that_is_no_list_of_schemes_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"mine\.yaml"):
        load_schemes(file)
