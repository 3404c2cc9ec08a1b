// Offers what may stand at the cursor: elements, attributes and values of the server's table, and placeholders.

import { snippet, startCompletion } from "@codemirror/autocomplete";
import { placeOf } from "./place.js";

const VARIABLE = /\{\{\s*(?:[#^/]\s*)?(?:(?:if|elseif)\s+)?([\w.]*)$/;
const FILTER = /\{\{[^{}]*\|\s*(\w*)$/;

export function completions(vocabulary, variables) {
  return (context) => {
    const before = context.state.sliceDoc(0, context.pos);
    const place = placeOf(before);
    if (place.kind === "text" || place.kind === "value") {
      const filled = placeholders(before, context.pos, vocabulary, variables());
      if (filled) return filled;
    }
    const options = offered(place, vocabulary, context);
    if (!options.length || (place.kind === "text" && !context.explicit)) return null;
    return { from: context.pos - (place.typed || "").length, options, validFor: /^[\w-]*$/ };
  };
}

function placeholders(before, pos, vocabulary, declared) {
  const filter = FILTER.exec(before);
  if (filter) {
    const options = Object.entries(vocabulary.filters).map(([label, info]) => ({ label, info, type: "function" }));
    return { from: pos - filter[1].length, options, validFor: /^\w*$/ };
  }
  const variable = VARIABLE.exec(before);
  if (!variable) return null;
  const isBare = /\{\{\s*\w*$/.test(before);
  const close = (label) => (isBare ? (view, _, from, to) => closed(view, label, from, to) : label);
  const options = [
    ...declared.map((label) => ({ label, info: "Declared for this document.", apply: close(label), type: "variable", boost: 1 })),
    ...Object.entries(vocabulary.variables).map(([label, info]) => ({ label, info, apply: close(label), type: "variable" })),
    ...(isBare ? vocabulary.sections.map((one) => ({ ...one, apply: section(one), type: "keyword" })) : []),
  ];
  return { from: pos - variable[1].length, options, validFor: /^[\w.]*$/ };
}

// A placeholder gets its end, unless it has it already.
function closed(view, name, from, to) {
  const has = /^\s*(?:\}\}|\|)/.test(view.state.sliceDoc(to, to + 8));
  const insert = has ? name : `${name} }}`;
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: "input.complete" });
}

// A section replaces the braces that were typed for it.
function section(one) {
  return (view, completion, from, to) => {
    const start = view.state.sliceDoc(Math.max(0, from - 20), from).lastIndexOf("{{");
    const end = /^\s*\}\}/.exec(view.state.sliceDoc(to, to + 8));
    const begin = start < 0 ? from : from - Math.min(20, from) + start;
    snippet(one.snippet)(view, completion, begin, to + (end ? end[0].length : 0));
  };
}

// What an element means depends on the one around it: "HttpRequest/Response" is not the root.
export function meaning(elements, path) {
  let key = "";
  for (const name of path) {
    const parent = key.slice(key.lastIndexOf("/") + 1);
    key = elements[`${parent}/${name}`] ? `${parent}/${name}` : name;
    if (!elements[key]) return null;
  }
  return elements[key] || null;
}

function offered(place, { elements, root }, context) {
  const around = meaning(elements, place.path);
  if (place.kind === "closing") return place.path.length ? [{ label: place.path[place.path.length - 1], apply: closing, type: "type" }] : [];
  if (place.kind === "element" || place.kind === "text") {
    const names = place.path.length ? around?.children || [] : [root];
    return names.map((name) => element(name, meaning(elements, [...place.path, name]), place, context));
  }
  const of = place.element && meaning(elements, [...place.path, place.element]);
  if (!of) return [];
  if (place.kind === "attribute") {
    const left = Object.entries(of.attributes).filter(([name]) => !place.taken.includes(name));
    return left.map(([name, value]) => attribute(name, value, context));
  }
  return place.kind === "value" ? values(of.attributes[place.attribute], place) : [];
}

function element(name, found, place, context) {
  const line = context.state.doc.lineAt(context.pos);
  const goesOn = /^[^\s<]|^[ \t]+[\w/>]/.test(line.text.slice(context.pos - line.from)); // only the name is missing
  const start = place.kind === "text" ? "<" : "";
  const option = { label: name, info: found?.says, type: "type" };
  if (!found || goesOn) return { ...option, apply: start + name };
  const required = Object.entries(found.attributes).filter(([, value]) => value.required);
  const given = required.map(([attributeName]) => ` ${attributeName}="\${}"`).join("");
  const isEmpty = !found.text && !found.children.length;
  return { ...option, apply: snippet(`${start}${name}${given}${isEmpty ? "/>\${}" : `>\${}</${name}>`}`) };
}

function closing(view, completion, from, to) {
  const end = view.state.sliceDoc(to, to + 1) === ">" ? "" : ">";
  const insert = completion.label + end;
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: "input.complete" });
}

function attribute(name, value, context) {
  const has = context.state.sliceDoc(context.pos, context.pos + 1) === "=";
  const insert = snippet(`${name}="\${}"`);
  return {
    label: name,
    detail: value.required ? "required" : undefined,
    info: value.says,
    type: "property",
    boost: value.required ? 1 : 0,
    apply: has ? name : (view, completion, from, to) => {
      insert(view, completion, from, to);
      if (value.values.length) startCompletion(view);
    },
  };
}

function values(value, place) {
  if (!value) return [];
  if (value.isList) place.typed = place.typed.slice(place.typed.lastIndexOf(" ") + 1);
  const option = (label) => ({ label, detail: label === value.default ? "default" : undefined, type: "enum" });
  return value.values.map(option);
}
