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

// raw JSON is fetched when it is opened, once
document.addEventListener("toggle", async (event) => {
  const box = event.target;
  if (!box.matches || !box.matches("details[data-raw]") || !box.open || box.dataset.loaded) return;
  box.dataset.loaded = "1";
  const into = box.querySelector("div");
  into.textContent = "Loading …";
  const answer = await fetch(box.dataset.raw);
  if (answer.ok) into.innerHTML = await answer.text();
  else into.textContent = answer.status === 403 ? "You may not see raw events." : "This could not be loaded. Try again.";
}, true);

// while somebody reads an opened detail, the page is not swapped under their eyes
document.addEventListener("htmx:beforeRequest", (event) => {
  const live = event.target.closest("#portal-live");
  if (live && live.querySelector("details[open]")) event.preventDefault();
});
