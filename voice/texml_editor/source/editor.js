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
import { conversation } from "./conversation.js";
import { findings, recheck } from "./findings.js";
import { keeper } from "./kept.js";

// Tab indents; after Esc it leaves, however long that takes, until something is typed or the editor was left.
const leaving = [
  keymap.of([{ key: "Escape", run: (view) => { view.setTabFocusMode(true); return false; } }, indentWithTab]),
  EditorView.updateListener.of((update) => {
    if (update.docChanged) update.view.setTabFocusMode(false);
  }),
  // of a focus that is back within some ms CodeMirror's updates do not tell
  EditorView.domEventHandlers({ blur: (_, view) => view.setTabFocusMode(false) }),
];

function enhance(area) {
  const box = area.closest(".portal-texml");
  const part = (name) => box.querySelector(`[data-texml-part=${name}]`);
  const { form } = area;
  const vocabulary = JSON.parse(document.getElementById("portal-texml-vocabulary").textContent);
  const [status, list, preview] = ["status", "findings", "preview"].map(part);
  const keys = part("keys");
  const variables = () => names(form.elements.namedItem(area.dataset.variables)?.value);

  // Posts the form as it stands, as saving would, to an address of the editor's.
  const post = async (address, more) => {
    const body = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));
    for (const [name, value] of Object.entries(more)) body.set(name, value);
    const answer = await fetch(address, { method: "POST", body, redirect: "error" }).catch(() => null);
    if (!answer) throw new Error("The portal did not answer: it is away, or your sign-in is over. Your text stays here.");
    if (!answer.ok) throw new Error(`The portal refused this (${answer.status}). Your text stays here.`);
    return answer.json();
  };
  let drawnPreview = "";
  const check = (source) => post(area.dataset.check, { source });
  const draw = (told) => { if (drawnPreview !== told) preview.innerHTML = drawnPreview = told; }; // else it would scroll back

  const kept = keeper(area, (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }));
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
      findings(check, list, status, draw),
      leaving,
      keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
      EditorView.contentAttributes.of({ "aria-label": box.dataset.label, "aria-describedby": keys.id, spellcheck: "false" }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = update.state.doc.toString();
        kept.keep(area.value);
      }),
    ],
  });
  area.before(place);
  area.hidden = true;
  area.required = false; // nobody could be led to a hidden field: the server says it
  keys.hidden = false;
  if (part("talk")) {
    const tried = (steps) => ({ source: area.value, steps: JSON.stringify(steps) });
    const call = (steps) => post(area.dataset.conversation, tried(steps));
    const keep = (name, steps, heard) => post(area.dataset.case, { ...tried(steps), case: name, heard });
    const parts = ["talk", "problem", "choices", "keeping", "said"].map((name) => [name, part(name)]);
    conversation(call, keep, Object.fromEntries(parts));
  }
  for (const part of box.querySelectorAll("[data-texml-live]")) part.hidden = false;
  for (const label of area.labels) label.addEventListener("click", () => view.focus());
  form.addEventListener("input", (event) => {
    if (event.target.closest(".cm-editor, .portal-texml-try")) return;
    view.dispatch({ effects: recheck.of(null) });
  });
  let isSent = false;
  form.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!isSent && !kept.isSaved(area.value)) event.preventDefault();
  });
}

// Variables are declared as a JSON object; while it is half-written, there are none.
function names(declared) {
  try { return Object.keys(JSON.parse(declared)); } catch { return []; }
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("textarea[data-texml-editor]").forEach(enhance);
  document.querySelectorAll("[data-texml-compare]").forEach(compare);
});
