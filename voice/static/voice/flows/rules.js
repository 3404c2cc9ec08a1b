"use strict";
// The editor of a flow's rules: rows and boxes over the JSON that is posted. Without it, the JSON itself is edited.
(() => {
  const OPERATORS = { eq: "is", ne: "is not", in: "is one of", starts_with: "starts with", exists: "is present", lt: "is less than", gt: "is more than" };
  let described = {};

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };
  const select = (choices, chosen, attributes) => {
    const known = choices.some(([value]) => value === chosen) || chosen === "" ? choices : [[chosen, chosen], ...choices];
    return make("select", attributes, ...known.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
  };
  const remove = (label, row, changed) => make("button", {
    type: "button", class: "portal-icon material-symbols-outlined", "aria-label": label, title: label,
    onclick: () => {
      const one = row(), add = one.parentElement.nextElementSibling.querySelector("button");
      const next = one.nextElementSibling?.lastElementChild ?? add;  // the keyboard goes on from there
      one.remove();
      changed();
      next.focus();
    },
  }, "close");
  const asText = (value) => value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);

  // --- conditions ----------------------------------------------------------------------------------------------
  const simple = (text) => text === "true" || text === "false" ? text === "true" : text;  // no word is equal to true
  const valueOf = (op, text) => op === "in" ? text.split(",").map((one) => one.trim()).filter(Boolean).map(simple)
    : op === "exists" ? text !== "no" : op === "eq" || op === "ne" ? simple(text) : text;
  const shown = (op, value) => op === "in" && Array.isArray(value) ? value.join(", ") : op === "exists" ? (value === false ? "no" : "yes") : asText(value);

  function conditionRow(condition, changed) {
    const field = make("input", { value: condition.field || "", list: "portal-paths", placeholder: "event.payload.digits", "aria-label": "Field", oninput: changed });
    const op = select(Object.entries(OPERATORS), condition.op || "eq", { "aria-label": "Operator", onchange: changed });
    const value = make("input", { value: shown(condition.op, condition.value), "aria-label": "Value", placeholder: "value; several with commas; yes or no", oninput: changed });
    const row = make("div", { class: "portal-editor-row" }, field, op, value, remove("Remove this condition", () => row, changed));
    const drawn = [op.value, value.value];
    const isUntouched = () => "value" in condition && op.value === drawn[0] && value.value === drawn[1];
    row.read = () => ({ field: field.value.trim(), op: op.value, value: isUntouched() ? condition.value : valueOf(op.value, value.value) });
    return row;
  }

  // --- actions -------------------------------------------------------------------------------------------------
  const typed = (kind, text) => {
    if (text.includes("{{")) return text;
    if ((kind === "integer" || kind === "number") && text.trim() !== "" && !Number.isNaN(Number(text))) return Number(text);
    if (kind === "boolean") return text === "true";
    if (kind === "array" || kind === "object" || (kind === "any" && /^[[{]/.test(text.trim()))) {
      try { return JSON.parse(text); } catch { return text; }
    }
    return text;
  };

  // A `value` that is left alone stays what it was: a box has no null, and false is a text in it. `undefined` is none yet.
  function parameterRow(action, name, value, changed) {
    const parameters = described[action] || [];
    const box = make("div");
    let input;
    const draw = (text) => {
      const one = parameters.find((parameter) => parameter.name === named.value) || { kind: "string", choices: [] };
      const nested = (one.kind === "object" && (one.fields || []).length) || (one.kind === "array" && one.item && one.item.kind !== "string");
      if (nested && !text.includes("{{")) {
        let given;
        try { given = text ? JSON.parse(text) : undefined; } catch { given = undefined; }
        const editor = window.portalParameter(one, given, changed);
        Object.defineProperty(editor, "value", { get: () => { const read = editor.read(); return read === undefined ? "" : JSON.stringify(read); } });
        input = editor;
        box.replaceChildren(editor);
        return;
      }
      const choices = one.kind === "boolean" ? ["true", "false"] : one.choices || [];
      const attributes = { "aria-label": "Value", oninput: changed, onchange: changed };
      input = choices.length && !text.includes("{{")
        ? select([["", "—"], ...choices.map((choice) => [String(choice), String(choice)])], text, attributes)
        : make("textarea", { ...attributes, rows: text.length > 60 || one.kind === "object" || one.kind === "array" ? 3 : 1 }, text);
      box.replaceChildren(input);
    };
    const named = select([["", "Choose a parameter"], ...parameters.map((one) => [one.name, one.name + (one.required ? " *" : "")])], name, {
      "aria-label": "Parameter", onchange: () => { draw(input.value); changed(); },
    });
    draw(asText(value));
    const drawn = [named.value, input.value];
    const isUntouched = () => value !== undefined && named.value === drawn[0] && input.value === drawn[1];
    const row = make("div", { class: "portal-editor-param" }, named, box, remove("Remove this parameter", () => row, changed));
    row.read = () => {
      if (isUntouched()) return [name, value];
      const one = parameters.find((parameter) => parameter.name === named.value);
      return named.value && input.value !== "" ? [named.value, typed(one ? one.kind : "string", input.value)] : null;
    };
    return row;
  }

  function actionRow(entry, changed) {
    const rows = make("div", { class: "portal-editor-params" });
    const fill = (action, parameters) => {
      const required = (described[action] || []).filter((one) => one.required && !(one.name in parameters)).map((one) => [one.name, undefined]);
      rows.replaceChildren(...[...Object.entries(parameters), ...required].map(([name, value]) => parameterRow(action, name, value, changed)));
    };
    const action = select([["", "Choose an action"], ...Object.keys(described).map((name) => [name, name.replaceAll("_", " ")])], entry.action || "", {
      "aria-label": "Action", onchange: () => { fill(action.value, {}); changed(); },
    });
    fill(entry.action, entry.parameters || {});
    const more = make("button", { type: "button", class: "portal-button", onclick: () => rows.append(parameterRow(action.value, "", undefined, changed)) }, "Add a parameter");
    const row = make("div", { class: "portal-editor-row portal-editor-action" }, action, make("div", { class: "portal-editor-params" }, rows, make("div", {}, more)), remove("Remove this action", () => row, changed));
    row.read = () => ({ action: action.value, parameters: Object.fromEntries([...rows.children].map((one) => one.read()).filter(Boolean)) });
    return row;
  }

  // --- a text area becomes an editor ---------------------------------------------------------------------------
  const parsed = (text) => {
    let items;
    try { items = JSON.parse(text || "[]"); } catch { return null; }
    return Array.isArray(items) && items.every((item) => typeof item === "object" && item !== null) ? items : null;
  };

  function enhance(area) {
    const items = area.dataset.enhanced || area.name.includes("__prefix__") ? null : parsed(area.value);
    if (!items) return;  // broken JSON stays to be mended by hand
    area.dataset.enhanced = "1";
    const isWhen = area.classList.contains("portal-rule-when");
    const row = isWhen ? conditionRow : actionRow;
    const list = make("div", { class: "portal-editor" });
    const changed = () => { area.value = JSON.stringify([...list.children].map((one) => one.read()), null, 2); };
    const draw = (given) => list.replaceChildren(...given.map((item) => row(item, changed)));
    draw(items);
    const add = make("button", { type: "button", class: "portal-button", onclick: () => { list.append(row({}, changed)); changed(); } }, isWhen ? "Add a condition" : "Add an action");
    const box = make("div", { class: "portal-editor portal-editor-box" }, list, make("div", { class: "portal-buttons" }, add));
    const json = make("details", {}, make("summary", { class: "portal-dim" }, "As JSON"));
    area.addEventListener("change", () => {
      const given = parsed(area.value);
      list.hidden = add.hidden = !given;  // of broken JSON there are no boxes, which would write over it
      if (given) draw(given);
    });
    area.before(box);
    box.append(json);
    json.append(area);
  }

  // Unfold copies the new rows below one that is removed as markup: what was typed has to stand in that, and no boxes.
  function writeDown(row) {
    for (const area of row.querySelectorAll("textarea[data-enhanced]")) {
      delete area.dataset.enhanced;
      area.closest(".portal-editor-box").replaceWith(area);
    }
    for (const field of row.querySelectorAll("input, select, textarea")) {
      if (field.matches("textarea")) field.textContent = field.value;
      else if (field.matches("select")) for (const one of field.options) one.toggleAttribute("selected", one.selected);
      else if (field.matches("[type=checkbox], [type=radio]")) field.toggleAttribute("checked", field.checked);
      else field.setAttribute("value", field.value);
    }
  }
  const enhanceAll = (root) => root.querySelectorAll("textarea.portal-rule-when, textarea.portal-rule-do").forEach(enhance);

  document.addEventListener("DOMContentLoaded", () => {
    const data = document.getElementById("portal-actions");
    if (data) described = JSON.parse(data.textContent);
    enhanceAll(document);
  });
  document.addEventListener("formset:added", (event) => enhanceAll(event.target));
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".delete-template")) return;
    for (let row = event.target.closest(".form-group").nextElementSibling; row; row = row.nextElementSibling) {
      if (row.matches(".form-group.template:not(.empty-form)")) writeDown(row);
    }
  }, true);
  document.addEventListener("formset:removed", () => enhanceAll(document));
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-portal-move]") && event.target.closest(".form-group");
    if (!row || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const other = event.key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
    if (!other || !other.matches(".form-group.original")) return;
    other[event.key === "ArrowUp" ? "before" : "after"](row);
    sortRecords({ from: row.parentElement });  // Unfold's, as after a drag
    event.target.focus();
  });
})();
