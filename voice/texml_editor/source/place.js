// Tells where the cursor stands, by the text before it. Documents are half-written here: nothing is parsed as a whole.

const TOKEN = new RegExp(
  [
    String.raw`<!--[^]*?(?:-->|$)`,
    String.raw`<!\[CDATA\[[^]*?(?:\]\]>|$)`,
    String.raw`<\?[^]*?(?:\?>|$)`,
    String.raw`<(\/?)([^\s<>\/"']*)((?:[^<>"']|"[^"]*(?:"|$)|'[^']*(?:'|$))*)(>?)`,
  ].join("|"),
  "g",
);
const ENDED = /(?:-->|\]\]>|\?>)$/;
const OPEN_VALUE = /([^\s="'<>/]+)\s*=\s*(["'])([^"']*)$/;

// `kind`: "element", "closing", "attribute", "value", "text" or "nothing"; `path`: names of the elements around it.
export function placeOf(before) {
  const path = [];
  for (const token of before.matchAll(TOKEN)) {
    const [whole, closing, name, rest, end] = token;
    const isLast = token.index + whole.length === before.length;
    if (name === undefined) {
      if (isLast && !ENDED.test(whole)) return { kind: whole.startsWith("<![CDATA[") ? "text" : "nothing", path };
    } else if (end) {
      if (closing) path.length = Math.max(path.lastIndexOf(name), 0);
      else if (!rest.endsWith("/")) path.push(name);
    } else if (isLast) {
      return closing ? { kind: "closing", typed: name, path } : inTag(name, rest, path);
    }
  }
  return { kind: "text", path };
}

function inTag(name, rest, path) {
  if (!rest) return { kind: "element", typed: name, path };
  const open = rest.replace(/"[^"]*"|'[^']*'/g, (value) => "=".repeat(value.length)); // values that are closed
  const value = OPEN_VALUE.exec(open);
  const taken = [...rest.matchAll(/([^\s="'<>/]+)\s*=/g)].map((found) => found[1]);
  if (value) return { kind: "value", attribute: value[1], typed: value[3], element: name, path };
  const word = /[\s=]([^\s="'<>/]*)$/.exec(open);
  const isName = word && !/=\s*$/.test(rest);
  return isName ? { kind: "attribute", typed: word[1], element: name, taken, path } : { kind: "nothing", path };
}
