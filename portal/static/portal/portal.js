"use strict";
// Small conveniences. Every page works without them: what they do can also be done by hand.

// copy buttons: <button class="portal-copy" data-copy="text">
document.addEventListener("click", async (event) => {
  const button = event.target.closest(".portal-copy");
  if (!button) return;
  event.preventDefault();
  const label = button.dataset.label || (button.dataset.label = button.textContent);
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl+C";
    const field = document.createElement("input");
    field.value = button.dataset.copy;
    button.after(field);
    field.select();
  }
  setTimeout(() => (button.textContent = label), 2000);
});

// a form is sent once: the server knows a repeated wish by its id, the eye sees that the press was taken
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches(".portal-once")) return;
  for (const button of form.querySelectorAll("button[type=submit]")) {
    setTimeout(() => (button.disabled = true), 0);
  }
});

// many fields with a box each: what is filled in is ticked, what is unticked is emptied; the server takes it so, too
document.addEventListener("input", (event) => {
  const row = event.target.closest("[data-ticks] > .portal-bulk-field");
  if (!row) return;
  const box = row.querySelector(".portal-tick input");
  const field = row.querySelector(":scope > div:not(.portal-tick) :is(input, select, textarea)");
  if (event.target !== box) box.checked = box.checked || event.target.value.trim() !== "";
  else if (!box.checked && field) field.value = "";
});

// raw JSON is fetched when it is opened, once; what could not be loaded is fetched when it is opened again
document.addEventListener("toggle", async (event) => {
  const box = event.target;
  if (!box.matches || !box.matches("details[data-raw]") || !box.open || box.dataset.loaded) return;
  box.dataset.loaded = "1";
  const into = box.querySelector("div");
  into.textContent = "Loading …";
  const answer = await fetch(box.dataset.raw).catch(() => null);
  const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
  if (!text) delete box.dataset.loaded;
  // signed out: to load the page anew would take away what is typed on it
  if (answer?.redirected) into.innerHTML = '<p>You are signed out. <a class="portal-link" href="" target="_blank">Sign in</a> in another tab, then close this and open it again.</p>';
  else if (text) into.innerHTML = text;
  else into.textContent = answer?.status === 403 ? "You may not see raw events." : "This could not be loaded. Close it and open it again.";
}, true);

// what could not be fetched says so where it is awaited, and what was pressed can be pressed again; what asks time and
// again goes on asking
const failures = new WeakMap();
const isAct = (event) => event && event.type !== "intersect";
const failed = ({ detail: { requestConfig: { elt, verb, triggeringEvent }, target, xhr } }) => {
  if (elt.matches(".portal-once")) for (const button of elt.querySelectorAll("button[type=submit]")) button.disabled = false;
  const isPressed = isAct(triggeringEvent);
  const waits = isPressed ? null : elt.querySelector("p.portal-dim");
  if (elt.matches("datalist, [hx-trigger*=every]") || !(isPressed || waits || elt.matches("form:has(button)"))) return;
  const said = xhr.status ? `The portal could not do this (${xhr.status}).` : "The portal did not answer.";
  if (waits) {
    waits.setAttribute("role", "alert");
    waits.firstChild.textContent = `${said} Reload the page to try again. `;
    return;
  }
  const note = document.createElement("p");
  note.className = "portal-note portal-note-bad";
  note.setAttribute("role", "alert");
  note.textContent = `${said} ${verb === "get" ? "Try again." : "It may have been done all the same: look before you try again."}`;
  failures.get(elt)?.remove();
  failures.set(elt, note);
  if (target.contains(elt)) elt.after(note);
  else target.prepend(note);
};
for (const name of ["responseError", "sendError", "timeout"]) document.addEventListener(`htmx:${name}`, failed);
document.addEventListener("htmx:beforeSend", (event) => failures.get(event.target)?.remove());

// what asks while nobody presses a button and finds its person signed out says so, and takes no page away on which
// something may be typed
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { requestConfig: { triggeringEvent }, xhr } = event.detail;
  if (["click", "submit"].includes(triggeringEvent?.type) || !xhr.getResponseHeader("HX-Redirect")?.includes("/login/?")) return;
  event.preventDefault();
  if (document.querySelector("#portal-signed-out")) return;
  const note = document.createElement("p");
  note.id = "portal-signed-out";
  note.className = "portal-note portal-note-bad";
  note.setAttribute("role", "alert");
  note.innerHTML = 'You were signed out. <a class="portal-link" href="" target="_blank">Sign in</a> in another tab, copy what you typed here, and reload this page.';
  document.querySelector("#portal-main").prepend(note);
});

