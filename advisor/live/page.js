"use strict";
// Text from the model or a person is only ever set as text: nothing here makes HTML of it.
const part = (id) => document.getElementById(id);
const NAMES = { text: "Text", text_pair: "Second text", tokens: "Sentence" };
const LONGEST = 200;
let about = null;
let current = null;

// What acts unseen (controls, bidirectional marks) is written as its escape; joiners are left, which many scripts need.
function visible(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (letter) =>
    letter === "\u200c" || letter === "\u200d" || letter === "\n" ? letter
      : "\\u" + letter.codePointAt(0).toString(16).padStart(4, "0"));
}

function make(tag, text, values) {
  const found = Object.assign(document.createElement(tag), values || {});
  if (text !== undefined) found.textContent = text;
  return found;
}

function fail(problem, fix) {
  part("fault").textContent = problem ? `${problem} ${fix || ""}` : "";
  part("fault").hidden = !problem;
}

async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  let reply;
  try {
    reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  } catch {
    throw { problem: "The service does not answer.", fix: "Is it still running?" };
  }
  const found = await reply.json().catch(() => ({ problem: "The answer cannot be read.", fix: "" }));
  if (!reply.ok) throw { status: reply.status, ...found };
  return found;
}

async function begin() {
  try {
    about = await ask("about");
  } catch (error) {
    part("entry").hidden = error.status !== 401;
    part("about").textContent = error.status === 401 ? "This service asks for a token." : "";
    if (error.status !== 401 || sessionStorage.getItem("token")) fail(error.problem, error.fix);
    sessionStorage.removeItem("token");
    return;
  }
  fail();
  part("entry").hidden = true;
  part("about").textContent = visible(`${about.title}, answered by the ${about.way} way. What you ask and mark is kept in the run folder.`);
  part("fields").replaceChildren();
  for (const role of about.roles) {
    const name = role === "text" && about.roles.length > 1 ? "First text" : NAMES[role] || role;
    part("fields").append(
      make("label", name, { htmlFor: `field-${role}` }),
      make("textarea", "", { id: `field-${role}`, required: true, maxLength: about.limits.characters, dir: "auto" }));
  }
  part("ask").hidden = false;
  part(`field-${about.roles[0]}`).focus();
}

function say(found, row) {
  if (about.answered_by === "number") return String(Math.round(found * 1000) / 1000);
  if (about.answered_by === "spans") return row.words ? "Marked words" : "Tags";
  return Array.isArray(found) ? found.map(visible).join(", ") || "no label" : visible(found);
}

