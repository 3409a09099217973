"""Cells of tables that people open in a spreadsheet."""

from __future__ import annotations

# A cell that begins so is a formula to Excel, LibreOffice and Google Sheets (OWASP, CSV Injection); a tab or
# a line end may hide one, and full-width forms count, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Return the text so that no spreadsheet computes it: what looks like a formula gets an apostrophe."""
    text = text.replace("\x00", "")
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) else text
