"""Tells how far the layout of two pictures differs; what is written there, as times and ids, is another each time."""

import base64

from playwright.sync_api import Browser

MOST = 0.12  # of a page's fields; other times and ids change some hundredths, a lost style sheet a third and more

# Both are drawn so small that a field is some words wide: letters become grey, places of things stay.
_COMPARE = """
async ([last, now]) => {
  const drawn = await Promise.all([last, now].map(async (data) => {
    const image = new Image();
    image.src = "data:image/png;base64," + data;
    await image.decode();
    return image;
  }));
  if (drawn[0].width !== drawn[1].width || drawn[0].height !== drawn[1].height) return 1;
  const [width, height] = [Math.round(drawn[0].width / 24), Math.round(drawn[0].height / 24)];
  const [one, two] = drawn.map((image) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  });
  let otherwise = 0;
  for (let at = 0; at < one.length; at += 4) {
    const apart = Math.max(...[0, 1, 2].map((colour) => Math.abs(one[at + colour] - two[at + colour])));
    if (apart > 24) otherwise += 1;
  }
  return otherwise / (width * height);
}
"""


def difference(browser: Browser, last: bytes, now: bytes) -> float:
    """Return the share of fields, 0.0 to 1.0, that look otherwise; 1.0 for pictures of another size. Both are PNG."""
    page = browser.new_page()
    try:
        return float(page.evaluate(_COMPARE, [base64.b64encode(one).decode() for one in (last, now)]))
    finally:
        page.close()
