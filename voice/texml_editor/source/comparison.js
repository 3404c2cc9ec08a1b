// Two versions of a document: side by side where there is room, one below the other on a phone.

import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { appearance } from "./appearance.js";

const collapseUnchanged = { margin: 3, minSize: 6 };

export function compare(box) {
  const sides = [...box.querySelectorAll("[data-texml-side]")];
  if (sides.length !== 2) return;
  const [before, after] = sides.map((side) => side.textContent);
  const labels = sides.map((side) => side.dataset.texmlSide);
  const place = document.createElement("div");
  place.className = "portal-texml-code";
  box.append(place);
  for (const side of sides) side.hidden = true;
  const isWide = window.matchMedia("(min-width: 1024px)");
  const view = (label) => [
    appearance,
    lineNumbers(),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: "0", role: "textbox", "aria-multiline": "true", "aria-readonly": "true", "aria-label": label }),
  ];
  let shown;
  const draw = () => {
    shown?.destroy();
    place.replaceChildren();
    if (isWide.matches) {
      const a = { doc: before, extensions: view(labels[0]) };
      const b = { doc: after, extensions: view(labels[1]) };
      shown = new MergeView({ a, b, parent: place, collapseUnchanged });
    } else {
      const unified = unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged });
      shown = new EditorView({ doc: after, extensions: [view(`${labels[1]}, compared with ${labels[0]}`), unified], parent: place });
    }
  };
  draw();
  isWide.addEventListener("change", draw);
}
