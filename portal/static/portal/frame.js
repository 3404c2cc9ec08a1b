"use strict";
// The frame of every page. Without it the box is a form that leads to a page, and the bell and help are links.

(() => {
  const isTyping = (one) => one.closest("input, textarea, select, [contenteditable], .cm-editor") !== null;

  // what is found while somebody types; Enter leads to the page, or where the arrow keys have gone
  const search = () => document.querySelector("#portal-search");
  const found = () => document.querySelector("#portal-search-found");
  let asked = 0;
  let waiting;

  const close = () => {
    asked += 1;
    clearTimeout(waiting);
    if (found()) found().hidden = true;
  };

  const ask = async () => {
    const box = search();
    const text = box.value.trim();
    const mine = (asked += 1);
    if (!text) return close();
    const answer = await fetch(`${box.dataset.found}&q=${encodeURIComponent(text)}`).catch(() => null);
    if (mine !== asked) return;  // somebody typed on
    if (answer && answer.ok && !answer.redirected) found().innerHTML = await answer.text();
    else found().textContent = "This could not be looked for now. Press Enter to try again.";
    if (mine === asked) found().hidden = false;
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
      close();
      search().focus();
      return;
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const stops = [search(), ...(found().hidden ? [] : found().querySelectorAll("a"))];
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

  // on a narrow page the chapters of the handbook are folded, for the text to come first
  document.addEventListener("DOMContentLoaded", () => {
    if (innerWidth < 1024) document.querySelector(".portal-book-names details")?.removeAttribute("open");
  });
})();
