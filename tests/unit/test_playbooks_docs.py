"""The page about playbooks says what the declarations say, and what it shows as an example works."""

from pathlib import Path

import pytest

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.playbook import load_playbook, load_playbooks
from customer_health.playbooks.playbook_docs import answers, playbooks_page
from customer_health.shipped_names import LIBRARY

PAGE = Path(__file__).parents[2] / "docs" / "playbooks.md"
EXAMPLE = playbooks_page().split("```yaml\n")[1].split("```")[0]


def own(folder):
    return CompanyConfig(playbooks=PlaybookConfig(own_library=folder))


def test_the_page_in_docs_is_the_one_that_the_declarations_generate():
    assert PAGE.read_text(encoding="utf-8") == playbooks_page(), "run: python -m customer_health docs"


def test_every_key_that_anybody_may_write_has_its_meaning():
    for line in playbooks_page().split("## Numbers")[0].splitlines():
        if line.startswith("| `") and line.count(" | ") == 3:
            assert not line.endswith("|  |"), line


# Every action that one of the two reference documents asks for.
ASKED_FOR = (
    "Healthy: quarterly check-in",
    "Healthy: expansion play (score > 80, renewal < 90 days, 20 % of ARR)",
    "Renewal proximity (< 90 days): heightened attention",
    "Attention: monthly review by the CSM, fix pain points",
    "At Risk: executive business review, executive involvement",
    "Critical: save play, potential concessions (always approved by a person)",
    "Red: mandatory task and save play",
    "Alert in Slack",
    "Save play: executive outreach, usage audit, value realization call",
    "Falling use: activation campaign of the customer-success platform",
    "Zombie filter: long Red and small; not worth people's hours",
    "Hidden champions",
    "Sponsor or champion left: win the next one",
    "Silent account: 0 logins and 0 tickets",
    "Single-threaded and no executive in 90 days: executive outreach",
    "Core action down: a Tier-1 risk signal",
    "Invoice payment delays",
    "Contract modification attempts",
    "Budget cuts against lost value: efficiency and utility apart",
    "Health score as fields of the CRM",
)


def test_everything_the_documents_ask_for_is_answered_by_a_playbook():
    assert set(ASKED_FOR) <= set(answers())


def test_the_example_of_the_page_is_a_playbook_that_loads(tmp_path):
    (tmp_path / "renewal_call.yaml").write_text(EXAMPLE)
    assert load_playbook(tmp_path / "renewal_call.yaml").steps[0].name == "renewal_call"
    assert "renewal_call" in {playbook.name for playbook in load_playbooks(own(tmp_path))}


def test_a_playbook_of_ones_own_replaces_the_one_of_the_same_name(tmp_path):
    text = (LIBRARY / "at_risk.yaml").read_text().replace("title: Executive business review", "title: Ours")
    (tmp_path / "at_risk.yaml").write_text(text)
    books = {playbook.name: playbook for playbook in load_playbooks(own(tmp_path))}
    assert books["at_risk"].title == "Ours"
    assert len(books) == len(load_playbooks(CompanyConfig()))


@pytest.mark.parametrize(
    ("name", "said"), [("rescue.yml", "would not be read"), ("notes.txt", "No playbook in")]
)
def test_a_folder_whose_files_nobody_would_read_is_refused(tmp_path, name, said):
    (tmp_path / name).write_text(EXAMPLE)
    with pytest.raises(ConfigurationError, match=said):
        load_playbooks(own(tmp_path))


def test_ones_own_playbook_may_not_contradict_one_that_ships(tmp_path):
    (tmp_path / "renewal_call.yaml").write_text(EXAMPLE.replace("order: 55", "order: 30\ngroup: save"))
    with pytest.raises(ConfigurationError, match="both have order 30"):
        load_playbooks(own(tmp_path))
