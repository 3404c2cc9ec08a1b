// Two versions of a document: side by side where there is room, one below the other on a phone.

import { EditorState } from "@codemirror/state";
import { EditorView, highlightSpecialChars, lineNumbers } from "@codemirror/view";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { appearance } from "./appearance.js";

const collapseUnchanged = { margin: 3, minSize: 6 };

export function compare(box) {
  const [[before, old], [after, text]] = JSON.parse(document.getElementById(box.dataset.texmlCompare).textContent);
  const place = document.createElement("div");
  place.className = "portal-texml-code";
  box.replaceChildren(place); // the lines were for who has no scripts
  const isWide = window.matchMedia("(min-width: 1024px)");
  const view = (label) => [
    appearance,
    lineNumbers(),
    highlightSpecialChars(),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: "0", role: "textbox", "aria-multiline": "true", "aria-readonly": "true", "aria-label": label }),
  ];
  let shown;
  const draw = () => {
    shown?.destroy();
    place.replaceChildren();
    if (isWide.matches) {
      const a = { doc: old, extensions: view(before) };
      const b = { doc: text, extensions: view(after) };
      shown = new MergeView({ a, b, parent: place, collapseUnchanged });
    } else {
      const unified = unifiedMergeView({ original: old, mergeControls: false, collapseUnchanged });
      shown = new EditorView({ doc: text, extensions: [view(`${after}, compared with ${before}`), unified], parent: place });
    }
  };
  draw();
  isWide.addEventListener("change", draw);
}
