"""What must hold of any screen: axe-core finds nothing serious, and no text of the data came to life."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

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
