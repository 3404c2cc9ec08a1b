"use strict";
// What the word at the caret may become, while somebody types: a combobox. Without it the box is a box, and Enter searches.

(() => {
  const box = document.querySelector("#searchbar[data-completions]"), list = document.querySelector("#log-completions");
  if (!box || !list) return;
  const said = document.querySelector("#log-completed");
  let chosen = null, waiting = 0, asked = 0;

  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");

  // the word as it is read by the server: what is within quotes belongs to it
  function word() {
    const before = box.value.slice(0, box.selectionStart);
    const last = [...before.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)].at(-1);
    const begin = last && last.index + last[0].length === before.length ? last.index : before.length;
    const rest = box.value.slice(before.length).match(/^[^\s"]*"?/)[0];
    return { begin, end: before.length + rest.length, text: before.slice(begin) };
  }

  // no answer that is still to come changes the list
  function hold() {
    clearTimeout(waiting);
    asked += 1;
  }

  function close() {
    hold();
    list.hidden = true;
    chosen = null;
    said.textContent = "";
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  async function ask(isAsked) {
    const { text } = word(), mine = ++asked;
    // a number is nobody's business but the search's
    if (!(isAsked ? /^(-?[a-z].*)?$/i : /^-?[a-z].*/i).test(text) || /@|^sips?:[^\d]/i.test(text)) return close();
    const answer = await fetch(`${box.dataset.completions}?word=${encodeURIComponent(text)}`).catch(() => null);
    const found = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
    if (mine !== asked || document.activeElement !== box) return;  // somebody typed on, or went elsewhere
    list.innerHTML = found;
    const options = list.children;
    if (!options.length || (options.length === 1 && options[0].dataset.text === text)) return close();
    chosen = null;
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    box.removeAttribute("aria-activedescendant");
    said.textContent = options.length === 1 ? "1 suggestion" : `${options.length} suggestions`;
  }

  function choose(step) {
    hold();
    const options = [...list.children], at = options.indexOf(chosen);
    chosen?.setAttribute("aria-selected", "false");
    // beyond both ends lies what was typed
    chosen = options[at < 0 ? (step > 0 ? 0 : options.length - 1) : at + step] || null;
    if (!chosen) return box.removeAttribute("aria-activedescendant");
    chosen.setAttribute("aria-selected", "true");
    box.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  }

  function take(option) {
    const { begin, end } = word(), isWord = option.dataset.text.endsWith(":");
    const after = box.value.slice(end);
    const text = option.dataset.text + (isWord || after.startsWith(" ") ? "" : " ");
    box.value = box.value.slice(0, begin) + text + after;
    const caret = begin + text.length + (isWord || !after.startsWith(" ") ? 0 : 1);
    box.setSelectionRange(caret, caret);
    close();
    if (isWord) ask();
  }

  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const isOpen = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (isOpen) choose(event.key === "ArrowDown" ? 1 : -1);
      else ask(true);
    } else if (event.key === "Enter" && isOpen && chosen) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();  // else the box is emptied
      event.stopPropagation();
      close();
    } else if (event.key === "Tab" || event.key === "Enter") close();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());  // the keyboard stays in the box
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
  box.addEventListener("blur", close);
})();
