// A call in words: each step is posted with all before it, so the server keeps nothing and the text may change meanwhile.

const LABELS = { press: ["Keys", "Press"], say: ["Words", "Say"] };

// `ask(steps)` answers with {steps: [{do, lines}], choices, problem, heard}, or throws an error for the person; so does
// `keep(name, steps, heard)`, with {problem, said}, where a try can be kept as a test case: `keeping` then asks for its
// name. `heard` names what is shown: the text, or another document, may say something else by then.
export function conversation(ask, keep, { talk, problem, choices, keeping, said }) {
  let steps = [];
  let shown = [];
  let heard = "";
  let newest = 0;

  const go = async (wanted) => {
    const mine = (newest += 1);
    let told;
    try {
      told = await ask(wanted);
    } catch (error) {
      if (mine === newest) problem.textContent = error.message;
      return;
    }
    if (mine !== newest) return; // an older answer: its steps are not the ones that were pressed last
    steps = told.steps.slice(1).map((step) => step.do); // the first one is the call itself
    heard = told.heard;
    problem.textContent = told.problem;
    write(told.steps);
    offer(told.choices);
    if (keeping) [keeping.hidden, said.textContent] = [false, ""];
    choices.querySelector("input, button").focus();
  };

  // Only what is new is added: that is read aloud.
  const write = (all) => {
    const same = shown.every((step, at) => JSON.stringify(step) === JSON.stringify(all[at]));
    if (!same) talk.replaceChildren();
    const added = all.slice(same ? shown.length : 0);
    talk.append(...added.flatMap((step) => [
      ...(step.do === "call" ? [] : [paragraph(step.do, "portal-texml-step")]),
      ...step.lines.map((line) => paragraph(line, "")),
    ]));
    shown = all;
    talk.hidden = false;
    talk.scrollTop = talk.scrollHeight;
  };

  const offer = (possible) => {
    const parts = possible.map((choice) => (choice.endsWith(" …") ? asked(choice.slice(0, -2)) : button(choice, () => go([...steps, choice]))));
    const again = [button(shown.length ? "Call again" : "Call", () => go([]))];
    if (shown.length && steps.length) again.push(button("One step back", () => go(steps.slice(0, -1))));
    choices.replaceChildren(...parts, ...again);
  };

  const asked = (word) => {
    const [label, act] = LABELS[word];
    const box = document.createElement("span");
    box.className = "portal-copyline";
    const input = document.createElement("input");
    input.className = "portal-input portal-texml-keyed";
    input.setAttribute("aria-label", label);
    input.autocomplete = "off";
    const send = () => go([...steps, `${word} ${input.value}`]);
    onEnter(input, send);
    box.append(input, button(act, send));
    return box;
  };

  offer([]);
  if (!keeping) return;
  const name = keeping.querySelector("input");
  const keepIt = async () => {
    try {
      const told = await keep(name.value, steps, heard);
      [problem.textContent, said.textContent] = [told.problem, told.said ?? ""];
      if (!told.problem) name.value = "";
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  onEnter(name, keepIt);
  keeping.querySelector("button").addEventListener("click", keepIt);
}

// Enter in a field of the panel does what its button does, and does not send the form around it.
function onEnter(input, act) {
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    act();
  });
}

function paragraph(text, name) {
  const one = document.createElement("p");
  one.className = name;
  one.textContent = text;
  return one;
}

function button(label, act) {
  const one = document.createElement("button");
  one.type = "button";
  one.className = "portal-button portal-small";
  one.textContent = `${label[0].toUpperCase()}${label.slice(1)}`;
  one.addEventListener("click", act);
  return one;
}
