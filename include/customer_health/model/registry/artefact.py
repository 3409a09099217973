"""A champion in files: text and JSON, a SHA-256 per file, and canary rows. Never a pickle.

A damaged LightGBM file can abort the process, or load and predict something else. So the hashes, which
the registry keeps, are checked before any parser sees a byte, and a loaded champion must reproduce the
predictions that were stored with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from customer_health.address_faults import asking
from customer_health.errors import FatalError
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.candidate_loaders import read
from customer_health.model.data.decision_window import DECISION
from customer_health.model.data.features import EXTERNAL_SCORE, REFERENCE_INPUTS, RENEWAL, FeatureSet
from customer_health.model.data.track_record import read_records
from customer_health.model.registry.champion import Champion
from customer_health.storage import place_of
from customer_health.storage import read as read_file
from customer_health.storage import write as write_file

FORMAT = 2
INDEX = "champion.json"
TOLERANCE = 1e-9
HEALTH = "health"  # files of what gives the score, where that is none of the other heads


class DamagedArtefactError(FatalError):
    """The files of a model are not the ones that were registered, or do not predict what they did."""


def save(champion: Champion, folder: Path) -> dict[str, str]:
    """Write the champion, replacing what the folder holds of an earlier attempt.

    Args:
        champion: The fitted heads.
        folder: Created if needed; each file appears whole or not at all.

    Returns:
        SHA-256 per file name: what `load` wants to see, to be kept somewhere else.
    """
    files = {
        f"{prefix}_{name}": text
        for prefix, head in _all_heads(champion).items()
        for name, text in head.to_files().items()
    }
    files[INDEX] = json.dumps(_index(champion), indent=1, sort_keys=True)
    digests = {}
    for name, text in sorted(files.items()):
        data = text.encode("utf-8")
        write_file(folder / name, data)
        digests[name] = hashlib.sha256(data).hexdigest()
    return digests


def folder_of(registered: str, models: Path | None) -> Path:
    """Return where a registered model's files lie now.

    A home that was restored elsewhere, and models that were carried to an address, keep the folder's name
    and not the place that the registry knows. The hashes decide whether it is the model.

    Args:
        registered: The folder or address at which it was registered.
        models: Where models lie today; None: only the registered folder counts.

    Raises:
        StorageUnavailableError: The address did not answer.
    """
    if models is not None:
        today = models / registered.rstrip("/").rpartition("/")[2]
        with asking(today):
            if (today / INDEX).exists():
                return today
    return place_of(registered)


def load(folder: Path, expected_sha256: Mapping[str, str]) -> Champion:
    """Read a champion back, believing nothing before its hash was checked.

    Args:
        folder: Where `save` wrote.
        expected_sha256: What `save` returned.

    Raises:
        DamagedArtefactError: A file is missing or differs, or the canary rows are predicted differently.
        StorageUnavailableError: The folder lies at an address that did not answer.
    """
    return assemble(verified_files(folder, expected_sha256), str(folder))


def verified_files(folder: Path, expected_sha256: Mapping[str, str]) -> dict[str, str]:
    """Return the content of a model's files, each read once and held against its hash.

    Raises:
        DamagedArtefactError: A file is missing, or is not the one that was registered.
        StorageUnavailableError: The folder lies at an address that did not answer.
    """
    return {name: _verified(folder / name, digest) for name, digest in expected_sha256.items()}


def assemble(files: Mapping[str, str], folder: str) -> Champion:
    """Make a champion of verified files.

    Args:
        files: Of `verified_files`.
        folder: Where they came from, for messages.

    Raises:
        DamagedArtefactError: They are of another format, or the canary rows are predicted differently.
    """
    if INDEX not in files:
        raise DamagedArtefactError(
            f"No {INDEX} is registered for the model in {folder}.", hint="Train again, or roll back."
        )
    index = json.loads(files[INDEX])
    if index["format"] != FORMAT:
        raise DamagedArtefactError(
            f"The model in {folder} has format {index['format']}; this version reads format {FORMAT}.",
            hint="Train again with this version.",
        )
    made: dict[str, Candidate] = {}
    for key, head in index["heads"].items():
        prefix = f"{key}_"
        own = {name.removeprefix(prefix): text for name, text in files.items() if name.startswith(prefix)}
        made[key] = read(head["kind"], own)
    timed = {key: head for key, head in index["heads"].items() if head["horizon"] is not None}
    heads = {head["horizon"]: made[key] for key, head in timed.items() if head["outcome"] is None}
    others = {
        (head["outcome"], head["horizon"]): made[key]
        for key, head in timed.items()
        if head["outcome"] is not None
    }
    champion = Champion(
        model_id=index["model_id"],
        trained_as_of=date.fromisoformat(index["trained_as_of"]),
        features=FeatureSet.from_json(index),
        heads=heads,
        anchors={int(key): value for key, value in index["anchors"].items()},
        primary_horizon=index["primary_horizon"],
        others=others,
        loss_shares=index["loss_shares"],
        reference={int(key): value for key, value in index.get("reference", {}).items()},
        decision=made.get(DECISION),
        health=made.get(str(index.get("health"))),
        health_horizon=index.get("health_horizon", index["primary_horizon"]),
        health_anchors=index.get("health_anchors", {}),
        attention=index.get("attention", 1.0),
        track_records=read_records(index.get("track_records")),
    )
    _sing(champion.model_id, champion.features, made, index["heads"])
    return champion


def _index(champion: Champion) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model_id": champion.model_id,
        "trained_as_of": champion.trained_as_of.isoformat(),
        "primary_horizon": champion.primary_horizon,
        **champion.features.to_json(),
        "signals": hashlib.sha256(json.dumps(champion.features.to_json()).encode()).hexdigest(),
        "anchors": {str(horizon): dict(pair) for horizon, pair in champion.anchors.items()},
        "loss_shares": dict(champion.loss_shares),
        "reference": {str(horizon): dict(mean) for horizon, mean in champion.reference.items()},
        "health": _health_key(champion),
        "health_horizon": champion.health_horizon,
        "health_anchors": dict(champion.health_anchors),
        "attention": champion.attention,
        "track_records": {code: record.to_json() for code, record in champion.track_records.items()},
        "heads": {
            key: {
                "kind": head.kind,
                **where,
                "canary": head.predict_logit(_canary(champion.features)).tolist(),
            }
            for (key, head), where in zip(_all_heads(champion).items(), _places(champion), strict=True)
        },
    }


def _all_heads(champion: Champion) -> dict[str, Candidate]:
    """Every fitted head by the prefix of its files."""
    heads = {f"h{horizon}": head for horizon, head in champion.heads.items()}
    sides = {
        f"s{horizon}-{outcome.replace('_', '-')}": head
        for (outcome, horizon), head in champion.others.items()
    }
    found = {**heads, **sides}
    if champion.decision is not None:
        found[DECISION] = champion.decision
    if champion.health is not None and not any(champion.health is head for head in found.values()):
        found[HEALTH] = champion.health
    return found


def _health_key(champion: Champion) -> str | None:
    """Which of the heads gives the score."""
    return next((key for key, head in _all_heads(champion).items() if head is champion.health), None)


def _places(champion: Champion) -> list[dict[str, Any]]:
    heads: list[dict[str, Any]] = [{"outcome": None, "horizon": horizon} for horizon in champion.heads]
    heads += [{"outcome": outcome, "horizon": horizon} for outcome, horizon in champion.others]
    return heads + [{"outcome": None, "horizon": None}] * (len(_all_heads(champion)) - len(heads))


def _canary(features: FeatureSet) -> pd.DataFrame:
    """Rows that no customer provided: every feature swept from low to high, and one of gaps only."""
    steps = np.linspace(-2.0, 3.0, 7)
    columns = {
        name: np.append(np.sinh(steps * (1 + i % 5)) * (60 if name == RENEWAL else 1), np.nan)
        for i, name in enumerate(dict.fromkeys([*features.names, *REFERENCE_INPUTS, EXTERNAL_SCORE]))
    }
    return pd.DataFrame(columns)


def _sing(
    model_id: str, features: FeatureSet, heads: Mapping[str, Candidate], stored: Mapping[str, Any]
) -> None:
    for key, head in heads.items():
        heard = head.predict_logit(_canary(features))
        if not np.allclose(heard, stored[key]["canary"], rtol=TOLERANCE, atol=TOLERANCE):
            raise DamagedArtefactError(
                f"The head {key} of {model_id} no longer predicts what it did when it was trained.",
                hint="A library changed under it: install the locked versions, or train again.",
            )


def _verified(path: Path, digest: str) -> str:
    try:
        data = read_file(path)
    except OSError as error:
        raise DamagedArtefactError(
            f"The model file {path} cannot be read: {error.strerror}.", hint="Roll back, or train again."
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise DamagedArtefactError(
            f"The model file {path} is not the one that was registered: SHA-256 {found[:12]} instead of "
            f"{digest[:12]}.",
            hint="It was damaged or changed; it was not opened. Roll back, or train again.",
        )
    return data.decode("utf-8")
