"""The built browser side: where it is, and what to show when it has not been built."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
#: The widgets that have a browser side of their own, by the stem of their files.
STEMS = ("rule_builder", "live_preview", "audience_library", "export_menu")
_HOW = "Run `make demo`, or `npm ci && npm run build` in the folder widgets/, and restart the kernel."


def bundle_missing() -> str:
    """What is missing and how to build it, or an empty text."""
    names = [f"{stem}.{kind}" for stem in STEMS for kind in ("js", "css")]
    missing = [name for name in names if not (STATIC / name).is_file()]
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
