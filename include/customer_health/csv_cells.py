"""Cells of tables that people open in a spreadsheet."""

from __future__ import annotations

# A cell that begins so is a formula to Excel, LibreOffice and Google Sheets; a tab or line end may hide one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """Return the text so that no spreadsheet computes it: what looks like a formula gets an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text
