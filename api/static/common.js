// What both pages use. Texts from the server are hostile: they only ever become text nodes.

/** An element with properties and children; strings become text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The server's answer; throws an Error whose message is in words, with the server's `status` where it answered. */
export async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached. Is it still running?");
  }
  if (response.ok && !response.headers.has("content-length")) {
    response.body.cancel();
    throw new Error("The answer is too long for this page: put a LIMIT into the query.");
  }
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const body = isJson ? JSON.parse(text) : text;
  if (!response.ok) {
    const message = body.detail ? `${body.title}: ${body.detail}` : `The server answered ${response.status}.`;
    throw Object.assign(new Error(message), { status: response.status });
  }
  return body;
}

/** Puts the named questions of the server into a list, by their levels; returns them by name. */
export async function listQuestions(select) {
  const { questions } = await call("/v1/questions");
  const levels = Map.groupBy(questions, (question) => question.level);
  select.replaceChildren(...Array.from(levels, ([level, some]) =>
    make("optgroup", { label: level }, ...some.map((q) => make("option", { value: q.name }, q.title)))));
  return Object.fromEntries(questions.map((question) => [question.name, question]));
}

/** Sends an object as JSON. */
export function post(path, body) {
  return call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/** Makes a form run `work`, with its button off, its state and its errors shown meanwhile. */
export function onSubmit(form, status, error, work) {
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    status.textContent = "Running…";
    const started = performance.now();
    try {
      const said = await work();
      status.textContent = `${said} in ${Math.round(performance.now() - started)} ms`;
    } catch (problem) {
      status.textContent = "";
      error.textContent = problem.message;
      error.hidden = false;
    }
    button.disabled = false;
  });
}