// while somebody reads an opened detail, the page does not swap itself under their eyes, nor by an answer that was on its
// way when they opened it; what they press there goes
const isRead = (part) => part.matches("#portal-live") && part.querySelector("details[open]");
document.addEventListener("htmx:beforeRequest", (event) => {
  if (isRead(event.target)) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (isRead(detail.requestConfig.elt)) detail.shouldSwap = false;
});

// who ticks a column of an export means those that are ticked
document.addEventListener("change", (event) => {
  if (event.target.matches(".portal-export-columns input")) event.target.form.querySelector("[name=which][value=chosen]").checked = true;
});

// parts of a page that are drawn anew by themselves keep what somebody has opened there, as they read it, and the keyboard
const whose = (box) => called(box.querySelector("summary"));
let read = [];
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const part = event.detail.target, at = document.activeElement;
  if (!part) return;
  for (const box of part.querySelectorAll("details[open]")) {
    box.dataset.whose = whose(box);  // it has no parent any more afterwards
    read.push(box);
  }
  if (part.contains(at)) held = called(at);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const old of read) {
    const anew = [...document.querySelectorAll("details")].find((box) => box !== old && whose(box) === old.dataset.whose);
    if (anew && !old.isConnected) anew.replaceWith(old);
  }
  read = [];
});

// a field whose choice comes while somebody types in it stays the text that it is
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig: { formData } } = detail;
  if (!target?.matches("[hx-include]")) return;
  for (const box of target.querySelectorAll("input")) {
    if (formData.has(box.name) && formData.get(box.name) !== box.value) detail.shouldSwap = false;
  }
});

// a part that is drawn anew leaves the keyboard where it was: on what is called the same there. Rows have buttons of one
// name: what has an id around it, or where it leads, tells them apart
const called = (one) => [
  one.closest("[id]")?.id, one.tagName, one.name || "", one.getAttribute("aria-label") || one.textContent,
  one.getAttribute("href") || one.getAttribute("hx-post") || one.form?.getAttribute("action") || "",
].join(" ");
let held = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const at = document.activeElement;
  if (at && at !== document.body && event.detail.shouldSwap && event.detail.target?.contains(at)) held = called(at);
});
document.addEventListener("htmx:afterSettle", () => {
  if (!held) return;
  const at = document.activeElement;
  const again = [...document.querySelectorAll("a, button, input, select, textarea, summary")].find((one) => called(one) === held);
  if ((!at || at === document.body) && again) again.focus({ preventScroll: true });
  held = "";
});

// how many of the live calls are picked
const tellPicked = () => {
  const button = document.querySelector("[data-picked]");
  if (!button) return;
  const count = document.querySelectorAll("input[form=portal-pick]:checked").length;
  button.textContent = count ? `${button.dataset.picked} (${count})` : button.dataset.picked;
  button.disabled = !count;
};
document.addEventListener("change", tellPicked);
document.addEventListener("DOMContentLoaded", tellPicked);
document.addEventListener("htmx:afterSettle", tellPicked);

// a list that was asked for anew while somebody types: its boxes act again, its filters keep what was typed
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "portal-results") return;
  const bar = document.querySelector("#changelist-actions-wrapper");
  if (bar && window.Alpine) {  // htmx settled its class and style as the server drew them
    window.Alpine.destroyTree(bar);
    window.Alpine.initTree(bar);
  }
  const parent = document.querySelector("#changelist-form");
  const boxes = parent ? parent.querySelectorAll("tr input.action-select") : [];
  if (boxes.length && window.Actions) window.Actions(boxes, { parent });
  const typed = document.querySelector("#searchbar")?.value || "";
  for (const link of document.querySelectorAll("#changelist-filter a[href^='?']")) {
    const query = new URLSearchParams(link.getAttribute("href"));
    if (typed) query.set("q", typed); else query.delete("q");
    link.setAttribute("href", `?${query}`);
  }
});

// how long a call has lasted, without asking the server
const tick = () => {
  for (const span of document.querySelectorAll("[data-since]")) {
    const all = Math.max(0, Math.floor(Date.now() / 1000) - Number(span.dataset.since));
    const parts = [Math.floor(all / 60) % 60, all % 60].map((part) => String(part).padStart(2, "0"));
    span.textContent = `${Math.floor(all / 3600)}:${parts.join(":")}`;
  }
};
setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);

// Django's box of two lists explains itself by a sign that nothing but its name would tell
window.addEventListener("load", () => setTimeout(() => {
  for (const sign of document.querySelectorAll(".help-tooltip[aria-label]")) sign.setAttribute("role", "img");
}, 0));
