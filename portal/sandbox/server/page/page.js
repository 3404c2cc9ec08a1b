"use strict";
// What the page shows comes from the control addresses, and everything from outside is shown as text.
const at = (id) => document.getElementById(id);
let chosen = null, last = 0, lines = [], round = 0, paused = false;

at("world").value = sessionStorage.getItem("world") || "";

async function ask(method, path, body) {
  const world = at("world").value.trim();
  const headers = world ? { authorization: `Bearer KEY-world-${world}` } : { authorization: "Bearer KEY" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.errors.map((error) => error.detail).join(" "));
  return content;
}

function attempt(run) {
  return async (event) => {
    if (event) event.preventDefault();
    try {
      at("problem").textContent = "";
      await run(event);
      await showCalls();
    } catch (error) {
      at("problem").textContent = error.message;
    }
  };
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function option(value, text) {
  const made = element("option", text);
  made.value = value;
  return made;
}

const path = (call) => `/sandbox/calls/${encodeURIComponent(call.call_control_id)}`;

async function showCalls() {
  const before = chosen;
  const [{ calls }, clock] = await Promise.all([ask("GET", "/sandbox/calls"), ask("GET", "/sandbox/clock")]);
  paused = clock.paused;
  at("clock").textContent = `${clock.now.slice(0, 19).replace("T", " ")} UTC${paused ? ", standing" : ""}`;
  at("pause").textContent = paused ? "Let the clock go on" : "Pause the clock";
  const held = document.activeElement && document.activeElement.dataset.call;
  at("calls").replaceChildren(...calls.slice(0, 30).map(showCall));
  at("no-calls").hidden = calls.length > 0;
  if (held) document.querySelector(`[data-call="${CSS.escape(held)}"]`)?.focus();
  const found = calls.find((call) => chosen && call.call_control_id === chosen.call_control_id);
  if (found || chosen === before) chosen = found || null; // a list that is older than the choice says nothing of it
  showPerson();
}

function showCall(call) {
  const button = element("button");
  button.type = "button";
  button.dataset.call = call.call_control_id;
  button.setAttribute("aria-pressed", String(Boolean(chosen && chosen.call_control_id === call.call_control_id)));
  button.append(element("span", `${call.from} → ${call.to}`), element("span", call.state, call.ended ? "state" : "state alive"));
  button.append(element("small", call.ended ? `${call.direction}, ${call.hangup_cause}` : call.direction));
  button.addEventListener("click", () => {
    chosen = call;
    for (const other of at("calls").querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    showPerson();
    showLedger();
  });
  const item = element("li");
  item.append(button);
  return item;
}

function showPerson() {
  const talks = Boolean(chosen && !chosen.ended && chosen.state !== "ringing");
  const rings = Boolean(chosen && chosen.state === "ringing" && chosen.direction === "outgoing");
  at("who").textContent = chosen
    ? `${chosen.direction === "incoming" ? chosen.from : chosen.to}, ${chosen.state}`
    : "Choose a call.";
  for (const button of document.querySelectorAll("#pad button, #say button, [data-do=hold], [data-do=unhold]")) button.disabled = !talks;
  document.querySelector("[data-do=answer]").disabled = !rings;
  document.querySelector("[data-do=hangup]").disabled = !chosen || chosen.ended;
}

const press = (key) => attempt(() => ask("POST", `${path(chosen)}/press`, { keys: key }))();
for (const key of "123456789*0#") {
  const button = element("button", key);
  button.type = "button";
  button.addEventListener("click", () => press(key));
  at("pad").append(button);
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (!typing && chosen && !chosen.ended && chosen.state !== "ringing" && /^[0-9*#]$/.test(event.key)) press(event.key);
});
for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", attempt(() => {
    const what = button.dataset.do;
    if (what === "hold" || what === "unhold") return ask("POST", `${path(chosen)}/hold`, { on: what === "hold" });
    return ask("POST", `${path(chosen)}/${what}`, {});
  }));
}
at("say").addEventListener("submit", attempt(async () => {
  await ask("POST", `${path(chosen)}/say`, { text: at("say").elements.text.value });
  at("say").reset();
}));
at("ring").addEventListener("submit", attempt(async () => {
  const body = {};
  for (const [name, value] of new FormData(at("ring"))) if (value) body[name] = value;
  if (!body.scenario) body.steps = [];
  chosen = await ask("POST", "/sandbox/calls", body);
}));
at("pause").addEventListener("click", attempt(() => ask("POST", "/sandbox/clock", { paused: !paused })));
at("advance").addEventListener("click", attempt(() => ask("POST", "/sandbox/clock/advance", { seconds: 10 })));
at("world").addEventListener("change", () => {
  sessionStorage.setItem("world", at("world").value.trim());
  start();
});
at("kind").addEventListener("change", showLedger);
at("only").addEventListener("change", showLedger);

