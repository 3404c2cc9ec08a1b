"use strict";
// Objects and lists of parameters as rows and boxes. They are made from data-schema, and write the JSON that is posted.
(() => {
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };
  const words = (name) => { const text = name.replaceAll("_", " "); return text.charAt(0).toUpperCase() + text.slice(1); };
  const asText = (value) => value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  // what is filled with nothing, null or {}, is not left out as if it were not there
  const ifEmpty = (value) => typeof value === "object" && value !== null && Object.keys(value).length ? undefined : value;

  // Each editor is an element with read(): the value, or undefined when nothing was filled in. What is left alone is
  // read as it was: a box has no null, no line breaks, and no number where a text may stand as well.
  function scalar(schema, value, changed) {
    const choices = schema.kind === "boolean" ? ["true", "false"] : schema.choices, given = asText(value);
    let input;
    const lines = (text) => { const box = make("textarea", { "aria-label": words(schema.name), rows: 4, oninput: changed }); box.value = text; return box; };
    if (choices) {
      const known = given === "" || choices.some((one) => String(one) === given) ? choices : [given, ...choices];
      input = make("select", { "aria-label": words(schema.name), onchange: changed }, ...["", ...known].map((one) => make("option", { value: one, selected: String(one) === given }, one === "" ? "—" : String(one))));
    } else if (given.includes("\n")) {
      input = lines(given);
    } else {
      input = make("input", { value: given, "aria-label": words(schema.name), inputmode: schema.kind === "integer" ? "numeric" : false, oninput: changed, onpaste: (event) => {
        const pasted = event.clipboardData.getData("text"), { selectionStart, selectionEnd } = input;
        if (!pasted.trim().includes("\n")) return;  // a box of one line would make one of several
        event.preventDefault();
        const wide = lines(input.value);
        input.replaceWith(wide);
        input = wide;
        input.focus();
        input.setRangeText(pasted, selectionStart, selectionEnd, "end");
        changed();
      } });
    }
    const drawn = input.value;
    const typed = { integer: Number, number: Number, boolean: (text) => text === "true" }[schema.kind];
    input.read = () => {
      const text = input.value;
      if (text === drawn) return value;
      if (text === "") return undefined;
      if (schema.kind === "any" && /^[[{]/.test(text.trim())) { try { return JSON.parse(text); } catch { return text; } }
      return typed && !text.includes("{{") && !Number.isNaN(Number(typed(text))) ? typed(text) : text;
    };
    return input;
  }

  function object(schema, value, changed) {
    const fields = (schema.fields || []).map((field) => {
      const editor = within(field, (value || {})[field.name], changed);
      const label = make("label", {}, make("span", { class: "portal-dim" }, words(field.name) + (field.required ? " *" : "")), editor);
      label.read = () => [field.name, editor.read()];
      return label;
    });
    const box = make("div", { class: "portal-editor-object" }, ...fields);
    const known = new Set((schema.fields || []).map((field) => field.name));
    const others = Object.fromEntries(Object.entries(value || {}).filter(([name]) => !known.has(name)));
    box.read = () => {
      const read = { ...others, ...Object.fromEntries(fields.map((field) => field.read()).filter(([, one]) => one !== undefined)) };
      return Object.keys(read).length ? read : ifEmpty(value);
    };
    return box;
  }

  function list(schema, value, changed) {
    const rows = make("div", { class: "portal-editor" });
    const add = (one) => {
      const editor = within(schema.item || { name: "value", kind: "any" }, one, changed);
      const row = make("div", { class: "portal-editor-item" }, editor, make("button", {
        type: "button", class: "portal-icon material-symbols-outlined", "aria-label": "Remove", title: "Remove",
        onclick: () => {
          const next = row.nextElementSibling?.lastElementChild ?? button;  // the keyboard goes on from there
          row.remove();
          changed();
          next.focus();
        },
      }, "close"));
      row.read = editor.read;
      rows.append(row);
    };
    (value || []).forEach(add);
    const button = make("button", { type: "button", class: "portal-button", onclick: () => add(undefined) }, "Add one");
    const box = make("div", { class: "portal-editor" }, rows, make("div", {}, button));
    box.read = () => { const read = [...rows.children].map((row) => row.read()).filter((one) => one !== undefined); return read.length ? read : ifEmpty(value); };
    return box;
  }

  function any(schema, value, changed) {
    if (schema.kind === "object" && (schema.fields || []).length) return object(schema, value === null || isObject(value) ? value : undefined, changed);
    if (schema.kind === "array" && schema.item) return list(schema, value === null || Array.isArray(value) ? value : undefined, changed);
    return scalar(schema.kind === "object" || schema.kind === "array" ? { ...schema, kind: "any" } : schema, value, changed);
  }

  // Of several shapes only one is drawn: what has another within is one box of JSON.
  function within(schema, value, changed) {
    const isOther = schema.kind === "object" ? !isObject(value) : schema.kind === "array" && !Array.isArray(value);
    return isOther && value !== undefined && value !== null ? scalar({ ...schema, kind: "any" }, value, changed) : any(schema, value, changed);
  }

  window.portalParameter = any; // the rule editor uses it, too

  document.addEventListener("DOMContentLoaded", () => {
    for (const area of document.querySelectorAll("textarea[data-schema]")) {
      const schema = JSON.parse(area.dataset.schema), box = make("div");
      let editor;
      const changed = () => { const read = editor.read(); area.value = read === undefined ? "" : JSON.stringify(read, null, 2); };
      const draw = () => {
        let value;
        try { value = area.value.trim() ? JSON.parse(area.value) : undefined; } catch { return false; } // broken JSON is mended by hand
        editor = any(schema, value, changed);
        box.replaceChildren(editor);
        return true;
      };
      if (!draw() || editor.matches("input, select, textarea")) continue;
      const json = make("details", {}, make("summary", { class: "portal-dim" }, "As JSON"));
      area.addEventListener("change", () => { box.hidden = !draw(); }); // of broken JSON there are no boxes, which would write over it
      area.before(box);
      box.after(json);
      json.append(area);
    }
  });
})();
