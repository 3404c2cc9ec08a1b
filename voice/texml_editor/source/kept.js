// Keeps what was typed and not saved in this tab, until it is saved: a session may end before the form is sent.

export function keeper(area, take) {
  const key = `portal-texml ${location.pathname} ${area.name}`;
  const saved = "unsaved" in area.dataset ? null : area.value; // a form that came back with errors was not saved
  const kept = read(key);
  if (saved === null) write(key, area.value);
  else if (kept === saved || (kept !== null && area.dataset.saved === sumOf(kept))) write(key, null);
  else if (kept !== null) offer(area, kept, () => write(key, null), take);
  return {
    keep: (text) => write(key, text === saved ? null : text),
    isSaved: (text) => text === saved,
  };
}

function offer(area, kept, forget, take) {
  const note = document.createElement("div");
  note.className = "portal-note portal-texml-kept";
  note.setAttribute("role", "status");
  const words = document.createElement("span");
  words.textContent = "This tab still has another text that you wrote here.";
  const button = (label, act) => {
    const one = document.createElement("button");
    one.type = "button";
    one.className = "portal-button portal-small";
    one.textContent = label;
    one.addEventListener("click", () => { note.remove(); act(); });
    return one;
  };
  note.append(words, button("Take it up again", () => take(kept)), button("Throw it away", forget));
  area.before(note);
}

// A browser may forbid this store, or it may be full: then nothing is kept.
function read(key) {
  try { return sessionStorage.getItem(key); } catch { return null; }
}

function write(key, text) {
  try {
    if (text === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch { /* as if there were none */ }
}

// Whether a text was saved stands on the next page with its form, which tells the CRC-32 of what this person saved last
// of this document, or as a new one: by then somebody else may have saved another text.
function sumOf(text) {
  let sum = -1;
  for (const byte of new TextEncoder().encode(text)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return String(~sum >>> 0);
}
