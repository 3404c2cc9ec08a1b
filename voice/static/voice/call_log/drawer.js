"use strict";
// The drawer: what a call's page says first, beside the list. Without scripts each row is a link to that page.

(() => {
  const log = document.querySelector(".log");
  const drawer = log?.querySelector("[data-drawer]");
  if (!drawer) return;
  const body = drawer.querySelector(".log-drawer-body"), page = drawer.querySelector("[data-beside-page]");
  const link = (row) => row.querySelector(".log-open");
  let here = null, asked = 0;

  async function show(row) {
    if (!row) return;
    here?.classList.remove("log-beside");
    here = row;
    row.classList.add("log-beside");
    row.scrollIntoView({ block: "nearest" });
    page.href = link(row).href;
    if (!drawer.open) drawer.showModal();  // it keeps the keyboard until it is closed
    const mine = ++asked;
    body.setAttribute("aria-busy", "true");
    const answer = await fetch(page.href.replace(/change\/$/, "drawer/")).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
    if (mine !== asked) return;  // somebody went on meanwhile
    body.innerHTML = text || '<h2 id="log-beside-title">This could not be loaded</h2><p>Open the page of the call instead.</p>';
    // the story stands on the page
    for (const one of body.querySelectorAll('a[href^="#"]')) one.href = `${page.href}${one.getAttribute("href")}`;
    body.removeAttribute("aria-busy");
    body.scrollTop = 0;
  }

  function go(step) {
    const all = [...log.querySelectorAll(".log-row:not([hidden])")];
    show(all[all.indexOf(here) + step]);
  }

  log.addEventListener("log-beside", (event) => show(event.target));
  drawer.addEventListener("click", (event) => {
    const step = event.target.closest("[data-beside]")?.dataset.beside;
    if (step === "0" || event.target === drawer) drawer.close();
    else if (step) go(Number(step));
  });
  drawer.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const act = { "]": () => go(1), "[": () => go(-1), o: () => drawer.close() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  drawer.addEventListener("close", () => {
    asked += 1;
    here?.classList.remove("log-beside");
    if (here) link(here).focus();
  });
})();
