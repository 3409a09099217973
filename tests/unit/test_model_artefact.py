"""A champion on disk: any damage is found before anything is believed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lib.model_worlds import champion_of_all_kinds, make_world

from customer_health.model.registry.artefact import DamagedArtefactError, load, save

Saved = tuple[Path, dict[str, str]]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    champion = champion_of_all_kinds()
    return tmp_path, save(champion, tmp_path)


def test_a_loaded_champion_predicts_and_explains_what_the_saved_one_did(saved: Saved):
    champion, again = champion_of_all_kinds(), load(*saved)
    rows = make_world(40, 1, seed=9).panel

    assert again.predict(rows).equals(champion.predict(rows))
    assert again.contributions(rows, 180).equals(champion.contributions(rows, 180))
    assert (again.model_id, again.anchors) == (champion.model_id, champion.anchors)
    assert again.reference == champion.reference != {}


def test_the_artefact_is_text_and_json_only(saved: Saved):
    folder, digests = saved

    assert {path.name for path in folder.iterdir()} == set(digests)
    assert {path.suffix for path in folder.iterdir()} == {".json", ".txt"}
    for path in folder.iterdir():
        path.read_text(encoding="utf-8")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_flipped_bit_is_found_before_the_file_is_opened(saved: Saved, data: st.DataObject):
    folder, digests = saved
    path = folder / data.draw(st.sampled_from(sorted(digests)))
    whole = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
    try:
        with pytest.raises(DamagedArtefactError, match=path.name):
            load(folder, digests)
    finally:
        path.write_bytes(whole)


def test_a_missing_or_shortened_file_is_named(saved: Saved):
    folder, digests = saved
    trees = folder / "h180_lightgbm.txt"
    trees.write_bytes(trees.read_bytes()[:-1])
    with pytest.raises(DamagedArtefactError, match="h180_lightgbm"):
        load(folder, digests)
    trees.unlink()
    with pytest.raises(DamagedArtefactError, match="cannot be read"):
        load(folder, digests)


def test_a_library_that_predicts_otherwise_is_caught_by_the_canary(saved: Saved):
    """Hashes match, and still the numbers differ: as if an upgrade had changed the arithmetic."""
    folder, digests = saved
    path = folder / "champion.json"
    index = json.loads(path.read_text())
    index["heads"]["h180"]["canary"][2] += 1e-6
    path.write_text(json.dumps(index))
    digests = {**digests, path.name: hashlib.sha256(path.read_bytes()).hexdigest()}

    with pytest.raises(DamagedArtefactError, match="no longer predicts"):
        load(folder, digests)


def test_saving_twice_leaves_the_same_bytes(saved: Saved):
    folder, digests = saved
    champion = champion_of_all_kinds()

    assert save(champion, folder) == digests
    assert load(folder, digests).model_id == champion.model_id
