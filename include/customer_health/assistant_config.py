"""What the MCP server reads of the company file."""

from __future__ import annotations

from pydantic import Field

from customer_health.sections import Section


class AssistantConfig(Section):
    """What an assistant may do for the person whom it serves."""

    approvals: bool = Field(False, description="true: it may pass on approvals; it reads only otherwise")
