"""What the MCP server reads of the company file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from customer_health.sections import Section


class AssistantConfig(Section):
    """What an assistant may do for the person whom it serves."""

    approvals: bool = Field(False, description="true: it may pass on approvals; it reads only otherwise")
    tokens: Mapping[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(
        default_factory=dict,
        description="Airflow's user name -> digest of the token with which the person asks over HTTP "
        "(`python -m customer_health mcp-token NAME`)",
    )
