// The editor over the text area that is posted. Without it, the text area itself is edited.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { search, searchKeymap } from "@codemirror/search";
import {
  EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers,
} from "@codemirror/view";
import { appearance } from "./appearance.js";
import { compare } from "./comparison.js";
import { completions } from "./completion.js";
import { findings, recheck } from "./findings.js";
import { keeper } from "./kept.js";

// Tab indents; after Esc it leaves, however long that takes, until something is typed or the editor was left.
const leaving = [
  keymap.of([{ key: "Escape", run: (view) => { view.setTabFocusMode(true); return false; } }, indentWithTab]),
  EditorView.updateListener.of((update) => {
    if (update.docChanged || (update.focusChanged && !update.view.hasFocus)) update.view.setTabFocusMode(false);
  }),
];

function enhance(area) {
  const box = area.closest(".portal-texml");
  const part = (name) => box.querySelector(`[data-texml-part=${name}]`);
  const { form } = area;
  const vocabulary = JSON.parse(document.getElementById("portal-texml-vocabulary").textContent);
  const [status, list, preview] = ["status", "findings", "preview"].map(part);
  const keys = part("keys");
  const field = (name) => (name && form.elements.namedItem(name)) || null;
  const variables = () => [...(field(area.dataset.variables)?.value || "").matchAll(/^\s*([A-Za-z]\w*)/gm)].map((found) => found[1]);

  const ask = async (text) => {
    const body = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    body.set("source", text);
    const answer = await fetch(area.dataset.check, { method: "POST", body, redirect: "error" }).catch(() => null);
    if (!answer) throw new Error("The portal cannot be asked what is wrong: your sign-in may be over, or it is away. Your text stays here.");
    if (!answer.ok) throw new Error(`The portal could not check this (${answer.status}). Your text stays here.`);
    const told = await answer.json();
    if (preview.innerHTML !== told.preview) preview.innerHTML = told.preview;
    return told;
  };

  const keep = keeper(area, (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }));
  const place = document.createElement("div");
  place.className = "portal-texml-code";
  const view = new EditorView({
    doc: area.value,
    parent: place,
    extensions: [
      appearance,
      lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), highlightSpecialChars(), drawSelection(),
      history(), indentOnInput(), indentUnit.of("  "), bracketMatching(), closeBrackets(), search({ top: true }),
      autocompletion({ override: [completions(vocabulary, variables)], icons: false }),
      findings(ask, list, status),
      leaving,
      keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
      EditorView.contentAttributes.of({ "aria-label": box.dataset.label, "aria-describedby": keys.id, spellcheck: "false" }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = update.state.doc.toString();
        keep(area.value);
      }),
    ],
  });
  area.before(place);
  area.hidden = true;
  area.required = false; // nobody could be led to a hidden field: the server says it
  keys.hidden = false;
  for (const part of box.querySelectorAll("[data-texml-live]")) part.hidden = false;
  for (const label of area.labels) label.addEventListener("click", () => view.focus());
  form.addEventListener("input", (event) => {
    if (event.target.closest(".cm-editor") || event.target === area) return;
    view.dispatch({ effects: recheck.of(null) });
  });
  const drawn = area.value;
  let isSent = false;
  form.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!isSent && area.value !== drawn) event.preventDefault();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("textarea[data-texml-editor]").forEach(enhance);
  document.querySelectorAll("[data-texml-compare]").forEach(compare);
});
