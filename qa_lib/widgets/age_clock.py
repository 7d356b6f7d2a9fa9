"""How old the figures of a page are, counted on in the browser: a page that stands still says so by itself."""

from __future__ import annotations

import anywidget
import traitlets

_SCRIPT = """
export default {
  render({ model, el }) {
    let told = performance.now();
    const line = document.createElement("span");
    line.className = "qa-age";
    el.appendChild(line);
    const draw = () => {
      if (!model.get("sequence")) return;
      const age = model.get("age_s") + (performance.now() - told) / 1000;
      const old = age > model.get("limit_s");
      line.dataset.age = age.toFixed(2);
      line.textContent = model.get(old ? "stopped" : "fresh").replace("{age}", age.toFixed(1));
      line.style.cssText = `font-size: 13px; padding: 4px 10px; color: ${old ? "#b0485b" : "inherit"};`;
    };
    const heard = () => { told = performance.now(); draw(); };
    model.on("change:sequence", heard);
    const timer = setInterval(draw, 100);
    heard();
    return () => { clearInterval(timer); model.off("change:sequence", heard); };
  },
};
"""


class AgeClock(anywidget.AnyWidget):
    """A line of words with the age of what was told last; after `limit_s` it says that nothing comes any more."""

    _esm = _SCRIPT
    age_s = traitlets.Float(0.0).tag(sync=True)
    fresh = traitlets.Unicode().tag(sync=True)
    stopped = traitlets.Unicode().tag(sync=True)
    limit_s = traitlets.Float(5.0).tag(sync=True)
    sequence = traitlets.Int(0).tag(sync=True)

    def tell(self, age_s: float, fresh: str, stopped: str) -> None:
        """Figures that are so old now; the words carry `{age}`."""
        with self.hold_sync():
            self.age_s, self.fresh, self.stopped = age_s, fresh, stopped
            self.sequence += 1
