import { call, listQuestions, make, onSubmit, post } from "./common.js";

const NAMESPACES = {
  "https://w3id.org/distilkg/ns#": "kg:",
  "https://w3id.org/distilkg/node/": "node:",
  "https://w3id.org/distilkg/edge/": "edge:",
  "https://w3id.org/distilkg/run/": "run:",
  "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf:",
  "http://www.w3.org/2000/01/rdf-schema#": "rdfs:",
  "http://www.w3.org/2002/07/owl#": "owl:",
  "http://www.w3.org/2004/02/skos/core#": "skos:",
};
const SPARQL = { "Content-Type": "application/sparql-query", Accept: "application/sparql-results+json, application/n-triples" };
const $ = (id) => document.getElementById(id);
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// --- ask -------------------------------------------------------------------------------------------------------------

const texts = {}; // language -> what was last in the box

function language() {
  return document.querySelector("input[name=language]:checked").value;
}

async function startAsking() {
  const questions = await listQuestions($("example"));
  const example = () => questions[$("example").value].filled[language()];
  const show = () => { $("query").value = texts[language()] ?? example(); };
  for (const radio of document.querySelectorAll("input[name=language]")) radio.addEventListener("change", show);
  $("example").addEventListener("change", () => {
    for (const name of Object.keys(texts)) delete texts[name];
    show();
  });
  show();
  $("query").addEventListener("input", () => { texts[language()] = $("query").value; });
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
  });
}

async function ask() {
  $("rows").hidden = true;
  const query = $("query").value;
  const answer = language() === "cypher" ? await askCypher(query) : await askSparql(query);
  $("rows").replaceChildren(answer.element);
  $("rows").hidden = false;
  return answer.said;
}

async function askCypher(query) {
  const { columns, rows, truncated } = await post("/cypher", { query });
  return { element: table(columns, rows.map((row) => row.map(cell))), said: count(rows.length, "row") + (truncated ? " (the rest was cut off)" : "") };
}

async function askSparql(query) {
  const answer = await call("/sparql", { method: "POST", headers: SPARQL, body: query });
  if (typeof answer === "string") return { element: make("pre", {}, answer), said: count(answer.split("\n").length - 1, "triple") };
  if ("boolean" in answer) return { element: table(["answer"], [[cell(answer.boolean)]]), said: "Answered" };
  const columns = answer.head.vars;
  const rows = answer.results.bindings.map((binding) => columns.map((name) => term(binding[name])));
  return { element: table(columns, rows), said: count(rows.length, "row") };
}

function table(columns, rows) {
  if (!rows.length) return make("p", { className: "note" }, "No rows.");
  return make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells))),
  );
}

/** A table cell with a value of Cypher: nodes show their text, and all of them on hovering. */
function cell(value) {
  if (value === null) return make("td", { className: "muted" }, "null");
  if (typeof value === "number") return make("td", { className: "number" }, Number.isInteger(value) ? String(value) : value.toPrecision(4));
  if (typeof value !== "object") return make("td", { dir: "auto" }, String(value));
  const whole = JSON.stringify(value);
  const text = value.properties?.text ?? value.properties?.relation;
  return text ? make("td", { dir: "auto", title: whole }, String(text)) : make("td", {}, make("code", {}, whole));
}

/** A table cell with an RDF term. */
function term(binding) {
  if (!binding) return make("td", {}, "");
  if (binding.type === "triple") return make("td", {}, make("code", {}, JSON.stringify(binding.value)));
  if (binding.type === "uri") return make("td", { title: binding.value }, shorten(binding.value));
  const isNumber = /#(integer|decimal|double|float|int|long)$/.test(binding.datatype ?? "");
  return isNumber ? cell(Number(binding.value)) : make("td", { dir: "auto", title: binding.datatype ?? "" }, binding.value);
}

function shorten(iri) {
  const base = Object.keys(NAMESPACES).find((namespace) => iri.startsWith(namespace));
  return base ? NAMESPACES[base] + iri.slice(base.length) : iri;
}

