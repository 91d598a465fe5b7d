// Shows /openapi.json, and lets every operation be tried.
import { call, make, onSubmit } from "./common.js";

const api = await call("/openapi.json");

/** A schema with its reference followed. */
function resolve(schema) {
  return schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema ?? {};
}

/** An example value of a schema, from its own examples where it has some. */
function sample(given) {
  const schema = resolve(given);
  const own = schema.examples?.[0] ?? schema.example ?? schema.default;
  if (own !== undefined) return own;
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return sample(choice[0]);
  if (schema.type === "object" || schema.properties) {
    return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, sample(inner)]));
  }
  if (schema.type === "array") return [sample(schema.items)];
  return { string: "", integer: 0, number: 0, boolean: false }[schema.type] ?? null;
}

function example(media) {
  const value = media.example ?? sample(media.schema);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function parameterField(parameter) {
  const value = parameter.example ?? parameter.schema?.examples?.[0] ?? parameter.schema?.default ?? "";
  const input = make("input", { name: parameter.name, value: parameter.required || parameter.schema?.default ? value : "", placeholder: value, required: parameter.required ?? false });
  input.dataset.in = parameter.in;
  return make("label", {}, `${parameter.name} `, make("span", { className: "muted" }, `${parameter.in}${parameter.required ? ", required" : ""} ${parameter.description ?? ""}`), input);
}

function tryForm(method, path, operation) {
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const body = type && make("textarea", { value: example(media), rows: Math.min(12, example(media).split("\n").length + 1), spellcheck: false, ariaLabel: "Body" });
  const status = make("span", { className: "status", role: "status" });
  const error = make("p", { className: "error", role: "alert", hidden: true });
  const answer = make("pre", { hidden: true });
  const form = make("form", {}, ...(operation.parameters ?? []).map(parameterField),
    ...(type ? [make("p", { className: "muted" }, `Body, as ${type}`), body] : []),
    make("button", { type: "submit" }, "Send"), status);
  onSubmit(form, status, error, async () => {
    answer.hidden = true;
    const options = type ? { method, headers: { "Content-Type": type }, body: body.value } : { method };
    const found = await call(address(path, form), options);
    answer.textContent = typeof found === "string" ? found : JSON.stringify(found, null, 2);
    answer.hidden = false;
    return "Answered";
  });
  return [form, error, answer];
}

function address(path, form) {
  const query = new URLSearchParams();
  for (const { name, value, dataset } of form.querySelectorAll("input")) {
    if (dataset.in === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (value) query.append(name, value);
  }
  return query.size ? `${path}?${query}` : path;
}

function answers(operation) {
  return Object.entries(operation.responses).flatMap(([status, response]) =>
    Object.entries(response.content ?? {}).flatMap(([type, media]) => [
      make("p", { className: "muted" }, `${status === "default" ? "Errors" : status}: ${type}. ${response.description}`),
      make("pre", {}, example(media)),
    ]));
}

function show(method, path, operation) {
  return make("details", {},
    make("summary", {}, make("b", {}, method.toUpperCase()), make("code", {}, path), operation.summary),
    make("p", {}, operation.description ?? ""), ...tryForm(method.toUpperCase(), path, operation),
    make("h3", {}, "Answers"), ...answers(operation));
}

document.getElementById("about").textContent = `${api.info.summary} ${api.info.description} Version ${api.info.version}.`;
const groups = {};
for (const [path, operations] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    (groups[operation.tags?.[0] ?? "Other"] ??= []).push(show(method, path, operation));
  }
}
document.getElementById("operations").append(...Object.entries(groups).map(([name, shown]) =>
  make("section", {}, make("h2", {}, name), ...shown)));
