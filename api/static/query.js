import { call, make } from "./common.js";

const SH = "http://www.w3.org/ns/shacl#";
const COMMENT = "http://www.w3.org/2000/01/rdf-schema#comment";

/** The example queries that the server knows: [{title, text}]. */
async function examples() {
  const found = await call("/.well-known/sparql-examples", { headers: { Accept: "application/ld+json" } });
  return found
    .map((node) => ({ title: node[COMMENT]?.[0]["@value"], text: (node[`${SH}select`] ?? node[`${SH}ask`] ?? node[`${SH}construct`])?.[0]["@value"] }))
    .filter((example) => example.title && example.text);
}

/** The editor. Its completions are off: they ask servers elsewhere. */
function editor(text) {
  const yasgui = new Yasgui(document.getElementById("yasgui"), {
    requestConfig: { endpoint: `${location.origin}/sparql`, method: "POST" },
    endpointCatalogueOptions: { getData: () => [] },
    yasqe: { value: text, autocompleters: [], createShareableLink: null },
    persistenceId: null,
  });
  return yasgui;
}

async function start() {
  const known = await examples();
  const yasgui = editor(known[0]?.text ?? "SELECT ?s ?p ?o { ?s ?p ?o } LIMIT 10");
  const select = document.getElementById("example");
  select.replaceChildren(...known.map((example, i) => make("option", { value: i }, example.title)));
  select.addEventListener("change", () => yasgui.getTab().getYasqe().setValue(known[select.value].text));
}

start().catch((error) => {
  const place = document.getElementById("error");
  place.textContent = error.message;
  place.hidden = false;
});
