// Asks the server what is wrong, and shows it: in the gutter, under the words, and as a list that is read aloud.

import { linter, lintGutter } from "@codemirror/lint";
import { StateEffect } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

const SEVERITY = { fatal: "error", error: "error", warning: "warning", info: "info" };
const BADGES = { fatal: "bad", error: "bad", warning: "warn", info: "plain" };
const COUNTED = { error: ["error", "errors"], warning: ["warning", "warnings"], info: ["hint", "hints"] };

export const recheck = StateEffect.define(); // something beside the text has changed

// `ask(text)` answers with {findings, preview}, or throws an error for the person; `draw(preview)` shows the latter.
export function findings(ask, list, status, draw) {
  let newest = 0;
  const source = async (view) => {
    const { doc } = view.state;
    const mine = (newest += 1);
    let told = { findings: [] };
    let problem = "";
    try {
      told = await ask(doc.toString());
    } catch (error) {
      problem = error.message;
    }
    if (mine !== newest || view.state.doc !== doc) return new Promise(() => {}); // never: CodeMirror, too, takes the newest
    const found = told.findings;
    const shown = found.map((finding) => ({ ...span(doc, finding), severity: SEVERITY[finding.level], message: `${finding.rule}: ${finding.message}` }));
    if (!problem) draw(told.preview);
    say(status, problem || summary(shown));
    const at = [...list.children].findIndex((item) => item.contains(document.activeElement));
    list.replaceChildren(...found.map((finding, at) => row(view, finding, shown[at])));
    list.hidden = !found.length;
    if (at >= 0) (list.children[Math.min(at, found.length - 1)]?.firstChild ?? view).focus(); // the keyboard stays in it
    return shown;
  };
  const needsRefresh = (update) => update.transactions.some((one) => one.effects.some((effect) => effect.is(recheck)));
  return [linter(source, { delay: 400, needsRefresh }), lintGutter()];
}

// What is read aloud is written only when it is another.
function say(status, words) {
  if (status.textContent !== words) status.textContent = words;
}

function summary(shown) {
  if (!shown.length) return "Nothing is wrong.";
  const counts = Object.entries(COUNTED).map(([severity, words]) => {
    const count = shown.filter((one) => one.severity === severity).length;
    return count ? `${count} ${words[count === 1 ? 0 : 1]}` : "";
  });
  return `${counts.filter(Boolean).join(", ")}.`;
}

// Columns of the server are characters, those of the editor UTF-16 units.
function span(doc, { line: number, column }) {
  const line = doc.line(Math.min(Math.max(number, 1), doc.lines));
  const units = [...line.text].slice(0, column - 1).join("").length;
  const word = /^<?\/?[\w:.-]+|^\S/.exec(line.text.slice(units));
  const from = line.from + units;
  return word ? { from, to: from + word[0].length } : { from: Math.max(line.from, from - 1), to: from };
}

function row(view, finding, { from, to }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "portal-texml-finding";
  const level = document.createElement("span");
  level.className = `portal-badge portal-${BADGES[finding.level]}`;
  level.textContent = finding.level;
  const where = document.createElement("span");
  where.className = "portal-dim";
  where.textContent = `Line ${finding.line}, column ${finding.column}`;
  const words = document.createElement("span");
  words.textContent = finding.message;
  const rule = document.createElement("span");
  rule.className = "portal-dim portal-mono";
  rule.textContent = finding.rule;
  button.append(level, " ", where, " ", words, " ", rule);
  button.addEventListener("click", () => {
    const end = view.state.doc.length; // the text may have become shorter since
    view.dispatch({
      selection: { anchor: Math.min(from, end), head: Math.min(to, end) },
      effects: EditorView.scrollIntoView(Math.min(from, end), { y: "center" }),
    });
    view.focus();
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}
