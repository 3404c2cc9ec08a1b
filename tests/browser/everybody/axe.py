"""What axe-core finds on a page, in each light and at each width."""

from importlib.resources import files
from typing import Any

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
_WIDTHS = (1440, 390)
_OF_COLOUR = ["color-contrast", "link-in-text-block"]
# two frames bring what a press or another light begins; a colour on its way to another one is nobody's fault
_LOOK = """async (rules) => {
  const frame = () => new Promise(requestAnimationFrame);
  const moving = () => document.getAnimations().filter(one => one.effect.getComputedTiming().endTime < Infinity);
  do {
    await frame();
    await frame();
    await Promise.allSettled(moving().map(one => one.finished));
  } while (moving().length);
  const found = await axe.run(document, {resultTypes: ['violations'], preload: false, ...(rules && {runOnly: rules})});
  return found.violations.filter(one => ['serious', 'critical'].includes(one.impact)).flatMap(
    one => one.nodes.map(node => `${one.id}: ${node.target.join(' ')}: ${node.html.slice(0, 200)}`));
}"""


def bring(window: Any) -> None:
    """Have axe on each page that is opened from here on."""
    window.page.add_init_script(_AXE)


def faults(window: Any) -> list[str]:
    """What is serious or critical on the open page: everything in light, in the dark what comes of colours."""
    found = []
    for width in _WIDTHS:
        window.page.set_viewport_size({"width": width, "height": 900})
        for scheme, rules in (("light", None), ("dark", _OF_COLOUR)):
            window.page.emulate_media(color_scheme=scheme)
            turned = ":is(.dark, :not([x-data]))" if scheme == "dark" else ":not(.dark)"  # what has no x-data asks CSS
            window.page.locator(f"html{turned}").wait_for(state="attached")
            found += [f"{width} {scheme} {line}" for line in window.page.evaluate(_LOOK, rules)]
    return found
