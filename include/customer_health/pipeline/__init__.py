"""One function per step: what the operators and the command line call.

Every function takes the settings and an as-of date, does its step for that date, replaces what an
earlier run of the same date left behind, and returns a small result that can say in a few lines
what happened. Nothing here decides anything: the rules live in the packages below.
"""

from customer_health.pipeline.activation import (
    deliver_effects,
    destinations,
    examine_destinations,
    follow_up,
    notice_failure,
    report_due,
    report_kpis,
    run_playbooks,
)
from customer_health.pipeline.button_listener import serve_buttons
from customer_health.pipeline.delivery_audit import audit_deliveries
from customer_health.pipeline.ingestion import (
    ask_source,
    build_signals,
    check_quality,
    company_config,
    days_between,
    examine_sources,
    ingest,
    sources,
    try_source,
)
from customer_health.pipeline.ledger_upgrade import upgrade_ledger
from customer_health.pipeline.model_watch import value_of_data, watch_model
from customer_health.pipeline.responses import collect_responses
from customer_health.pipeline.retraining import (
    ensure_champion,
    load_champion,
    resolve_challenger,
    roll_back,
    train_model,
    training_due,
)
from customer_health.pipeline.scoring import score_accounts
from customer_health.pipeline.step_result import Result, now_of
from customer_health.pipeline.text_reading import ask_text_provider, read_texts

__all__ = [
    "Result",
    "ask_source",
    "ask_text_provider",
    "audit_deliveries",
    "build_signals",
    "check_quality",
    "collect_responses",
    "company_config",
    "days_between",
    "deliver_effects",
    "destinations",
    "ensure_champion",
    "examine_destinations",
    "examine_sources",
    "follow_up",
    "ingest",
    "load_champion",
    "notice_failure",
    "now_of",
    "read_texts",
    "report_due",
    "report_kpis",
    "resolve_challenger",
    "roll_back",
    "run_playbooks",
    "score_accounts",
    "serve_buttons",
    "sources",
    "train_model",
    "training_due",
    "try_source",
    "upgrade_ledger",
    "value_of_data",
    "watch_model",
]
