"""Doctor finds what would go wrong before it does, and says what to do about it."""

from pathlib import Path

import pytest
from tests.lib.destinations import RIGS
from tests.lib.servers.mail import MailServer
from tests.lib.servers.salesforce import ACCOUNT_KEY, KEY

from customer_health import pipeline
from customer_health.company import CompanyConfig, DestinationsConfig
from customer_health.connections.connection_options import Secret
from customer_health.connections.salesforce_connection import SalesforceOptions
from customer_health.connections.smtp_connection import SmtpOptions
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations.destination_docs import with_tables
from customer_health.destinations.destination_registry import FACTORIES
from customer_health.destinations.doctor import examine, look
from customer_health.destinations.mailbox.mail_drafts import SmtpDestination
from customer_health.errors import ConfigurationError
from customer_health.settings import Settings, load_settings


@pytest.fixture
def rig(request):
    rig = RIGS[request.param]()
    yield rig
    rig.server.close()


def said(problems):
    return " | ".join(f"{problem.what} {problem.fix}" for problem in problems)


def complete(org):
    """An org as its admin prepared it."""
    fields = dict.fromkeys(SalesforceOptions().fields.values(), "")
    org.add("Account", Name="x", **{ACCOUNT_KEY: "x", **fields})


@pytest.mark.parametrize("rig", ["salesforce"], indirect=True)
def test_a_prepared_org_has_no_problems_and_an_unprepared_one_names_every_field(rig):
    assert "AI_Health_Score__c" in said(look("crm", rig.destination))
    complete(rig.server)
    assert look("crm", rig.destination) == []
    rig.server.task_key = "none"
    (problem,) = look("crm", rig.destination)
    assert (KEY in problem.what, "on Activity" in problem.fix) == (True, True)


@pytest.mark.parametrize("rig", ["hubspot"], indirect=True)
def test_a_portal_without_our_properties_is_told_which_to_create(rig):
    assert "companies have no property ai_health_score" in said(look("crm", rig.destination))
    rig.server.add(
        "companies", chs_account_id="x", **dict.fromkeys(rig.destination.options.fields.values(), "")
    )
    assert look("crm", rig.destination) == []


@pytest.mark.parametrize("rig", ["slack"], indirect=True)
def test_missing_scopes_and_unknown_channels_are_named(rig):
    assert look("slack", rig.destination, channels=("#csm-alerts",)) == []
    rig.server.scopes = "chat:write"
    problems = said(look("slack", rig.destination, channels=("#csm-alerts", "#nowhere")))
    assert "channels:history" in problems
    assert "#nowhere" in problems


@pytest.mark.parametrize("rig", ["gainsight", "totango", "churnzero", "webhook"], indirect=True)
def test_those_that_tell_little_raise_no_false_alarm(rig):
    assert look("gainsight", rig.destination) == []


@pytest.mark.parametrize("rig", ["graph", "google_calendar", "graph_calendar"], indirect=True)
def test_mailboxes_and_calendars_are_asked_without_writing_anything(rig):
    assert look("calendar", rig.destination) == []
    assert rig.server.history == []
    assert rig.server.violations == []


REMOTES = ["salesforce", "hubspot", "slack", "gainsight", "gmail", "google_calendar", "graph_calendar"]


@pytest.mark.parametrize("rig", REMOTES, indirect=True)
def test_a_remote_that_turns_us_away_is_a_problem_not_a_crash(rig):
    rig.server.next.extend(["auth_expired"] * 5)
    (problem, *_) = look("x", rig.destination)
    assert problem.fix


def test_a_role_without_credentials_is_a_problem_of_its_own(tmp_path):
    config = CompanyConfig(destinations=DestinationsConfig(slack="slack"))
    settings = Settings(home=tmp_path, warehouse_url="", ledger_url="", config=config)
    (problem,) = examine(settings)
    assert problem.destination == "slack"
    assert "CUSTOMER_HEALTH_SECRET_SLACK" in problem.fix


def test_a_mail_server_that_is_not_there_is_a_problem():
    server = MailServer()
    mail = SmtpDestination("email", SmtpOptions(), Secret(), RateLimiter(1000, 10), open_line=server.line)
    assert look("email", mail) == []
    server.close()
    assert "could not be reached" in said(look("email", mail))


def test_the_whole_company_is_examined_in_one_go(tmp_path):
    """By default everything is a preview, which is always ready."""
    settings = load_settings({}, home=tmp_path)
    assert pipeline.examine_destinations(settings).lines() == ["Every destination is ready."]

    company = tmp_path / "company.yaml"
    company.write_text("destinations: {crm: hubspot}\nconnections: {hubspot: {api_version: 2026-09}}\n")
    settings = load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=tmp_path)
    result = pipeline.examine_destinations(settings)
    assert result.counts() == {"problems": 1}
    assert "CUSTOMER_HEALTH_SECRET_HUBSPOT" in " ".join(result.lines())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("connections: {slak: {}}", "slack"),
        ("connections: {salesforce: {api_versoin: '62.0'}}", "api_version"),
        ("connections: {salesforce: {fields: {scoer: X__c}}}", "scoer"),
    ],
)
def test_a_misspelt_connection_is_refused_at_load_with_a_suggestion(tmp_path, text, words):
    company = tmp_path / "company.yaml"
    company.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=tmp_path)
    assert words in str(caught.value)


def test_the_example_in_the_documents_is_a_company_file_that_loads(tmp_path):
    readme = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text(encoding="utf-8")
    company = tmp_path / "company.yaml"
    company.write_text(readme.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    config = load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=tmp_path).config
    assert config.destinations.crm == "salesforce"
    assert config.connections.totango.plays == {"activation": "12345"}
    assert with_tables(readme) == readme, "make docs"
    for kind in FACTORIES:
        assert f"`{kind}`" in readme
