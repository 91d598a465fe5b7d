import { call, make, post } from "./common.js";

// An act is kept in this browser, under an id of its own, until the server has said that it is written. It is sent again
// after any interruption; the server counts each id once. One act is under way at a time.
const PENDING = "kg-review-act:";
const RETRY = 1000; // milliseconds
const SCALE = Object.fromEntries([...document.querySelectorAll("#scale button")].map((b) => [b.dataset.label, b.lastElementChild.textContent]));
const $ = (id) => document.getElementById(id);
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
let reviewer = "";
let card = null;
let progress = null;
let busy = false;

// --- to and from the server ------------------------------------------------------------------------------------------

/** What `ask` answers, asked again while the server is away. A refusal is thrown. */
async function insist(ask, meanwhile) {
  for (;;) {
    try {
      return await ask();
    } catch (problem) {
      if (problem.status && problem.status < 500) throw problem;
      say(meanwhile, true);
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
}

async function deliver(act) {
  localStorage.setItem(PENDING + act.id, JSON.stringify({ run: progress.run, act }));
  try {
    return await insist(() => post("/review/acts", act), "The server cannot be reached. What you said is kept here and will be sent.");
  } finally {
    localStorage.removeItem(PENDING + act.id); // written, or refused
  }
}

/** Sends what an earlier visit of this page could not. */
async function deliverOld() {
  for (const key of Object.keys(localStorage).filter((k) => k.startsWith(PENDING))) {
    const { run, act } = JSON.parse(localStorage.getItem(key));
    if (run === progress.run) show(await deliver(act), act.reviewer === reviewer);
  }
}

/** Does one thing at a time: keys that are pressed meanwhile are not taken. */
async function alone(work) {
  if (busy) return;
  busy = true;
  $("error").hidden = true;
  try {
    await work();
  } catch (problem) {
    $("error").textContent = problem.message;
    $("error").hidden = false;
  }
  busy = false;
}

// --- what a reviewer does --------------------------------------------------------------------------------------------

function act(kind, triple_id, more = {}) {
  return { id: crypto.randomUUID(), reviewer, kind, triple_id, ...more };
}

function label(value) {
  if (card === null) return;
  alone(async () => {
    const marks = { outdated: $("outdated").checked, offensive: $("offensive").checked };
    const button = document.querySelector(`#scale [data-label="${value}"]`);
    button.classList.add("chosen");
    const tail = card.tail;
    try {
      show(await deliver(act("label", card.triple_id, { label: value, ...marks })));
      say(`${value}, ${SCALE[value]}: “${tail}”`);
    } finally {
      button.classList.remove("chosen");
    }
  });
}

function skip() {
  if (card !== null) alone(async () => {
    show(await deliver(act("skip", card.triple_id)));
    say("Skipped.");
  });
}

function undo() {
  const last = progress?.last;
  if (last) alone(async () => {
    show(await deliver(act("undo", last.triple_id, { undoes: last.id })));
    say(last.kind === "skip" ? "The skip is undone." : `Your ${last.label} is undone.`);
  });
}

// --- what a reviewer sees --------------------------------------------------------------------------------------------

function show(answer, isOwn = true) {
  if (!isOwn) return;
  ({ card, progress } = answer);
  $("run").textContent = `Run ${progress.run}`;
  $("name").textContent = progress.reviewer;
  $("counts").textContent = `${count(progress.mine, "label")} of yours, ${progress.all.toLocaleString("en")} in all, ${progress.left.toLocaleString("en")} to go`;
  $("bar").max = Math.max(progress.all + progress.left, 1);
  $("bar").value = progress.all;
  for (const id of ["undo", "undo-done"]) $(id).disabled = !progress.last;
  $("who").hidden = $("bar").hidden = false;
  $("enter").hidden = true;
  $("card").hidden = card === null;
  $("done").hidden = card !== null;
  if (card) showCard();
}

function showCard() {
  $("denied").hidden = !card.denied;
  $("head").textContent = card.head;
  $("join").textContent = `${card.join.startsWith(",") ? "" : " "}${card.join} `;
  $("tail").textContent = card.tail;
  $("subject").textContent = card.subject.join("  ·  ");
  $("outdated").checked = $("offensive").checked = false;
  const e = card.excerpt;
  $("source").hidden = !e;
  if (e) {
    $("asked").textContent = e.question;
    $("answer").replaceChildren(
      make("span", { className: "around" }, e.before), e.begin, make("mark", {}, e.marked), e.end,
      make("span", { className: "around" }, e.after),
    );
    $("teacher").textContent = `answer of ${e.teacher}`;
  }
  $("sentence").focus({ preventScroll: true });
}

function say(text, waiting = false) {
  $("status").textContent = text;
  $("status").classList.toggle("waiting", waiting);
}

// --- start -----------------------------------------------------------------------------------------------------------

function enter(name) {
  alone(async () => {
    reviewer = name;
    say("");
    show(await insist(() => call(`/review/next?${new URLSearchParams({ reviewer })}`), "The server cannot be reached."));
    reviewer = progress.reviewer; // as the server writes it
    localStorage.setItem("kg-reviewer", reviewer);
    history.replaceState(null, "", `?${new URLSearchParams({ reviewer })}`);
    await deliverOld();
    say("");
  });
}

function askName() {
  card = progress = null;
  $("card").hidden = $("done").hidden = $("who").hidden = $("bar").hidden = true;
  $("enter").hidden = false;
  $("reviewer").value = localStorage.getItem("kg-reviewer") ?? "";
  $("reviewer").focus();
  $("reviewer").select();
}

const KEYS = { o: () => $("outdated").click(), f: () => $("offensive").click(), s: skip, u: undo, backspace: undo };

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=checkbox])") || event.repeat || event.altKey) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") undo();
    return;
  }
  if (key in SCALE) label(Number(key));
  else if (key in KEYS) KEYS[key]();
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll("#scale button")) {
  button.addEventListener("click", () => label(Number(button.dataset.label)));
}
$("skip").addEventListener("click", skip);
for (const id of ["undo", "undo-done"]) $(id).addEventListener("click", undo);
$("change").addEventListener("click", () => { if (!busy) askName(); });
$("enter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("reviewer").value);
});

const given = new URLSearchParams(location.search).get("reviewer");
if (given) enter(given);
else askName();
