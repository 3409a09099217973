"""The form that Airflow shows when somebody triggers a DAG by hand."""

from __future__ import annotations

from airflow.sdk import Param


def run_params() -> dict[str, Param]:
    """Return the two fields that every DAG of the chain asks for."""
    return {
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As-of date",
            description_md=(
                "The day whose midnight (UTC) cuts the facts: everything known before it counts. "
                "Empty means today. It travels on to every later DAG. **Scores of days older than "
                "36 hours are recomputed, but nothing is sent for them.**"
            ),
        ),
        **reason_param(),
    }


def range_params() -> dict[str, Param]:
    """Return the fields of a DAG that may fill in a range of days, too."""
    return {
        **run_params(),
        "since": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Since",
            description_md=(
                "First day of a range that ends with the as-of date: all its days are computed again in one "
                "pass over the raw tables. Empty means that day alone. Only the last day travels on."
            ),
        ),
    }


def reason_param() -> dict[str, Param]:
    """Return the field of DAGs that belong to no day."""
    return {
        "reason": Param(
            "",
            type="string",
            maxLength=200,
            title="Reason",
            description_md="Why you run this by hand. It is written into the log of every task.",
        ),
    }


def question_params() -> dict[str, Param]:
    """Return what names a question; `tick_outbox` fills it in."""
    return {
        "kind": Param("effect", type="string", enum=["effect", "model"], title="Kind"),
        "id": Param("", type="string", title="Key of the effect, or id of the model"),
    }
