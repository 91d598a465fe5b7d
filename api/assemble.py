"""The composition root: the only place that knows which classes there are."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kg.errors import RecipeError, RunError, StudentError, UnknownNameError, nearest
from kg.ontology import Ontology, load_ontology
from kg.pipeline import Parts, PromptSource
from kg.protocols import AnyField, Critic, CypherStore, Extractor, SparqlStore, Student, Teacher
from kg.recipe import Part, Recipe, parse
from kg.run import Run

if TYPE_CHECKING:
    from api.completion import Source
    from kg.student_folder import TrainedStudent
    from loaders.sparql_endpoint import SparqlEndpoint

TEACHERS = {
    "local": "extraction.teacher_local:LocalTeacher",
    "openai": "extraction.teacher_openai:OpenAITeacher",
    "recorded": "extraction.teacher_recorded:RecordedTeacher",
    "student": "extraction.teacher_student:StudentTeacher",
}
EXTRACTORS = {"answers": "extraction.answers:AnswerExtractor"}
CRITICS = {
    "form": "extraction.critics:FormCritic",
    "ontology": "extraction.critics:OntologyCritic",
    "repetition": "extraction.critics:RepetitionCritic",
    "near_duplicates": "extraction.critics_tails:NearDuplicateCritic",
    "contradictions": "extraction.critics_tails:ContradictionCritic",
    "coherence": "extraction.critics_tails:CoherenceCritic",
    "rules": "extraction.critics_rules:RuleCritic",
    "likelihood": "extraction.critics:LikelihoodCritic",
    "plausibility": "extraction.plausibility:PlausibilityCritic",
}
STORES = {"cypher": "loaders.bolt:BoltStore", "rdf": "loaders.rdf:RdfStore"}
STUDENTS = {
    "causal": "kg.student:LanguageModelStudent",
    "frequency": "kg.floors:FrequencyStudent",
    "nearest": "kg.floors:NearestStudent",
}


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run with the parts that answer questions about it; what is absent is None."""

    run: Run
    ontology: Ontology
    cypher: CypherStore | None
    sparql: SparqlStore | None
    student: Student | None
    extractor: Extractor
    inference: "tuple[Source, ...]" = ()  # rules and a link model

    def close(self) -> None:
        """Closes the stores."""
        for store in (self.cypher, self.sparql):
            if store is not None:
                store.close()


def make_parts(recipe: Recipe) -> Parts:
    """The parts that a recipe names, each with its options checked. Raises RecipeError, UnknownNameError."""
    ontology = load_ontology(recipe.ontology)
    kind, options = _options("teacher", TEACHERS, recipe.teacher)
    if recipe.teacher.kind == "recorded":
        recorded = kind(options, ontology)
        teacher, source = cast(Teacher, recorded), cast(PromptSource, recorded.source())
    else:
        teacher = cast(Teacher, kind(options, recipe.seed))
        source = cast(PromptSource, load("extraction.prompts:TemplateSource")(recipe, ontology))
    return Parts(ontology, source, teacher, make_extractor(recipe.extractor, ontology), make_critics(recipe, ontology))


def make_extractor(part: Part, ontology: Ontology) -> Extractor:
    """The extractor that a recipe names."""
    kind, options = _options("extractor", EXTRACTORS, part)
    return cast(Extractor, kind(options, ontology))


def make_critics(recipe: Recipe, ontology: Ontology) -> list[Critic]:
    """The critics of a recipe, in its order."""
    found = []
    for name, settings in recipe.critics.items():
        kind, options = _options("critics", CRITICS, Part(kind=name, **settings), name)
        found.append(cast(Critic, kind(options, ontology)))
    return found


def make_student_options(part: Part | None) -> Any:
    """(class, options) of the student that a recipe or a command names."""
    return _options("student", STUDENTS, part or Part(kind="causal"))


def recipe_of(run: Run) -> Recipe:
    """The recipe that a run was built from. Raises RunError for an imported run."""
    if "teacher" not in run.manifest["recipe"]:
        raise RunError(f"{run.path} was imported: it has no recipe")
    return Recipe.model_validate(run.manifest["recipe"])


