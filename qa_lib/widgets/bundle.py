"""The built browser side: where it is, and what to show when it has not been built."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
STEMS = ("rule_builder", "export_menu")
_HOW = "Run `make demo`, or `npm ci && npm run build` in the folder widgets/, and restart the kernel."


def bundle_missing() -> str:
    """What is missing and how to build it, or an empty text."""
    files = [f"{stem}{ending}" for stem in STEMS for ending in (".js", ".css")]
    missing = [name for name in files if not (STATIC / name).is_file()]
    return f"The browser side is not built ({', '.join(missing)} in {STATIC}). {_HOW}" if missing else ""


def script(stem: str) -> Path | str:
    """The widget's module; without a bundle, one that says how to build it."""
    built = STATIC / f"{stem}.js"
    if built.is_file():
        return built
    return (
        "export default { render({ el }) { el.textContent = "
        f"{'The browser side of this widget is not built. ' + _HOW!r}; }} }};"
    )


def style(stem: str) -> Path | str:
    """The widget's style sheet, empty without a bundle."""
    built = STATIC / f"{stem}.css"
    return built if built.is_file() else ""
