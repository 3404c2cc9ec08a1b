"""A person's way through a page by the Tab key."""

from typing import Any

_MOST = 300  # stops of one page

# what a person has to get to: what takes a key, and what only a mouse would reach; of radio buttons one of the group
_BEGIN = """() => {
  const where = document.querySelector('header, main');  // whoever signs in has no header
  const keys = 'a[href], button, input, select, textarea, summary, [tabindex]';
  const asked = '[hx-get]:not([hx-trigger], form), [hx-post]:not([hx-trigger], form)';
  const rules = '[x-sort\\\\:handle], .delete-template, label:has(.delete)';
  const pressed = `[x-on\\\\:click], [onclick], ${asked}, ${rules}`;
  const there = [...document.querySelectorAll(`:is(header, #portal-main) :is(${keys}, ${pressed})`)];
  const shown = {visibilityProperty: true, opacityProperty: true};
  const seen = (one) => one.checkVisibility(shown) && one.getClientRects().length;
  window.portalOwed = there.filter(one => seen(one) && !one.matches(':disabled, [tabindex="-1"]'));
  window.portalGot = new Set();
  document.addEventListener('htmx:beforeRequest', (event) => event.preventDefault());  // no stop is swapped meanwhile
  where.tabIndex = -1;
  where.focus();
}"""
_AT_REST = "!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, [data-texml-part=status]:empty')"
_STOP = """() => {
  const at = document.activeElement;
  if (!at || !at.closest('header, #portal-main')) return null;
  const again = portalGot.has(at), wrong = [];
  portalGot.add(at);
  if (again) return {again, wrong, edited: at.isContentEditable};
  const around = [at.labels?.[0], at.nextElementSibling];
  for (let one = at; one && around.length < 8; one = one.parentElement) around.push(one);
  const marked = around.some(one => {
    const style = one && getComputedStyle(one);
    const isOutlined = style && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
    return isOutlined || style?.boxShadow.includes('inset');
  });
  if (!marked) wrong.push('has no visible focus');
  // of a text under edit the browser brings the caret into view, not the whole of it
  const written = at.isContentEditable ? getSelection().getRangeAt(0).getClientRects()[0] : null;
  const box = written || [...at.getClientRects()].find(one => one.width && one.height) || at.getBoundingClientRect();
  const inside = box.bottom - box.top > innerHeight * .7 || (box.top >= -1 && box.bottom <= innerHeight + 1);
  if (!inside) wrong.push(`is out of view, ${box.top} to ${box.bottom} of ${innerHeight}`);
  // of what scrolls sideways by itself Chromium shows the beginning
  const x = box.left + Math.min(12, box.width / 2);
  const isTall = box.bottom - box.top > innerHeight * .7;  // its ends may lie under bars
  const y = isTall ? innerHeight / 2 : Math.min(innerHeight - 2, Math.max(1, (box.top + box.bottom) / 2));
  if (x < 0 || x > innerWidth) wrong.push(`is out of view, from ${box.left} of ${innerWidth}`);
  const over = document.elementFromPoint(x, y);
  const own = over && (at.contains(over) || over.contains(at) || [...at.labels || []].some(one => one.contains(over)));
  if (!own) wrong.push(`lies under ${over?.outerHTML.slice(0, 90)}`);
  return {again, edited: at.isContentEditable, wrong: wrong.map(one => `${at.outerHTML.slice(0, 140)} ${one}`)};
}"""
_LEFT = """() => {
  const got = [...portalGot], group = (one) => one.type === 'radio' && got.some(other => other.name === one.name);
  return portalOwed.filter(one => one.isConnected && !portalGot.has(one) && !portalGot.has(one.control) && !group(one)
    && !got.some(other => other.contains(one) && !other.matches('[data-simplebar] *, pre')))
    .map(one => `${one.outerHTML.slice(0, 160)} is not reached`);
}"""


def faults(window: Any) -> list[str]:
    """What of header and content cannot be reached, or not be seen, by somebody who presses Tab from the top."""
    found: list[str] = []
    page = window.page
    page.evaluate(_BEGIN)
    page.wait_for_function(_AT_REST)  # what was asked for before would move the page under a stop
    for _ in range(_MOST):
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        if stop is None:
            break
        found += stop["wrong"]
        if stop["again"] and stop["edited"]:  # the editor of documents keeps Tab for itself until Escape
            page.keyboard.press("Escape")
    else:
        found.append(f"takes more than {_MOST} stops")
    return found + page.evaluate(_LEFT)
