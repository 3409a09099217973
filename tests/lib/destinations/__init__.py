"""Every destination beside the local server it talks to, and effects of every verb that playbooks make."""

from __future__ import annotations

from collections.abc import Callable

from tests.lib.destinations.crm import hubspot, salesforce, salesforce_plain
from tests.lib.destinations.effects import THREAD, account_part, effect, meeting_times, usage_audit
from tests.lib.destinations.mail import gmail, google_calendar, graph, graph_calendar, smtp
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.destinations.slack import slack, slack_files
from tests.lib.destinations.success import churnzero, gainsight, totango
from tests.lib.destinations.webhook import webhook

__all__ = ["RIGS", "THREAD", "Rig", "account_part", "effect", "meeting_times", "no_pace", "usage_audit"]

RIGS: dict[str, Callable[..., Rig]] = {
    rig.__name__: rig
    for rig in (
        salesforce,
        salesforce_plain,
        hubspot,
        slack,
        gainsight,
        totango,
        churnzero,
        webhook,
        smtp,
        gmail,
        graph,
        google_calendar,
        graph_calendar,
        slack_files,
    )
}
