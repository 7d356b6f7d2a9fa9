"""What must hold of any screen: axe-core finds nothing serious, no text of the data came to life, one language."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from browser_helpers import wait_until
from playwright.sync_api import Locator, Page

#: What a page may be told that its reader prefers.
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE = Path(__file__).parents[2] / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async within => {
  const found = await axe.run(within, {resultTypes: ['violations']});
  return found.violations.map(({id, impact, help, nodes}) => ({id, impact, help,
    nodes: nodes.map(one => one.target.join(' ') + '  ' + one.html.slice(0, 200) + '  ' + one.failureSummary)}));
}"""
# What no text may become: a script, a frame, an address that runs, an attribute that is code.
_ALIVE = """() => [...document.querySelectorAll('*')].filter(one =>
    (one.localName === 'script' && /alert|hacked|evil/i.test(one.textContent + one.src))
    || ['iframe', 'object', 'embed', 'base', 'marquee', 'applet', 'blink', 'isindex'].includes(one.localName)
    || [...one.attributes].some(({name, value}) => /^on/i.test(name) && /alert|hacked|javascript/i.test(value)
      || (['href', 'src', 'action', 'formaction', 'xlink:href'].includes(name) && /^[\\s\\0-\\x20]*(javascript|vbscript|data:text)/i.test(value))))
  .map(one => one.outerHTML.slice(0, 300))"""
# All that a screen says: what is read, what hovers or is read out, what stands in charts and in pictures of them.
_SAID = """root => {
  const texts = one => [...one.querySelectorAll('text')].map(text => text.textContent);
  const drawn = image => new DOMParser().parseFromString(new TextDecoder().decode(
    Uint8Array.from(atob(image.src.split(',')[1]), letter => letter.charCodeAt(0))), 'image/svg+xml');
  return [
    ...root.innerText.split('\\n'), ...[...root.querySelectorAll('svg')].flatMap(texts),
    ...[...root.querySelectorAll('img[src^="data:image/svg+xml;base64,"]')].map(drawn).flatMap(texts),
    ...[...root.querySelectorAll('*')].flatMap(one => ['aria-label', 'title', 'alt', 'placeholder']
      .map(name => one.getAttribute(name) ?? '')),
  ].map(line => line.replaceAll('\\u00a0', ' ').trim()).filter(Boolean);
}"""
_WORD = re.compile(r"[A-Za-z]{2,}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
#: What stays Chinese on an English screen besides texts of the data: the name of the other language.
_SWITCH = "中文"


@cache
def _axe() -> str:
    if not AXE.is_file():
        raise RuntimeError(f"{AXE} is not there: run `npm ci` in the folder widgets/.")
    return AXE.read_text(encoding="utf-8")


def expect_accessible(page: Page, within: str = "body", *, but: tuple[str, ...] = ()) -> None:
    """Nothing that axe-core calls serious or critical within these elements.

    Parameters
    ----------
    but
        Parts that are not ours, as selectors.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    context = {"include": [[within]], "exclude": [[one] for one in but]}
    found: list[dict[str, Any]] = page.evaluate(_RUN, context)
    wrong = [f for f in found if f["impact"] in ("serious", "critical")]
    assert not wrong, "\n".join(f"{f['id']}: {f['help']}\n  " + "\n  ".join(f["nodes"][:5]) for f in wrong)


def expect_nothing_ran(page: Page) -> None:
    """No text of the data became an element, an address or a handler that would run."""
    assert page.evaluate(_ALIVE) == []
    assert page.evaluate("() => window.hacked") is None


def listen_for_dialogs(page: Page) -> list[str]:
    """What `alert` and its like said on this page; they are closed."""
    said: list[str] = []

    def close(dialog: Any) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", close)
    return said


def expect_english(screen: Locator, name: str, data: Iterable[str] = ()) -> None:
    """Every word of a screen that was turned to English is English: read, hovered, read out or drawn.

    Parameters
    ----------
    name
        What the screen is called when it is not so.
    data
        Texts of the data, which no language changes.
    """
    kept = re.compile("|".join(map(re.escape, sorted({_SWITCH, *data}, key=len, reverse=True))))
    twice = screen.locator(".qa-second").all_inner_texts()  # the level of evidence: in both languages, always

    def chinese() -> list[str]:
        said = [line for line in screen.evaluate(_SAID) if line not in twice]
        return [line for line in said if _HAN.search(kept.sub("", line))]

    with contextlib.suppress(AssertionError):
        wait_until(screen.page, lambda: not chinese(), f"{name} is English", seconds=20)
    assert not (found := chinese()), f"{name} is not all English: {found}"


def expect_both_languages(parts: Locator, data: Iterable[str] = ()) -> None:
    """On a page that has no switch, each of these parts says what it says in Chinese and in English.

    Parameters
    ----------
    data
        Texts of the data; a part that says nothing else need not be in both.
    """
    kept = re.compile("|".join(map(re.escape, sorted(data, key=len, reverse=True))) or "(?!)")
    said = [kept.sub("", text) for text in parts.all_inner_texts()]
    assert any(_HAN.search(text) for text in said), f"nothing is said by {parts}"
    alone = [text for text in said if bool(_HAN.search(text)) != bool(_WORD.search(text))]
    assert not alone, f"in one language only: {alone}"
