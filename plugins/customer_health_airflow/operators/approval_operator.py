"""Asks a person in Airflow's own form, and writes the answer to the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseNotifier, Param
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from customer_health_airflow import approvals
from customer_health_airflow.task_stop import plain_words

if TYPE_CHECKING:
    from airflow.sdk import Context

    from customer_health.settings import Settings

LONGEST = timedelta(days=7)


class LinkNotifier(BaseNotifier):
    """Tells the approvers where the form is: the seam for a message.

    This one writes the link into the task's log and, when the role `slack` is Slack itself, sends it into
    the channel of alerts: through the outbox, so that a repeated task says it once. Give `notifiers=`
    another one to tell people elsewhere.
    """

    def notify(self, context: Context) -> None:
        operator: Any = context["task"]
        link = operator.generate_link_to_ui_from_context(context=context)
        operator.log.info("Answer here: %s", link)
        from customer_health.settings import load_settings

        settings = load_settings()
        if settings.config.destinations.slack == "slack":
            kind, name = str(context["params"]["kind"]), str(context["params"]["id"])
            said = approvals.promise_link(
                settings, kind, name, title=operator.subject, link=link, now=_now(settings)
            )
            operator.log.info(said)


class AskOperator(ApprovalOperator):
    """Asks the question that the run's `kind` and `id` name; no answer in time is a no.

    The question is read when the task runs, so that what is shown is what would be sent. Approvers need
    not come here: a question that was answered elsewhere is skipped.
    """

    def __init__(self, *, params: Any = None, **kwargs: Any) -> None:
        # The DAG's own params arrive here merged in; the form shows only those of the task.
        fields = ParamsDict(params or {})
        fields["note"] = Param(
            "",
            type="string",
            maxLength=500,
            title="Reason",
            description="Kept in the delivery log.",
            source="task",
        )
        super().__init__(
            subject="An approval",
            defaults=ApprovalOperator.REJECT,
            response_timeout=LONGEST,
            notifiers=[LinkNotifier()],
            params=fields,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        with plain_words(self.log):
            settings, kind, name = _asked(context)
            found = approvals.question(settings, kind, name)
            assigned = approvals.respondents(found.approvers, auth_manager()) if found else []
        if found is None:
            raise AirflowSkipException(f"{name} waits for no answer any more.")
        self.subject, self.body = found.subject, found.body
        self.assigned_users = [HITLUser(id=user["id"], name=user["name"]) for user in assigned] or None
        if found.expires_at:
            left = found.expires_at - _now(settings)
            self.response_timeout = min(max(left, timedelta(minutes=1)), LONGEST)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer down, by the name of the person who gave it."""
        answer = super().execute_complete(context, event)
        approve = answer["chosen_options"] == [self.APPROVE]
        note = str(answer["params_input"].get("note") or "").strip()
        with plain_words(self.log):
            settings, kind, name = _asked(context)
            said = approvals.settle(
                settings,
                kind,
                name,
                approve=approve,
                by=_name_of(answer["responded_by_user"], settings),
                reason=note if len(note) >= 3 else "answered in Airflow's form, without a note",
                now=_now(settings),
            )
        self.log.info(said)
        return {"approved": approve, "kind": kind, "id": name}


def auth_manager() -> str:
    """Return the import path of the auth manager that decides who may answer."""
    return str(conf.get("core", "auth_manager", fallback=""))


def _asked(context: Context) -> tuple[Settings, str, str]:
    from customer_health.settings import load_settings

    params = context["params"]
    return load_settings(), str(params["kind"]), str(params["id"])


def _now(settings: Settings) -> datetime:
    from customer_health.pipeline import now_of

    return now_of(settings, datetime.now(UTC))


def _name_of(user: Any, settings: Settings) -> str:
    """Return the id or the name of a user, whichever the company file lists among the approvers."""
    if not user:
        return approvals.NOBODY
    names = [str(user["id"]), str(user["name"])]
    return next((name for name in names if name in settings.config.playbooks.approver_names), names[-1])
