import { listQuestions } from "./common.js";

/** The editor. Its completions are off: they ask servers elsewhere. So are its red marks: it knows no RDF 1.2. */
function editor(text) {
  const yasgui = new Yasgui(document.getElementById("yasgui"), {
    requestConfig: { endpoint: `${location.origin}/sparql`, method: "POST" },
    endpointCatalogueOptions: { getData: () => [] },
    yasqe: { value: text, autocompleters: [], syntaxErrorCheck: false, createShareableLink: null },
    persistenceId: null,
  });
  return yasgui;
}

async function start() {
  const select = document.getElementById("example");
  const questions = await listQuestions(select);
  const text = () => questions[select.value].filled.sparql;
  const yasgui = editor(text());
  select.addEventListener("change", () => yasgui.getTab().getYasqe().setValue(text()));
}

start().catch((error) => {
  const place = document.getElementById("error");
  place.textContent = error.message;
  place.hidden = false;
});
