"""Reports in Markdown as pages: model cards and KPI reports, with their pictures.

Raw HTML in them stays text, and links lead to http(s) or to files beside them: names of customers and
accounts stand in these reports.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

FRAME = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    reader.add_render_rule("table_open", lambda *_: f"{FRAME}<table>\n")
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return reader


def html_of(text: str) -> str:
    """Return the HTML of a report; the only text that a template marks as safe.

    A wide table scrolls inside a frame of its own: on a telephone the page stays where it is.
    """
    # The policy allows no inline style: a column's side is a class.
    return re.sub(r'(<t[hd]) style="text-align:(\w+)"', r'\1 class="to-\2"', str(_reader().render(text)))
