"""The command line refuses bad arguments with a sentence, never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_group

from customer_health.cli.command_line import app, main
from customer_health.cli.command_session import EXIT_REFUSED, EXIT_TRY_AGAIN


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "--as-of", "yesterday"], "'yesterday' is not a date"),
        (["scroe"], "scroe"),
        (["signals", "--since", "2026-02-01", "--as-of", "2026-01-01"], "is empty"),
        (["deliver", "--destination", "slak", "--as-of", "2026-01-01"], "Did you mean one of: slack?"),
        ([], "Missing command"),
    ],
)
def test_bad_arguments_are_refused_with_a_sentence(
    arguments: list[str], message: str, home: Path, capsys: pytest.CaptureFixture[str]
):
    code = main(["--home", str(home), *arguments])

    shown = capsys.readouterr().err
    assert code == EXIT_REFUSED
    assert message in shown
    assert "Traceback" not in shown


def test_one_destination_that_is_down_does_not_stop_the_others(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from customer_health import pipeline
    from customer_health.errors import RetriableError

    delivered = []

    def deliver(settings: object, *, destination: str, **kwargs: object) -> pipeline.Result:
        if destination == "crm":
            raise RetriableError("The CRM does not answer.", hint="Wait.")
        delivered.append(destination)
        return pipeline.Result(f"Deliver to {destination}")

    monkeypatch.setattr(pipeline, "deliver_effects", deliver)

    assert main(["--home", str(home), "deliver", "--as-of", "2026-01-01"]) == EXIT_TRY_AGAIN
    assert "slack" in delivered
    assert "crm" not in delivered
    assert "The CRM does not answer." in capsys.readouterr().err


def commands() -> list[str]:
    return list(get_group(app).commands)


@pytest.mark.parametrize("command", commands())
def test_every_command_explains_itself_without_touching_a_store(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    home = tmp_path / "none"

    assert main(["--home", str(home), command, "--help"]) == 0
    assert "Usage: python -m customer_health" in capsys.readouterr().out
    assert not home.exists()


def test_the_list_of_commands_names_every_one_of_them(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0

    listed = capsys.readouterr().out
    assert [name for name in commands() if f" {name} " not in listed] == []
