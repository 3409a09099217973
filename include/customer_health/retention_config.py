"""How long the stores keep what can be let go: the section `retention` of the company file."""

from __future__ import annotations

from pydantic import Field

from customer_health.sections import Section


class RetentionConfig(Section):
    """Days; nothing that is open, or that an open question rests on, is ever removed.

    Attributes:
        daily_scores: Every day's scores.
        weekly_scores: After that Mondays', the first of each month, and those around every episode.
        decisions: Why playbooks did or did not fire.
        deliveries: The log of every attempt.
        field_updates: Settled updates of the CRM's fields, where a newer one was delivered, with their log.
        effects: Other settled effects. Tasks and opportunities stay for ever, and so does the key of every
            effect, which keeps anything from being done twice.
        findings: Numbers behind reports, and the reports.
        data_docs: Great Expectations' pages of each night, some 0.7 MB; the gate's own page is a report.
        previews: Files that the preview destination rendered.
    """

    daily_scores: int = Field(default=90, ge=50)
    weekly_scores: int = Field(default=1095, ge=365)
    decisions: int = Field(default=400, ge=100)
    deliveries: int = Field(default=1095, ge=365)
    field_updates: int = Field(default=90, ge=35)
    effects: int = Field(default=1095, ge=365)
    findings: int = Field(default=400, ge=35)
    data_docs: int = Field(default=35, ge=1)
    previews: int = Field(default=90, ge=1)
