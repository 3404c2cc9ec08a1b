"use strict";
// The call log by keyboard. Without scripts each row is a link, each filter opens, and a session has its own page.

(() => {
  const log = document.querySelector(".log");
  if (!log) return;
  const rows = () => [...log.querySelectorAll(".log-row:not([hidden])")];
  const open = (row) => row?.querySelector(".log-open");

  log.addEventListener("click", (event) => {
    const button = event.target.closest(".log-legs");
    if (button) toggle(button);
    if (event.target.closest(".log-peek")) beside(event.target.closest(".log-row"));
  });

  function toggle(button) {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    for (const leg of button.closest("tbody").querySelectorAll(".log-leg")) leg.hidden = isOpen;
  }

  // one filter at a time; a click elsewhere or Esc closes it
  document.addEventListener("click", (event) => {
    for (const box of log.querySelectorAll("details.log-filter[open]")) if (!box.contains(event.target)) box.open = false;
  });

  // picking: what is picked is a form; the button tells how many
  const boxes = () => [...log.querySelectorAll("td.log-pick input")];
  function tell() {
    const button = log.querySelector(".log-many-picked"), count = boxes().filter((box) => box.checked).length;
    if (button) button.textContent = `Do with ${count} picked …`;
  }
  log.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const box of boxes()) box.checked = event.target.checked && !box.closest(".log-leg");
    if (event.target.closest(".log-pick")) tell();
  });
  function pick(row) {
    const box = row?.querySelector(".log-pick input");
    if (!box) return;
    box.checked = !box.checked;
    tell();
  }
  // what is written on the page of a call: the note, the tag
  function write(row, field) {
    if (row) location.assign(`${open(row).href}#${field}`);
  }

  // drawer.js shows it
  function beside(row) {
    row?.dispatchEvent(new CustomEvent("log-beside", { bubbles: true }));
  }

  // on a phone the filters lie in a row that scrolls: one that is half in sight comes whole
  log.querySelector(".log-bar").addEventListener("focusin", (event) => {
    event.target.closest("summary")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  function move(step) {
    const all = rows();
    const here = all.indexOf(document.activeElement?.closest(".log-row"));
    const next = all[here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1)];
    open(next)?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  // Live: what is newer slides in while the list is at its top; further down it is told, and waits
  const watch = log.querySelector(".log-watch");
  const results = () => log.querySelector("#log-results");
  const told = log.querySelector("#log-said"), signedOut = "You are signed out";
  const isBusy = () => scrollY > 40 || log.querySelector("details[open], dialog[open], td.log-pick input:checked")
    || results().contains(document.activeElement);
  if (watch) {
    watch.hidden = false;
    watch.addEventListener("click", () => setWatched(watch.getAttribute("aria-pressed") !== "true"));
    setWatched(sessionStorage.getItem("call-log-live") === "on");
    setInterval(look, 5000);
  }
  function setWatched(isOn) {
    watch.setAttribute("aria-pressed", String(isOn));
    sessionStorage.setItem("call-log-live", isOn ? "on" : "off");
  }
  async function look() {
    if (watch.getAttribute("aria-pressed") !== "true" || document.visibilityState !== "visible") return;
    const box = results();
    const answer = await fetch(`${box.dataset.newer}&since=${encodeURIComponent(box.dataset.newest)}`).catch(() => null);
    if (answer?.redirected) return leave();
    if (answer?.ok && told.textContent === signedOut) told.textContent = "";
    const newer = answer?.ok ? (await answer.json().catch(() => ({}))).newer : null;
    if (newer && isBusy()) told.textContent = `${newer > 99 ? "99+" : newer} new`;
    else if (newer || (!isBusy() && box.querySelector(".log-alive"))) await renew();
  }
  // the list would stand still without a word; what is picked, opened or typed is not taken away
  function leave() {
    const box = log.querySelector("#searchbar");
    if (isBusy() || box.value !== box.defaultValue) told.textContent = signedOut;
    else location.reload();
  }
  async function renew() {
    const answer = await fetch(location.href).catch(() => null);
    const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text().catch(() => ""), "text/html").querySelector("#log-results");
    if (!fresh || isBusy()) return;  // picked, opened or gone into meanwhile: the next look says how many are new
    results().replaceWith(document.adoptNode(fresh));
    told.textContent = "";
  }

  const keys = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
    l: (row) => row && row.closest("tbody").querySelector(".log-legs") && toggle(row.closest("tbody").querySelector(".log-legs")),
    o: beside, " ": beside, x: pick,
    n: (row) => write(row, "note-text"), t: (row) => write(row, "tag-name"),
    e: () => log.querySelector("[data-export]")?.click(),
    f: () => log.querySelector(".log-bar summary")?.focus(),
    "/": () => { const box = log.querySelector("#searchbar"); box.focus(); box.select(); },
  };
  // c, then what: the session, the leg, the number of the other party, the link
  const copied = {
    s: (row) => row.dataset.session,
    l: (row) => row.dataset.leg,
    n: (row) => row.querySelector(row.dataset.way === "outgoing" ? ".log-to" : ".log-from").textContent.trim(),
    u: (row) => open(row).href,
  };
  let isCopying = false, led = 0;
  async function copy(row, key) {
    isCopying = false;
    const text = row && copied[key] ? copied[key](row) : "";
    let said = text ? "Copied" : "";
    if (text) await navigator.clipboard.writeText(text).catch(() => { said = text; });
    log.querySelector("#log-said").textContent = said ? `${said}${said === "Copied" ? `: ${text}` : ""}` : "";
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const box = log.querySelector("details.log-filter[open]");
      if (box) { box.open = false; box.querySelector("summary").focus(); }
      return;
    }
    if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    const isLed = Date.now() - led < 1500;  // by g, and this letter says where to
    led = event.key === "g" ? Date.now() : 0;
    if (isLed) return;
    const row = document.activeElement?.closest(".log-row");
    if (isCopying && copied[event.key]) { event.preventDefault(); copy(row, event.key); return; }
    isCopying = event.key === "c" && Boolean(row);
    if (isCopying) log.querySelector("#log-said").textContent = "Copy: s session, l leg, n number, u link";
    const act = keys[event.key];
    if (!act || (event.key.startsWith("Arrow") && !event.target.closest(".log-table"))) return;
    if (event.key === " " && !event.target.closest(".log-open")) return;  // it presses buttons, and scrolls
    event.preventDefault();
    act(row);
  });
})();