def ontology_of(run: Run) -> Ontology:
    """The ontology of a run."""
    return load_ontology(run.manifest["recipe"].get("ontology", "atomic2020"))


def open_cypher(run: Run, uri: str | None = None, public: bool = False) -> CypherStore:
    """The Bolt server at `uri` or KG_BOLT_URI, or else the embedded engine in the run's folder.

    A public one is for people nobody knows: they may only read, and a copy of the embedded engine answers.
    """
    connect = load("loaders.bolt:connect")
    return cast(CypherStore, connect(ontology_of(run), run.path / "cypher", uri, public))


def open_rdf(
    run: Run, folder: Path | None = None, services: Collection[str] = (), at_once: int = 1
) -> SparqlStore:
    """The RDF store in `folder`, or else in the run's folder; its queries may ask the endpoints `services`."""
    store = load(STORES["rdf"])
    return cast(SparqlStore, store(folder or run.path / "rdf", ontology_of(run), at_once, services))


def open_endpoint(run: Run, url: str) -> "SparqlEndpoint":
    """The Graph Store of a SPARQL server at `url`."""
    return cast("SparqlEndpoint", load("loaders.sparql_endpoint:SparqlEndpoint")(url, ontology_of(run)))


def load_student(path: Path) -> Student:
    """A trained student, its scores calibrated if heads were held out, or a link model of `kg eval links`.

    Raises StudentError for a folder that is none.
    """
    if (path / "links.json").is_file():
        return cast(Student, load("kg.links:LinkModel").load(path))
    student = load_bare_student(path)
    calibration = student.settings.get("calibration")
    if not calibration:
        return student
    from kg.score_calibration import CalibratedAnyField, CalibratedStudent

    if isinstance(student, AnyField):
        return CalibratedAnyField(student, calibration, student.settings.get("calibration_heads"))
    return CalibratedStudent(student, calibration)


def load_bare_student(path: Path) -> "TrainedStudent":
    """A trained student with the scores that its kind gives. Raises StudentError for a folder that is none."""
    kind = load("kg.student_folder:read_settings")(path).get("kind", "causal")
    if kind not in STUDENTS:
        raise StudentError(f"{path} holds a student of the kind {kind!r}: {nearest(kind, STUDENTS)}")
    return cast("TrainedStudent", load(STUDENTS[kind]).load(path))


def open_run(
    path: Path, student: Path | None = None, bolt: str | None = None, rdf: Path | None = None,
    services: Collection[str] = (), at_once: int = 8, rules: Path | None = None, links: Path | None = None,
) -> OpenRun:
    """Opens a run for the public, with its stores, and a student, rules and a link model when such are given.

    `at_once` SPARQL queries are answered at a time.
    """
    run = Run.open(path)
    run.require("graph")
    part = recipe_of(run).extractor if "teacher" in run.manifest["recipe"] else Part(kind="answers")
    return OpenRun(
        run=run,
        ontology=ontology_of(run),
        cypher=open_cypher(run, bolt, public=True),
        sparql=open_rdf(run, rdf, services, at_once),
        student=load_student(student) if student else None,
        extractor=make_extractor(part, ontology_of(run)),
        inference=open_inference(run, rules, links),
    )


def open_inference(run: Run, rules: Path | None, links: Path | None) -> "tuple[Source, ...]":
    """What a file of `kg rules` and a folder of `kg eval links` say of a run. Raises InputError, StudentError."""
    found = [load("api.inference:RuleSource")(run, rules)] if rules else []
    return (*found, *([load("api.inference:LinkSource")(links)] if links else []))


def load(spec: str) -> Any:
    """Imports `module:name`."""
    module, _, name = spec.partition(":")
    return getattr(import_module(module), name)


def _options(what: str, table: dict[str, str], part: Part, where: str = "") -> tuple[Any, Any]:
    """The class that a part names and its checked options."""
    if part.kind not in table:
        raise UnknownNameError(what, part.kind, table)
    kind = load(table[part.kind])
    section = f"[{what}.{where}]" if where else f"[{what}]"
    try:
        return kind, parse(kind.Options, part.options, section)
    except RecipeError as error:
        raise RecipeError(f"{error} (options of the {what.rstrip('s')} {part.kind!r})") from None
