"""What every destination must do, whatever stands behind it. A new one joins the list below."""

import json
from pathlib import Path

import pytest
from tests.lib.ledger import new_ledger, publish, run
from tests.lib.remote import Remote

from customer_health.destinations.preview import PreviewDestination
from customer_health.destinations.registry import FACTORIES, destination_for
from customer_health.effects.destination import Destination
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError
from customer_health.ledger import outbox, outbox_desk
from customer_health.settings import CompanyConfig, DestinationsConfig, Settings

VERBS = ("notify", "create_task", "enroll", "create_opportunity", "set_fields")


@pytest.fixture(scope="module")
def effects(tmp_path_factory) -> dict[str, Effect]:
    """One real effect per verb, as the playbooks make them."""
    ledger = new_ledger(tmp_path_factory.mktemp("ledger"))
    thriving = {"score": 90, "reasons": [], "days_to_renewal": 50.0}
    publish(ledger, 1, {"acme": 61, "bolt": thriving})
    publish(ledger, 2, {"acme": 20, "bolt": thriving})
    run(ledger, 2)
    found = {row["verb"]: outbox.effect_of(row) for row in outbox_desk.find(ledger)}
    ledger.dispose()
    return found


@pytest.fixture(params=["preview", "remote"])
def destination(request, tmp_path) -> Destination:
    if request.param == "preview":
        return PreviewDestination("crm", tmp_path / "preview")
    return Remote(tmp_path)  # the fake that other tests trust obeys the contract too


def test_it_speaks_the_two_verbs_and_has_a_name(destination):
    assert isinstance(destination, Destination)
    assert destination.name


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_not_delivered_is_not_found_and_what_was_is(destination, effects, verb):
    effect = effects[verb]
    assert destination.find(effect) is None

    remote = destination.deliver(effect)

    assert remote
    assert destination.find(effect) == remote


def test_finding_one_key_does_not_find_another(destination, effects):
    destination.deliver(effects["notify"])
    assert destination.find(effects["create_task"]) is None


@pytest.mark.parametrize("verb", VERBS)
def test_the_preview_written_twice_is_one_file_that_carries_the_key(tmp_path, effects, verb):
    preview = PreviewDestination("crm", tmp_path)
    first, second = preview.deliver(effects[verb]), preview.deliver(effects[verb])

    assert first == second
    (path,) = tmp_path.rglob("*.json")
    assert effects[verb].key in path.name
    assert json.loads(path.read_text())["key"] == effects[verb].key


def settings(**destinations: str) -> Settings:
    config = CompanyConfig(destinations=DestinationsConfig(**destinations))
    return Settings(home=Path("/nowhere"), warehouse_url="", ledger_url="", config=config)


def test_every_role_has_a_destination_by_default():
    for role in DestinationsConfig.model_fields:
        assert destination_for(role, settings()).name == role
    assert "preview" in FACTORIES


def test_a_misspelt_destination_or_role_is_refused_with_a_suggestion():
    with pytest.raises(ConfigurationError, match="Did you mean one of: preview"):
        destination_for("slack", settings(slack="previw"))
    with pytest.raises(ConfigurationError, match="Did you mean one of: slack"):
        destination_for("slak", settings())