// --- complete --------------------------------------------------------------------------------------------------------

async function startCompleting() {
  call("/health").then((health) => { $("run").textContent = `Serving the run ${health.run.message}.`; }, () => {});
  const { relations } = await call("/v1/relations");
  const options = relations.map((r) => make("option", { value: r.name, title: r.question }, `${r.name} — ${r.phrase}`));
  $("relation").replaceChildren(...options);
  $("relation").value = relations.some((r) => r.name === "xWant") ? "xWant" : relations[0].name;
}

async function complete() {
  $("tails").hidden = $("note").hidden = true;
  const answer = await post("/v1/complete", {
    head: $("head").value, relation: $("relation").value, k: $("k").valueAsNumber, new_only: $("new-only").checked,
  });
  const rows = answer.completions.map((c) => [
    make("td", { dir: "auto" }, c.tail),
    make("td", { className: "nowrap" }, make("meter", { value: c.score, ariaHidden: "true" }), c.score.toFixed(3)),
    make("td", {}, ...Object.entries(c.sources).map(([name, score]) => make("span", { className: "badge", title: `score ${score.toFixed(3)}` }, name))),
    make("td", { className: "nowrap" }, ...(c.known ? known(c) : [make("span", { className: "badge new" }, "new")])),
  ]);
  $("tails").replaceChildren(table(["Tail", "Score", "Source", "Known?"], rows));
  $("tails").hidden = false;
  $("note").textContent = answer.note;
  $("note").hidden = !answer.note;
  return count(rows.length, "tail");
}

function known(completion) {
  const button = make("button", { type: "button", className: "quiet", ariaLabel: `Known: where does "${completion.tail}" come from?` }, "known · why?");
  button.addEventListener("click", () => explain(completion.id));
  return [button];
}

async function explain(id) {
  const box = $("why-text");
  try {
    const e = await call(`/v1/triples/${encodeURIComponent(id)}/explain`);
    const shown = e.sources.slice(0, 20);
    box.replaceChildren(
      make("p", { dir: "auto" }, `${e.negated ? "Not: " : ""}${e.head} → ${e.relation} → ${e.tail}`),
      ...shown.flatMap(source),
      make("p", { className: "muted" }, shown.length < e.sources.length ? `… and ${count(e.sources.length - shown.length, "more source")}` : ""),
    );
  } catch (problem) {
    box.replaceChildren(make("p", { className: "error" }, problem.message));
  }
  $("why").showModal();
}

function source(s, index) {
  const title = make("h3", {}, `${index + 1}. ${s.generation_id ? s.teacher : `line ${s.start} of ${s.file || "a file"}`}`);
  if (!s.generation_id) return [title, make("p", { className: "muted" }, s.rule)];
  const letters = Array.from(s.answer); // offsets count code points, strings here count UTF-16 units
  const part = (from, to) => letters.slice(from, to).join("");
  const verdicts = s.verdicts.map((v) => make("li", {}, `${v.critic}: ${v.decision}${v.score === null ? "" : ` ${v.score.toFixed(3)}`} ${v.reason}`));
  return [
    title,
    make("p", { className: "muted" }, `read by ${s.rule}${s.modality ? ` as ${s.modality}` : ""}, characters ${s.start} to ${s.end}; the question was`),
    make("pre", { dir: "auto" }, s.prompt),
    make("p", { className: "muted" }, "and the answer"),
    make("pre", { dir: "auto" }, part(0, s.start), make("mark", {}, part(s.start, s.end)), part(s.end)),
    make("ul", {}, ...verdicts),
  ];
}

// --- start -----------------------------------------------------------------------------------------------------------

async function start(work, error) {
  try {
    await work();
  } catch (problem) {
    $(error).textContent = problem.message;
    $(error).hidden = false;
  }
}

onSubmit($("ask"), $("ask-status"), $("ask-error"), ask);
onSubmit($("complete"), $("complete-status"), $("complete-error"), complete);
start(startAsking, "ask-error");
start(startCompleting, "complete-error");
