"""Who may answer a question, about an effect or about a model."""

from __future__ import annotations

from collections.abc import Sequence

from customer_health.errors import FatalError


def check_approver(by: str, approvers: Sequence[str]) -> None:
    """Refuse the answer of somebody who is not among the approvers; none are named: anybody may answer.

    Raises:
        FatalError: `by` may not answer.
    """
    if approvers and by not in approvers:
        raise FatalError(f"{by} may not approve.", hint=f"Ask one of: {', '.join(sorted(approvers))}.")
