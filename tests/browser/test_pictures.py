"""What compares pictures of screens: text does not count, a moved, lost or coloured part does."""

from __future__ import annotations

from pathlib import Path

import pictures
import pytest
from pictures import ALLOWED, compare, expect_picture, take
from PIL import Image
from playwright.sync_api import Page

PAGE = """<style>
  body { margin: 0; width: 800px; height: 600px; font: 14px sans-serif; color: black; background: white }
  .panel { position: absolute; left: 40px; width: 300px; height: 160px; border: 1px solid #ccc; padding: 12px }
  .bar { width: 120px; height: 8px; background: #1558c0 }
</style>
<div class="panel" id="first" style="top: 20px"><b id="figure">1,234</b> 人 <input value="typed"><p class="bar"></p></div>
<div class="panel" id="second" style="top: 260px"><a href="#">a link</a><select><option>chosen</option></select>
  <svg width="200" height="60"><text x="5" y="20">an axis</text><rect y="30" width="90" height="20" fill="teal"/></svg></div>
"""


@pytest.fixture
def shown(page: Page) -> Page:
    """Two panels on a page that is mostly empty."""
    page.set_content(PAGE)
    return page


def changed(page: Page, script: str) -> float:
    """The share that differs once the script has run."""
    before = take(page.locator("body"))
    page.evaluate(script)
    return compare(before, take(page.locator("body"))).share


def test_the_same_page_and_other_texts_pass(shown: Page) -> None:
    assert changed(shown, "() => {}") == 0
    texts = """() => { figure.textContent = '9,876'; document.querySelector('input').value = '两个';
      document.querySelector('a').textContent = 'A LINK'; document.querySelector('option').textContent = 'others';
      document.querySelector('svg text').textContent = '另一轴'; document.body.style.color = 'red'; }"""
    assert changed(shown, texts) == 0


@pytest.mark.parametrize(
    "script",
    [
        "() => { second.style.top = '280px'; }",
        "() => { second.style.left = '60px'; }",
        "() => { second.remove(); }",
        "() => { second.style.background = '#dde'; }",
        "() => { second.style.height = '200px'; }",
        "() => { document.querySelector('rect').setAttribute('width', 40); }",
        "() => { document.body.style.height = '700px'; }",
        "() => { document.body.style.background = '#111'; }",
    ],
)
def test_a_gross_change_is_seen(shown: Page, script: str) -> None:
    assert changed(shown, script) > ALLOWED


def test_the_share_is_of_what_is_drawn_and_never_less_than_that_of_all() -> None:
    white, one, other = (Image.new("RGB", (100, 100), "white") for _ in range(3))
    one.paste("black", (40, 0, 50, 10))
    other.paste("black", (40, 0, 50, 20))
    compared = compare(one, other)
    seen = 10 * (10 - pictures.ASIDE)
    assert compared.share == pytest.approx(seen / 200)
    assert compared.of_all == pytest.approx(seen / 10_000)
    assert compare(white, white).share == 0
    aside = Image.new("RGB", (100, 100), "white")
    aside.paste("black", (40 + pictures.ASIDE, 0, 50 + pictures.ASIDE, 10))
    assert compare(one, aside).share == 0
    larger = Image.new("RGB", (100, 110), "white")
    assert compare(white, larger).of_all == pytest.approx(10 / 110)
    faint = Image.new("RGB", (100, 100), (255 - pictures.TOLERANCE,) * 3)
    assert compare(white, faint).share == 0
    red = compared.shown.getcolors(100 * 110)
    assert red is not None
    assert (seen, (220, 0, 0)) in red


def test_a_failure_keeps_both_pictures_and_says_how_to_accept(
    shown: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "EXPECTED", tmp_path / "expected")
    monkeypatch.setattr(pictures, "SHOTS", tmp_path / "shots")
    body = shown.locator("body")
    monkeypatch.delenv(pictures.WRITE, raising=False)
    with pytest.raises(AssertionError, match=r"no picture 'made'.*QA_WRITE_EXPECTED=1"):
        expect_picture(body, "made")
    monkeypatch.setenv(pictures.WRITE, "1")
    expect_picture(body, "made")
    monkeypatch.delenv(pictures.WRITE)
    expect_picture(body, "made")
    shown.evaluate("() => { second.style.top = '280px'; }")
    with pytest.raises(AssertionError, match=r"'made' differs .*(?s:.*)QA_WRITE_EXPECTED=1"):
        expect_picture(body, "made")
    for name in ("now", "difference"):
        with Image.open(tmp_path / "shots" / f"made-{name}.png") as kept:
            assert kept.size == (800, 600)
    monkeypatch.setenv(pictures.WRITE, "1")
    expect_picture(body, "made")  # accepted
    monkeypatch.delenv(pictures.WRITE)
    expect_picture(body, "made")
