// How code looks, here and in comparisons: classes only, so that colours follow light and dark by the style sheet.

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { xml } from "@codemirror/lang-xml";
import { EditorState } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const NAMES = HighlightStyle.define([
  { tag: [tags.tagName, tags.angleBracket], class: "portal-code-tag" },
  { tag: tags.attributeName, class: "portal-code-attribute" },
  { tag: tags.attributeValue, class: "portal-code-value" },
  { tag: [tags.comment, tags.processingInstruction, tags.documentMeta], class: "portal-code-comment" },
  { tag: tags.invalid, class: "portal-code-invalid" },
]);

const placeholder = new MatchDecorator({ regexp: /\{\{[^{}]*\}\}/g, decoration: Decoration.mark({ class: "portal-code-placeholder" }) });
const placeholders = ViewPlugin.define(
  (view) => ({
    decorations: placeholder.createDeco(view),
    update(update) { this.decorations = placeholder.updateDeco(update, this.decorations); },
  }),
  { decorations: (plugin) => plugin.decorations },
);

// A policy with nonces gives this script one; the styles that the editor makes for itself carry it, too.
const nonce = document.currentScript?.nonce || "";

export const appearance = [
  xml(),
  syntaxHighlighting(NAMES),
  placeholders,
  EditorView.lineWrapping,
  EditorState.tabSize.of(4),
  EditorView.cspNonce.of(nonce),
];
