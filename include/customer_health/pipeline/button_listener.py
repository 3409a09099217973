"""Listens to the buttons of Slack's messages until it is told to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError, CustomerHealthError
from customer_health.pipeline.activation import deliver_effects, follow_up
from customer_health.pipeline.step_result import Result

if TYPE_CHECKING:
    from customer_health.settings import Settings

log = logging.getLogger(__name__)

ALIVE, BEAT = "slack_buttons.alive", 20.0


def serve_buttons(settings: Settings, *, now: Callable[[], datetime], stop: Event) -> Result:
    """Answer buttons until `stop` is set; while the line is up, a file in `home` is touched.

    Args:
        settings: `connections.slack.buttons` must be true, and the role `slack` Slack itself.
        now: The clock.
        stop: Ends it.

    Raises:
        ConfigurationError: There are no buttons, or the app-level token is missing.
    """
    from customer_health.connections.slack_connection import SlackOptions
    from customer_health.destinations.destination_registry import destination_for
    from customer_health.destinations.opening import secret_of
    from customer_health.destinations.slack.buttons import Buttons, line
    from customer_health.destinations.slack.slack_destination import SlackDestination
    from customer_health.ledger.engine import open_ledger

    target = destination_for("slack", settings)
    if not isinstance(target, SlackDestination) or not settings.config.connections.of(SlackOptions).buttons:
        raise ConfigurationError(
            "There are no buttons to listen to.",
            hint="Set destinations.slack to slack, and connections.slack.buttons to true.",
        )
    one_at_a_time = Lock()

    def changed() -> None:
        """Let the message show it now instead of with the next tick; the tick makes up for what fails."""
        with one_at_a_time:
            try:
                follow_up(settings, now=now())
                deliver_effects(settings, destination="slack", now=now())
            except CustomerHealthError as error:
                log.warning("the message will show it with the next tick: %s", error.message)

    buttons = Buttons(open_ledger(settings.ledger_url), target.open_window, target.person, now, changed)
    client = line(buttons, secret_of("slack", settings, "app_token")["app_token"], target.web)
    client.connect()
    beats = 0
    while not stop.is_set():
        if client.is_connected():
            settings.home.mkdir(parents=True, exist_ok=True)
            (settings.home / ALIVE).touch()
            beats += 1
        stop.wait(BEAT)
    client.close()
    return Result("Slack buttons", {"beats": beats}, ("Stopped; reactions are read as ever.",))
