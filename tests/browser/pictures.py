"""Pictures of screens, their text masked, held against those that were committed.

Text is set in a font of blanks while the picture is taken: every letter is as wide as any other, a Chinese one
twice as wide. So a picture says nothing of what stands on the screen but how long it is, and nothing of the
machine's fonts. Images inside the page, whose letters are drawn by Python, are flat boxes of one size. Charts that
the browser draws are kept, without their letters: where pictures are to be taken, `measure_text_alike` comes first.
"""

from __future__ import annotations

import io
import os
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import east_asian_width

import numpy as np
from browser_helpers import SHOTS
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable
from fontTools.ttLib.tables._g_l_y_f import Glyph
from PIL import Image
from playwright.sync_api import Locator, Page
from scipy.ndimage import maximum_filter, minimum_filter

EXPECTED = Path(__file__).parent / "expected"
#: The share of what is drawn that may differ. Of all pixels it is still less: most of a page is empty.
ALLOWED = 0.02
#: How much a channel (0 to 255) may differ before a pixel does: rounded corners differ between browsers.
TOLERANCE = 24
#: By how many pixels a part may lie aside: what is rounded with one font is not with another.
ASIDE = 5
WRITE = "QA_WRITE_EXPECTED"

_LOAD = """async font => {
  if ([...document.fonts].some(one => one.family === 'qa-blank')) return;
  const bytes = Uint8Array.from(atob(font), letter => letter.charCodeAt(0));
  document.fonts.add(await new FontFace('qa-blank', bytes).load());
}"""
_STYLE = """
*, *::before, *::after, *::placeholder { font-family: qa-blank !important; text-decoration: none !important }
img.qa-picture { width: 320px; height: 160px; background: grey; filter: contrast(0) !important }
"""
# Charts leave as much room for their labels as a canvas says that they take.
_MEASURE = """(() => {
  const real = CanvasRenderingContext2D.prototype.measureText;
  CanvasRenderingContext2D.prototype.measureText = function (text) {
    const size = parseFloat((/([\\d.]+)px/.exec(this.font) ?? [0, 10])[1]);
    const em = [...String(text)].reduce((sum, one) => sum + (one > '\\u2e7f' ? 1 : 0.55), 0);
    return Object.defineProperty(real.call(this, text), 'width', {value: em * size});
  };
})()"""


class Comparison(NamedTuple):
    """What differs between two pictures."""

    share: float
    #: The same, of all pixels.
    of_all: float
    #: The new picture, pale, with what differs in red.
    shown: Image.Image


@cache
def blank_font() -> str:
    """A font with two blanks, of 0.55 em and of 1 em for what is written wide, as base64."""
    names = ["narrow", "wide"]
    widths = {"narrow": 550, "wide": 1_000}
    letters = {n: names[east_asian_width(chr(n)) in "WF"] for n in range(0x20, 0x20_000)}
    build = FontBuilder(1_000, isTTF=True)
    build.setupGlyphOrder([".notdef", *names])
    build.setupCharacterMap({0x20: "narrow"})
    many = CmapSubtable.newSubtable(13)  # many letters, one glyph
    many.platformID, many.platEncID, many.language, many.cmap = 3, 10, 0, letters
    build.font["cmap"].tables = [many]
    build.setupGlyf({name: Glyph() for name in (".notdef", *names)})
    build.setupHorizontalMetrics({".notdef": (550, 0)} | {name: (widths[name], 0) for name in names})
    build.setupHorizontalHeader(ascent=900, descent=-300)
    build.setupNameTable({"familyName": "qa-blank", "styleName": "Regular"})
    build.setupOS2(sTypoAscender=900, sTypoDescender=-300, usWinAscent=900, usWinDescent=300)
    build.setupPost()
    made = io.BytesIO()
    build.save(made)
    return b64encode(made.getvalue()).decode()


def measure_text_alike(page: Page) -> None:
    """Call it before the page is opened, so that its charts lay out their labels alike with any font."""
    page.add_init_script(_MEASURE)


def take(screen: Locator, style: str = "") -> Image.Image:
    """The picture of a screen without its text, its caret and its movements, under a style sheet of one's own."""
    page: Page = screen.page
    page.evaluate(_LOAD, blank_font())
    page.mouse.move(0, 0)
    made = screen.screenshot(style=_STYLE + style, animations="disabled", caret="hide", scale="css")
    return Image.open(io.BytesIO(made)).convert("RGB")


def compare(expected: Image.Image, found: Image.Image) -> Comparison:
    """How much of what is drawn in either picture differs; where one is larger, that is a difference too.

    What is drawn is what has not the commonest colour of `expected`: counting a page's empty ground as well, a
    whole panel could move unseen.
    """
    width, height = (max(of) for of in zip(expected.size, found.size, strict=True))
    before, now = (np.full((height, width, 3), -1_000, dtype=np.int16) for _ in range(2))
    for pixels, picture in ((before, expected), (now, found)):
        pixels[: picture.height, : picture.width] = np.asarray(picture)
    colours = expected.getcolors(expected.width * expected.height) or []
    ground = np.array(max(colours)[1], dtype=np.int16)
    differs = _missing(before, now) | _missing(now, before)
    drawn = _is_drawn(before, ground) | _is_drawn(now, ground)
    pale = 255 - (255 - now.clip(0)) // 4
    pale[differs] = (220, 0, 0)
    return Comparison(
        differs.sum() / max(drawn.sum(), 1), differs.mean(), Image.fromarray(pale.astype(np.uint8))
    )


def _missing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where `other` has nothing like a pixel of `one` near its place."""
    size = (2 * ASIDE + 1, 2 * ASIDE + 1, 1)
    low, high = minimum_filter(other, size), maximum_filter(other, size)
    return np.asarray(((one < low - TOLERANCE) | (one > high + TOLERANCE)).any(axis=-1))


def _is_drawn(pixels: np.ndarray, ground: np.ndarray) -> np.ndarray:
    return np.asarray((np.abs(pixels - ground) > TOLERANCE).any(axis=-1))


def expect_picture(screen: Locator, name: str, style: str = "") -> None:
    """The screen looks as it did; `QA_WRITE_EXPECTED=1` takes how it looks now for what is expected.

    What changes from run to run is hidden by the style sheet `style`.

    A failure leaves NAME-now.png and NAME-difference.png beside the tests' other pictures.
    """
    path = EXPECTED / f"{name}.png"
    found = take(screen, style)
    if os.environ.get(WRITE):
        EXPECTED.mkdir(exist_ok=True)
        found.save(path, optimize=True)
    accept = f"run this test with {WRITE}=1 and commit the new picture"
    assert path.is_file(), f"There is no picture '{name}' to hold it against: {accept}."
    with Image.open(path) as expected:
        compared = compare(expected.convert("RGB"), found)
    if compared.share > ALLOWED:
        SHOTS.mkdir(exist_ok=True)
        found.save(SHOTS / f"{name}-now.png")
        compared.shown.save(SHOTS / f"{name}-difference.png")
        raise AssertionError(
            f"'{name}' differs from {path.name} in {compared.share:.1%} of what is drawn ({ALLOWED:.0%} may; "
            f"{compared.of_all:.1%} of all pixels). Look at {name}-now.png and {name}-difference.png in {SHOTS}. "
            f"If the change is wanted, {accept}."
        )