function percent(share) {
  return share > 0.99 && share < 1 ? "over 99 %" : share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(100 * share)} %`;
}

function show(found, row) {
  current = { ...found, row };
  part("found").hidden = false;
  part("answer").textContent = say(found.answer, row);
  part("sure").replaceChildren(found.confidence === null ? "" : `${percent(found.confidence)} sure`);
  if (about.answered_by === "spans") {
    part("sure").append(make("p", found.answer.map(visible).join(" "), { className: "words", dir: "auto" }));
  }
  const body = part("chances").tBodies[0];
  body.replaceChildren();
  const chances = Object.entries(found.probabilities).slice(0, 12);
  part("chances").hidden = !chances.length;
  for (const [label, chance] of chances) {
    const line = body.insertRow();
    line.append(make("th", visible(label), { scope: "row" }));
    line.insertCell().append(make("progress", undefined, { max: 1, value: chance, ariaLabel: visible(label) }));
    line.insertCell().textContent = percent(chance);
  }
  part("truth").hidden = true;
  part("truth").replaceChildren();
  part("right").disabled = part("wrong").disabled = false;
  part("kept").textContent = "";
  showNear();
}

async function showNear() {
  if (!part("near").open || !current || part("near").dataset.of === current.id) return;
  const id = current.id;
  part("near").dataset.of = id;
  part("rows").replaceChildren();
  part("why-none").textContent = "Reading the training rows …";
  let said = "";
  let rows = [];
  try {
    const found = await ask("nearest", { id });
    said = found.why_none;
    rows = found.rows;
  } catch (error) {
    said = `${error.problem} ${error.fix || ""}`;
  }
  if (current.id !== id) return; // another answer came in the meantime
  part("why-none").textContent = visible(said);
  for (const near of rows) {
    const line = make("li", undefined, { dir: "auto" });
    line.append(make("b", visible(near.answer)), ` (similarity ${near.similarity.toFixed(2)}): ${visible(near.text)}`);
    part("rows").append(line);
  }
}

function remember(what) {
  part("earlier").hidden = false;
  const first = Object.values(current.row.given).map((text) => visible(text).slice(0, LONGEST)).join(" ⇄ ");
  part("list").prepend(make("li", `${say(current.answer, current.row)}, ${what}: ${first}`));
  while (part("list").children.length > 20) part("list").lastChild.remove();
}

async function mark(right, truth) {
  try {
    await ask("mark", { id: current.id, right, ...(truth === undefined ? {} : { truth }) });
  } catch (error) {
    fail(error.problem, error.fix);
    return;
  }
  fail();
  part("right").disabled = part("wrong").disabled = true;
  part("truth").hidden = true;
  part("kept").textContent = "Kept. Thank you.";
  remember(right ? "marked right" : "marked wrong");
  part(`field-${about.roles[0]}`).focus();
}

function truthField() {
  if (about.answered_by === "label") {
    const choice = make("select", undefined, { id: "truth-field" });
    choice.append(make("option", "I do not know", { value: "" }));
    for (const label of about.labels) choice.append(make("option", visible(label), { value: label }));
    return { field: choice, read: () => choice.value || undefined };
  }
  if (about.answered_by === "labels") {
    const set = make("fieldset", undefined, { id: "truth-field" });
    set.append(make("legend", "All that hold"));
    for (const label of about.labels) {
      const line = make("label");
      line.append(make("input", undefined, { type: "checkbox", value: label, checked: current.answer.includes(label) }), " " + visible(label));
      set.append(line);
    }
    return { field: set, read: () => [...set.querySelectorAll("input:checked")].map((each) => each.value) };
  }
  const line = make("input", undefined, { id: "truth-field", type: about.answered_by === "number" ? "number" : "text", step: "any" });
  if (about.answered_by === "number") return { field: line, read: () => (line.value === "" ? undefined : Number(line.value)) };
  line.value = current.answer.join(" ");
  return { field: line, read: () => (line.value.trim() ? line.value.trim().split(/\s+/) : undefined) };
}

function askTruth() {
  const { field, read } = truthField();
  part("truth").replaceChildren(make("label", about.answered_by === "spans" ? "The right tags, one for each word" : "What would be right?", { htmlFor: "truth-field" }), field);
  const keep = make("button", "Keep", { type: "button" });
  keep.addEventListener("click", () => mark(false, read()));
  part("truth").append(keep);
  part("truth").hidden = false;
  field.focus();
}

part("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", part("token").value);
  begin();
});
part("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(about.roles.map((role) => [role, part(`field-${role}`).value]));
  const button = part("ask").querySelector("button");
  button.disabled = true;
  try {
    const { answers } = await ask("predict", { rows: [given] });
    fail();
    show(answers[0], { given });
  } catch (error) {
    fail(error.problem, error.fix);
  } finally {
    button.disabled = false;
  }
});
part("near").addEventListener("toggle", showNear);
part("right").addEventListener("click", () => mark(true));
part("wrong").addEventListener("click", askTruth);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    part("ask").requestSubmit();
    return;
  }
  const typing = event.target.closest("input, textarea, select");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || part("found").hidden) return;
  const button = { r: part("right"), w: part("wrong"), n: part("near").firstElementChild }[event.key];
  if (!button || button.disabled) return;
  event.preventDefault(); // or the key would be typed into the field that gets the focus
  button.click();
});
begin();
