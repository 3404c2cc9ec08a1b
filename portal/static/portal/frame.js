"use strict";
// The frame of every page. Without it the box is a form that leads to a page, and the bell and help are links.

(() => {
  const isTyping = (one) => one.closest("input, textarea, select, [contenteditable], .cm-editor") !== null;

  // what is found while somebody types; Enter leads to the page, or where the arrow keys have gone
  const search = () => document.querySelector("#portal-search");
  const found = () => document.querySelector("#portal-search-found");
  let asked = 0;
  let waiting;

  // no answer that is still to come changes what was found
  const hold = () => {
    asked += 1;
    clearTimeout(waiting);
  };

  const close = () => {
    hold();
    if (found()) found().hidden = true;
  };

  const ask = async () => {
    const box = search();
    const text = box.value.trim();
    const mine = (asked += 1);
    if (!text) return close();
    const answer = await fetch(`${box.dataset.found}&q=${encodeURIComponent(text)}`).catch(() => null);
    const drawn = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
    if (mine !== asked) return;  // somebody typed on
    found().innerHTML = drawn || "This could not be looked for now. Press Enter to try again.";
    found().hidden = false;
  };

  document.addEventListener("input", (event) => {
    if (event.target !== search()) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, 180);
  });

  document.addEventListener("keydown", (event) => {
    const box = event.target.closest && event.target.closest(".portal-search");
    if (!box) return;
    if (event.key === "Escape") {
      if (!found().hidden) event.preventDefault();  // else the box is emptied
      close();
      search().focus();
      return;
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const stops = [search(), ...(found().hidden ? [] : found().querySelectorAll("a"))];
    if (stops.length > 1) hold();  // it is gone through
    const at = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    stops[(at + stops.length) % stops.length].focus();
  });

  document.addEventListener("focusout", (event) => {
    const box = event.target.closest && event.target.closest(".portal-search");
    if (box && event.relatedTarget && !box.contains(event.relatedTarget)) close();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".portal-search")) close();
  });

  // keys that lead somewhere: Ctrl K, ?, and g with a letter
  let went = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      const box = search();
      if (!box) return;
      event.preventDefault();
      if (box.offsetParent) box.select();
      else location.assign(box.form.action);
      if (box.offsetParent) box.focus();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const keys = document.querySelector("#portal-keys");
    if (!keys) return;
    if (event.key === "?") {
      event.preventDefault();
      if (!keys.open) keys.showModal();
      return;
    }
    if (event.key === "g") {
      went = Date.now();
      return;
    }
    const place = Date.now() - went < 1500 && [...keys.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    went = 0;
    if (place) location.assign(place.dataset.to);
  });

  // the tabs of a page: all parts are there, one of them is shown. The address keeps which, for a reload and a link
  const tabs = ["settings", "numbers", "calls", "history"];
  const root = document.documentElement;
  const tab = new URLSearchParams(location.search).get("tab");
  root.dataset.tab = tabs.includes(tab) ? tab : "settings";
  if (location.hash.startsWith("#tab-")) history.replaceState(null, "", location.pathname + location.search);
  const mark = () => {
    for (const link of document.querySelectorAll(".portal-tabs [data-tab-to]")) {
      if (link.dataset.tabTo === root.dataset.tab) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-tab-to]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    root.dataset.tab = link.dataset.tabTo;
    const query = new URLSearchParams(location.search);
    query.set("tab", link.dataset.tabTo);
    history.replaceState(null, "", `${location.pathname}?${query}`);
    mark();
  });
  document.addEventListener("DOMContentLoaded", mark);
  // what is drawn in the place of what somebody pressed is where the keyboard goes on
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "portal-history" && event.detail.requestConfig.elt !== event.target) event.target.querySelector("h2")?.focus();
  });

  // what is changed and not saved yet is marked, and the button counts it
  const isChanged = (one) => {
    if (one.type === "checkbox") return one.checked !== one.defaultChecked;
    if (one.tagName === "SELECT") return [...one.options].some((option) => option.selected !== option.defaultSelected) && one.dataset.touched === "1";
    return one.value !== one.defaultValue;
  };
  const count = (event) => {
    const form = event.target.closest && event.target.closest("form.warn-unsaved-form");
    if (!form || !document.querySelector(".portal-tabs")) return;
    event.target.dataset.touched = "1";
    let changed = 0;
    for (const one of form.elements) {
      if (!one.matches("input:not([type=hidden]), select, textarea") || !one.name) continue;
      const row = one.closest(".field-line, .form-row") || one.parentElement;
      row.classList.toggle("portal-changed", isChanged(one));
      changed += isChanged(one) ? 1 : 0;
    }
    const save = document.querySelector("#submit-row [name=_save]");
    if (save) save.textContent = changed ? `Save ${changed} ${changed === 1 ? "change" : "changes"}` : "Save";
  };
  document.addEventListener("input", count);
  document.addEventListener("change", count);

  // what is cut in a list is told by the pointer
  document.addEventListener("mouseover", (event) => {
    const cell = event.target.closest("#result_list td, #result_list th");
    if (cell && !cell.title && cell.scrollWidth > cell.clientWidth) cell.title = cell.textContent.trim().replace(/\s+/g, " ");
  });

  // on a narrow page the chapters of the handbook are folded, for the text to come first
  document.addEventListener("DOMContentLoaded", () => {
    if (innerWidth < 1024) document.querySelector(".portal-book-names details")?.removeAttribute("open");
  });

  // the system turns dark or light while a page is open
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    const look = window.Alpine && window.Alpine.$data(document.documentElement);
    if (!look || look.adminTheme !== "auto") return;
    look.adminTheme = "";  // and back: Alpine asks the system anew
    look.adminTheme = "auto";
  });
})();
