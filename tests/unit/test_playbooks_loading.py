"""A wrong playbook is refused before anything runs, with file, key and what it could have meant."""

import pytest
import yaml
from pydantic import ValidationError

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.conditions import Range
from customer_health.playbooks.playbook import load_playbook, load_playbooks

GOOD = """
name: rescue
title: Rescue
because: It pays.
once_per: episode
when:
  score: {below: 30}
  signals: {recent_nps: {at_most: 6}}
do:
  - create_task: {type: call, subject: Call them, due_in: 48h}
"""


@pytest.fixture
def load(tmp_path):
    def of(text):
        path = tmp_path / "rescue.yaml"
        path.write_text(text)
        return load_playbook(path)

    return of


def test_the_example_loads(load):
    assert load(GOOD).steps[0].name == "call"


@pytest.mark.parametrize(
    ("typo", "instead_of", "said"),
    [
        ("signals: {nsp: {at_most: 6}}", "signals: {recent_nps: {at_most: 6}}", "uses the signal 'nsp'"),
        (
            "signals: {recent_nsp: {at_most: 6}}",
            "signals: {recent_nps: {at_most: 6}}",
            "Did you mean one of: recent_nps",
        ),
        ("whn:", "when:", "whn is not a known key.\n  -> Did you mean one of: when"),
        (
            "scor: {below: 30}",
            "score: {below: 30}",
            "when.scor is not a known key.\n  -> Did you mean one of: score",
        ),
        (
            "score: {bellow: 30}",
            "score: {below: 30}",
            "score.bellow is not a known key.\n  -> Did you mean one of: below",
        ),
        ("score: {}", "score: {below: 30}", "needs at least one of"),
        ("score: {above: 50, below: 30}", "score: {below: 30}", "no number lies between 50 and 30"),
        ("score: {below: thirty}", "score: {below: 30}", "should be a number"),
        ("tier: critcal", "score: {below: 30}", "Did you mean one of: critical"),
        ("reasons: {any: [usage_declin]}", "score: {below: 30}", "Did you mean one of: usage_decline"),
        ("state: scroed", "score: {below: 30}", "Did you mean one of: scored"),
        ("scheme: fourtier", "score: {below: 30}", "Did you mean one of: four_tier"),
        ("create_tsk:", "create_task:", "unknown verb 'create_tsk'.\n  -> Did you mean one of: create_task"),
        ("due_on: 48h", "due_in: 48h", "due_on is not a known key.\n  -> Did you mean one of: due_in"),
        ("due_in: soon", "due_in: 48h", "write a duration as 48h or 60d"),
        ("due_in: 0h", "due_in: 48h", "due_in must lie in the future"),
        ("to: salesfroce, type: call", "type: call", "'salesfroce' is not a destination"),
        ("owner: boss, type: call", "type: call", "'boss' is not a role"),
        ("draft: Your health score fell, type: call", "type: call", "a customer would read 'health score'"),
        ("draft: Dear $nmae, type: call", "type: call", "the draft may use"),
        ("type: concession_offer", "type: call", "a concession is never automatic"),
        ("lasting_fall: {points: 15, reading: 2}", "score: {below: 30}", "Did you mean one of: readings"),
        ("outcome_head: efficency", "score: {below: 30}", "'utility' or 'efficiency'"),
        ("once_per: cooldown", "once_per: episode", "needs a cooldown"),
        ("once_per: fortnight", "once_per: episode", "once_per"),
        ("name: other", "name: rescue", "Let them agree"),
        ("do: []\nnope:", "do:", "nope is not a known key"),
        ("- one\n- two", GOOD, "holds no playbook"),
        ("when: {score: [", GOOD, "is not valid YAML"),
    ],
)
def test_a_typo_is_named_with_its_file_and_a_suggestion(load, typo, instead_of, said):
    with pytest.raises(ConfigurationError) as caught:
        load(GOOD.replace(instead_of, typo))

    assert "rescue.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_two_steps_of_one_name_are_refused(load):
    again = "  - create_task: {type: call, subject: Call again, due_in: 72h}\n"
    with pytest.raises(ConfigurationError, match="two steps are called 'call'"):
        load(GOOD + again)


def test_a_paused_playbook_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="critical_svae"):
        PlaybookConfig(paused=("critical_svae",))


def test_a_mistake_in_a_playbook_names_its_line(load):
    with pytest.raises(
        ConfigurationError, match=r"rescue\.yaml:10: do\.0\.create_task\.due_in: write a duration"
    ):
        load(GOOD.replace("due_in: 48h", "due_in: soon"))
    with pytest.raises(ConfigurationError, match=r"rescue\.yaml:8: when: signals: .* 'recent_nsp'"):
        load(GOOD.replace("recent_nps", "recent_nsp"))


def test_a_repeated_key_or_another_encoding_is_refused_with_its_line(load, tmp_path):
    with pytest.raises(ConfigurationError, match=r"rescue\.yaml:11: title stands here again"):
        load(GOOD + "title: Again\n")
    path = tmp_path / "rescue.yaml"
    path.write_bytes("name: rescue\ntitle: Für Kunden\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"rescue\.yaml:2: .* is not UTF-8 text"):
        load_playbook(path)


def test_the_library_uses_every_verb_and_says_why_each_playbook_exists():
    books = {book.name: book for book in load_playbooks(CompanyConfig())}

    assert {step.verb for book in books.values() for step in book.steps} >= {
        "create_task",
        "notify",
        "enroll",
        "create_opportunity",
        "draft_email",
        "propose_meeting",
        "set_fields",
    }
    assert all(yaml.safe_dump(book.because) for book in books.values())


@pytest.mark.parametrize(
    ("bounds", "value", "fits"),
    [
        ({"at_least": 30}, 30, True),
        ({"above": 30}, 30, False),
        ({"at_most": 30}, 30, True),
        ({"below": 30}, 30, False),
        ({"at_least": 30, "below": 41}, 40.9, True),
    ],
)
def test_bounds_mean_what_they_say(bounds, value, fits):
    assert (Range(**bounds).broken(value) == "") is fits
