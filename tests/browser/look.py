"""One reader's browser: it opens views, and notes what the console, the policy and axe-core object to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
PAGE = "/customer-health"
# Before any script or style of the page: each violation of the policy is noted in the page itself.
WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', e => window.__violations.push(
  `${e.violatedDirective} ${e.blockedURI} ${e.sourceFile || ''}:${e.lineNumber}`));
"""
SCHEMES = ("light", "dark")
WIDTHS = (1280, 320)


class Look:
    """A logged-in reader.

    Args:
        browser: Playwright's browser.
        address: Where Airflow's web server listens.
        tokens: A session by the user's name.
        user: Whose session; empty for nobody's.
    """

    def __init__(self, browser: Any, address: str, tokens: dict[str, str], user: str = "admin") -> None:
        self.address = address
        self.troubles: list[str] = []
        self.dialogs: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        if user:
            self.context.add_cookies([{"name": "_token", "value": tokens[user], "url": address}])
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("dialog", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console: {message.text} at {self.page.url}")

    def _asked(self, dialog: Any) -> None:
        self.dialogs.append(f"{dialog.message} at {self.page.url}")
        dialog.dismiss()

    def open(self, view: str, width: int = 1280, scheme: str = "light") -> int:
        """Open one view at a width and in a colour scheme; return the HTTP status."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        answer = self.page.goto(f"{self.address}{PAGE}{view}", wait_until="load")
        return int(answer.status)

    def violations(self) -> list[str]:
        """What broke the content security policy on the page that is open, and what the console said."""
        return [*self.page.evaluate("window.__violations"), *self.troubles]

    def accessibility(self) -> list[str]:
        """What axe-core finds on the page that is open: rule and the first place, per rule."""
        # Evaluated by the browser's debugger, which the page's policy does not bind.
        self.page.evaluate(f"() => {{ {AXE}; return 1 }}")
        found = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        return [
            f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]} "
            f"{fault['nodes'][0].get('failureSummary', '')[:300]}"
            for fault in found
        ]

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(
            self.page.evaluate(
                "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
            )
        )

    def close(self) -> None:
        """End the session."""
        self.context.close()
