"""The graph and what works on it: relations, triples, explanations, completion, extraction."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.completion import read_query
from api.explain import Explanation, explain
from api.models import (
    CompleteManyResponse,
    CompleteRequest,
    CompleteResponse,
    ExtractRequest,
    ExtractResponse,
    QuestionsResponse,
    RelationsResponse,
    TriplesResponse,
)
from api.offers import offers
from api.problems import Json
from api.state import AppState
from api.triples import Edge
from extraction.answers import distinct
from kg.records import Answer, Candidate, Generation, Prompt

router = APIRouter(prefix="/v1", tags=["Graph"])

MAX_PAGE = 1000
_NO_STUDENT = "no student is loaded: these are the graph's own triples (`kg serve RUN --student DIR` adds proposals)"
_Text = Annotated[str | None, Query(max_length=20_000)]


@router.get("/relations", summary="List the relations", response_model=RelationsResponse)
async def relations(state: AppState) -> Json:
    """The relations of the run's ontology, with their names in Cypher."""
    keys = ("name", "phrase", "question", "head", "tail", "cypher_type", "negates")
    rows = [{key: getattr(relation, key) for key in keys} for relation in state.opened.ontology]
    return Json({"ontology": state.opened.ontology.name, "relations": rows})


@router.get("/questions", summary="List the named questions", response_model=QuestionsResponse)
async def questions(state: AppState) -> Json:
    """Questions to any graph, each in Cypher and in SPARQL, and filled in with values that this graph has."""
    found = await state.work.query(lambda: offers(state.edges))
    filled = [{"filled": {"cypher": offer.cypher, "sparql": offer.sparql}} for offer in found]
    return Json({"questions": [asdict(o.question) | texts for o, texts in zip(found, filled, strict=True)]})


@router.get("/triples", summary="List triples", response_model=TriplesResponse)
async def triples(
    state: AppState,
    head: Annotated[str | None, Query(max_length=20_000, examples=["PersonX bakes a cake"])] = None,
    relation: Annotated[str | None, Query(
        max_length=100, examples=["xWant"], description="`NotxWant` lists denied ones only",
    )] = None,
    tail: _Text = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Json:
    """Triples of the run's own files (not of a store), in their order; texts fit by normal form."""
    name, negated = relation, None
    if relation is not None:
        known, denied = state.opened.ontology.resolve(relation)
        name, negated = known.name, denied or None
    found = await state.work.query(lambda: state.edges.find(head, name, tail, negated, limit + 1, offset))
    following = offset + limit if len(found) > limit else None
    rows = [_listed(edge) for edge in found[:limit]]
    return Json({"triples": rows, "offset": offset, "limit": limit, "next": following})


@router.get("/triples/{id}/explain", summary="Explain a triple", response_model=Explanation)
async def explain_triple(id: Annotated[str, Path(description="from /v1/triples")], state: AppState) -> Json:
    """The answers that the triple was read from, the very characters, and what each critic said."""
    return Json(asdict(await state.work.query(lambda: explain(state.opened.run, id))))


@router.post("/complete", summary="Complete heads", response_model=CompleteResponse | CompleteManyResponse)
async def complete(body: CompleteRequest, state: AppState) -> Json:
    """What a head, a relation or a tail lacks: the graph's, its near neighbours' and the student's, best first."""
    opened = state.opened
    queries = [read_query(opened.ontology, q.head, q.relation, q.tail, body.relations) for q in body.asked]
    found, told = await state.together.complete(queries, body.k, body.new_only, body.level)
    notes = dict.fromkeys(note for own in told for note in own)
    results = [
        {**q.model_dump(include={"head", "relation", "tail"}), "completions": [asdict(m) for m in merged]}
        for q, merged in zip(body.asked, found, strict=True)
    ]
    answer: dict[str, Any] = results[0] if body.queries is None else {"results": results}
    student = None if opened.student is None else opened.student.name
    return Json({**answer, "student": student, "note": "; ".join(notes if student else [_NO_STUDENT, *notes])})


@router.post("/extract", summary="Read triples from a text", response_model=ExtractResponse)
async def extract(body: ExtractRequest, state: AppState) -> Json:
    """Reads an answer as `kg build` does. The characters `start` to `end` of the text gave the triple."""
    if body.relation:
        state.opened.ontology.resolve(body.relation)
    prompt = Prompt(body.head, body.relation, "", body.prompt)
    answer = Answer(prompt, Generation(prompt.id, "request", body.text))
    found = await state.work.model(lambda: list(distinct(state.opened.extractor.extract([answer]))))
    return Json({"triples": [_extracted(candidate) for candidate in found]})


def _listed(edge: Edge) -> dict[str, Any]:
    return {"id": edge.id, **asdict(edge.triple), "score": edge.score, "sources": edge.sources}


def _extracted(c: Candidate) -> dict[str, Any]:
    return {**asdict(c.triple), "start": c.start, "end": c.end, "rule": c.rule, "modality": c.modality}
