"""How a handful of views look, held against pictures that somebody looked at and accepted.

    pytest tests/browser/test_pictures.py                      # compares; writes what differs beside the log
    ACCEPT_PICTURES=1 pytest tests/browser/test_pictures.py    # after looking: these are how it should be

Letters differ between machines: where browser or fonts are others than those that the accepted pictures were
taken with, there is nothing to compare, and the tests say so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.conftest import CHROMIUM
from tests.browser.look import Look

Image = pytest.importorskip("PIL.Image", reason="the Python package pillow is not installed")
ImageChops = pytest.importorskip("PIL.ImageChops")

ACCEPTED = Path(__file__).parent / "pictures"
MADE_WITH = ACCEPTED / "made_with.json"
ACCEPT = bool(os.environ.get("ACCEPT_PICTURES"))
FAMILIES = ("system-ui", "sans-serif", "ui-monospace", "monospace")
# A channel may differ by so much, and this share of the pixels by more: the edges of letters and curves.
CHANNEL, SHARE = 40, 0.002
# What is written depends on nothing but the ledger, so the views that show the present moment are left out.
PICTURES = {
    "portfolio": ("/", 1280, "light"),
    "portfolio_phone_dark": ("/", 420, "dark"),
    "account_phone": ("/account/acc-00", 420, "light"),
    "renewals": ("/renewals", 1280, "light"),
    "kpis_dark": ("/kpis", 1280, "dark"),
}


def machine() -> dict[str, str]:
    """What the look of a letter depends on: the browser's major version, and the files of its fonts."""
    if CHROMIUM is None or shutil.which("fc-match") is None:
        pytest.skip("no chromium or no fontconfig here: there is nothing to compare")
    version = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, timeout=30).stdout
    found = {"browser": next((word for word in version.split() if word[0].isdigit()), "").partition(".")[0]}
    for family in FAMILIES:
        asked = ["fc-match", "--format=%{file}", family]
        file = Path(subprocess.run(asked, capture_output=True, text=True, timeout=30).stdout)
        found[family] = f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
    return found


def differing(before: Image.Image, now: Image.Image) -> float:
    """Return the share of pixels that differ by more than the edge of a letter; all, where sizes differ."""
    if before.size != now.size:
        return 1.0
    worst = ImageChops.difference(before.convert("RGB"), now.convert("RGB"))
    flat = ImageChops.lighter(ImageChops.lighter(*worst.split()[:2]), worst.split()[2])
    return sum(flat.histogram()[CHANNEL + 1 :]) / (now.width * now.height)


@pytest.mark.parametrize("name", PICTURES)
def test_a_view_looks_as_it_was_accepted(look: Look, name: str, tmp_path: Path) -> None:
    here = machine()
    known = json.loads(MADE_WITH.read_text(encoding="utf-8")) if MADE_WITH.exists() else "nothing"
    if not ACCEPT and known != here:
        pytest.skip(f"pictures cannot be compared: they were made with {known}, and here is {here}")
    view, width, scheme = PICTURES[name]
    assert look.open(view, width, scheme) == 200
    taken = tmp_path / f"{name}.png"
    look.page.screenshot(path=taken, animations="disabled")
    accepted = ACCEPTED / f"{name}.png"
    if ACCEPT:
        ACCEPTED.mkdir(exist_ok=True)
        with Image.open(taken) as picture:
            # 64 colours without dithering: fewer bytes, and each colour moves by less than CHANNEL.
            picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(accepted, optimize=True)
        MADE_WITH.write_text(json.dumps(here, indent=2) + "\n", encoding="utf-8")
        return
    with Image.open(accepted) as before, Image.open(taken) as now:
        share = differing(before, now)
    assert share <= SHARE, (
        f"{share:.2%} of the picture differ: look at {taken} beside {accepted}; "
        "if it is as it should be: make pictures"
    )


def test_the_comparison_sees_a_word_that_moved_and_not_the_edge_of_a_letter(tmp_path: Path) -> None:
    """The broken twin: what these tests look for is seen when it is there."""
    before = Image.new("RGB", (400, 300), "white")
    edge = before.copy()
    edge.putpixel((10, 10), (225, 225, 225))
    word = before.copy()
    word.paste((20, 30, 40), (50, 50, 90, 62))
    assert differing(before, before) == 0
    assert differing(before, edge) == 0
    assert differing(before, word) > SHARE
    assert differing(before, Image.new("RGB", (400, 301), "white")) == 1