function words(kind, line) {
  if (kind === "requests") return `${line.method} ${line.path} → ${line.fault || line.status}`;
  if (kind === "commands") return `${line.action}, ${line.outcome}`;
  if (kind === "deliveries") return `${line.event_type} → ${line.url}: ${line.status || line.error}`;
  if (kind === "streams") return `${line.event_type} ${line.url}${told(line)}`;
  return line.line;
}

function told({ event_type: what, why, detail, sent, received: { seconds, marks } }) {
  const said = why || detail, counted = ` (frames sent: ${sent}, seconds heard: ${seconds.toFixed(1)}, marks: ${marks.length})`;
  return `${said ? `: ${said}` : ""}${what === "failed" ? "" : counted}`;
}

function isBad(kind, line) {
  if (kind === "streams") return line.event_type === "failed" || line.event_type === "error";
  return (kind === "requests" || kind === "deliveries") && (line.status === null || line.status >= 300);
}

function showLedger() {
  const kind = at("kind").value, only = at("only").checked && chosen ? chosen.call_control_id : "";
  const shown = lines.filter((one) => (!kind || one.kind === kind) && (!only || one.line.call_control_id === only));
  at("ledger").replaceChildren(...shown.slice(0, 200).map(({ kind: of, line }) => {
    const item = element("li");
    item.append(element("time", line.at.slice(11, 23)), element("span", of), element("span", words(of, line), isBad(of, line) ? "words bad" : "words"));
    return item;
  }));
}

async function showFaults() {
  const { faults } = await ask("GET", "/sandbox/faults");
  at("faults").replaceChildren(...faults.map((fault) => {
    const times = fault.times === null ? "until deleted" : `${fault.times} ×`;
    return element("li", `${fault.fault} ${fault.code || ""} ${fault.method || ""} ${fault.path || "everything"}, ${times}`);
  }));
}
at("fault").addEventListener("submit", attempt(async () => {
  const { fault, path: where, code, times } = Object.fromEntries(new FormData(at("fault")));
  const body = { fault, path: where, times: times ? Number(times) : null };
  await ask("POST", "/sandbox/faults", code ? { ...body, code } : body);
  await showFaults();
}));
at("mend").addEventListener("click", attempt(async () => {
  await ask("DELETE", "/sandbox/faults");
  await showFaults();
}));

async function showForms() {
  const [scenarios, { applications }] = await Promise.all([ask("GET", "/sandbox/scenarios"), ask("GET", "/sandbox/applications")]);
  at("ring").elements.connection_id.replaceChildren(...applications.map((one) => option(one.id, one.name)));
  at("ring").elements.scenario.replaceChildren(option("", "does what this page says"),
    ...Object.entries(scenarios).map(([name, summary]) => option(name, `${name}: ${summary}`)));
}

async function follow(mine) {
  while (mine === round) {
    try {
      const found = await ask("GET", `/sandbox/ledger?since=${last}&wait=20&limit=200`);
      if (mine !== round) return;
      last = found.last;
      const news = ["requests", "commands", "deliveries", "documents", "streams"].flatMap((kind) => found[kind].map((line) => ({ kind, line })));
      lines = [...lines, ...news].sort((one, other) => (one.line.at < other.line.at ? 1 : -1)).slice(0, 1000);
      showLedger();
      await Promise.all([showCalls(), showFaults()]);
      if (news.some(({ kind, line }) => kind === "requests" && line.path.endsWith("_applications") && line.method !== "GET")) await showForms();
    } catch (error) {
      at("problem").textContent = `The sandbox does not answer. ${error.message}`;
    }
    await new Promise((done) => setTimeout(done, 500));
  }
}

async function start() {
  round += 1;
  [chosen, last, lines] = [null, 0, []];
  await attempt(() => Promise.all([showForms(), showFaults()]))();
  showLedger();
  follow(round);
}
setInterval(() => { if (!document.hidden) showCalls().catch(() => {}); }, 2000);
start();
