"""Where the main parts of a screen lie, held against what was committed.

Pixels differ between machines with their fonts, so a picture of text cannot be compared in earnest. What a
gross change moves is boxes: something vanished, fell below, grew out of the page or covers another part.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from playwright.sync_api import Page

EXPECTED = Path(__file__).parent / "expected"
#: Shares of the screen's width and height that a box may move or grow by, with other fonts.
ACROSS, DOWN = 0.03, 0.08
Boxes = dict[str, list[float]]
_READ = """([screen, parts]) => {
  const whole = document.querySelector(screen).getBoundingClientRect();
  const found = {};
  for (const part of parts) {
    document.querySelectorAll(`${screen} ${part}`).forEach((one, i) => {
      const {x, y, width, height} = one.getBoundingClientRect();
      if (width && height) found[`${part} ${i}`] = [(x - whole.x) / whole.width, (y - whole.y) / whole.height,
        width / whole.width, height / whole.height].map(n => Math.round(n * 1000) / 1000);
    });
  }
  return found;
}"""


def boxes(page: Page, screen: str, parts: tuple[str, ...]) -> Boxes:
    """Left, top, width and height of each part, as shares of the screen's."""
    found: Boxes = page.evaluate(_READ, [screen, list(parts)])
    return found


def differences(expected: Boxes, found: Boxes) -> list[str]:
    """What moved, grew, vanished or came, in words."""
    wrong = [f"{part} is gone" for part in expected.keys() - found.keys()]
    wrong += [f"{part} is new" for part in found.keys() - expected.keys()]
    for part in expected.keys() & found.keys():
        for name, before, now, room in zip(
            ("left", "top", "width", "height"), expected[part], found[part], (ACROSS, DOWN) * 2, strict=True
        ):
            if abs(before - now) > room:
                wrong.append(f"{part}: {name} was {before:.3f} of the screen's, is {now:.3f}")
    return sorted(wrong)


def expect_layout(page: Page, name: str, screen: str, parts: tuple[str, ...]) -> None:
    """The screen's parts lie where they lay; `QA_WRITE_EXPECTED=1` writes anew what is expected."""
    path = EXPECTED / f"{name}.json"
    found = boxes(page, screen, parts)
    assert found, f"nothing of {parts} is on {screen}"
    if os.environ.get("QA_WRITE_EXPECTED"):
        EXPECTED.mkdir(exist_ok=True)
        lines = ",\n".join(f"  {json.dumps(part)}: {json.dumps(box)}" for part, box in found.items())
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    expected = json.loads(path.read_text(encoding="utf-8"))
    assert differences(expected, found) == []
