"""Bodies of requests and answers, with the examples that /docs shows."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from kg.records import Modality

_HEAD = "PersonX bakes a cake"
_DEPTH = 32  # levels of lists and maps in a query's parameters
_INT64 = range(-(2**63), 2**63)  # what a Cypher integer holds

MAX_K = 100
MAX_QUERIES = 64
MAX_COMPLETIONS = 640  # k times the number of queries


def _sendable(text: str) -> str:
    """The text, which stores and models can take."""
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not hold half a surrogate pair") from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, AfterValidator(_sendable)]
Head = Annotated[Text, AfterValidator(_not_blank), Field(max_length=20_000, examples=[_HEAD])]
RelationName = Annotated[Text, Field(min_length=1, max_length=100, examples=["xWant", "NotxWant"])]


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    _check(values, 0)
    return values


def _check(value: Any, depth: int) -> None:
    """Raises ValueError for what no Cypher parameter can hold."""
    if depth > _DEPTH:
        raise ValueError(f"must not be nested deeper than {_DEPTH} levels")
    if isinstance(value, str):
        _sendable(value)
    elif isinstance(value, int) and value not in _INT64:
        raise ValueError("an integer must fit in 64 bits")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check(key, depth)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)


class Body(BaseModel):
    """A request: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CypherRequest(Body):
    """A read-only Cypher query. `timeout` (seconds) and `limit` (rows) can only lower the server's own caps."""

    query: Annotated[Text, AfterValidator(_not_blank)] = Field(
        examples=["MATCH (h:Event {text: $text})-[r:X_WANT]->(t) RETURN t.text AS want, r.score AS score LIMIT 10"]
    )
    parameters: Annotated[dict[str, Any], AfterValidator(_parameters)] = Field({}, examples=[{"text": _HEAD}])
    timeout: float | None = Field(None, gt=0, examples=[10])
    limit: int | None = Field(None, ge=1, examples=[100])


class CypherResponse(BaseModel):
    """Rows of plain values; nodes and relationships are objects. `truncated` tells that rows were cut off."""

    columns: list[str] = Field(examples=[["want", "score"]])
    rows: list[list[Any]] = Field(examples=[[["to eat it", 0.91]]])
    truncated: bool = False


class CompletionQuery(Body):
    """A triple to complete: it has a head or a tail, and lacks something. The prefix `Not` denies the relation."""

    head: Head | None = None
    relation: RelationName | None = None
    tail: Head | None = Field(None, examples=["to eat it"])

    @model_validator(mode="after")
    def _is_open(self) -> Self:
        given = [v is not None for v in (self.head, self.relation, self.tail)]
        if any(given) and ((self.head is None and self.tail is None) or all(given)):
            raise ValueError("give a head or a tail, and leave something open: head, relation or tail")
        return self


class CompleteRequest(CompletionQuery):
    """Either a query, or `queries`. `k` caps each list; `new_only` leaves out what the graph holds.

    `relations` are those that are wanted where a query has none. With `level` the graph answers with what passes it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"head": _HEAD, "relation": "xWant", "k": 5},
        {"queries": [{"head": _HEAD, "relation": "xWant"}, {"head": _HEAD, "relation": "xNeed"}], "k": 3},
    ]})

    queries: list[CompletionQuery] | None = Field(None, min_length=1, max_length=MAX_QUERIES)
    k: int = Field(5, ge=1, le=MAX_K)
    new_only: bool = False
    relations: list[RelationName] = Field([], max_length=100, examples=[["xWant", "xNeed"]])
    level: Text | None = Field(None, max_length=100, examples=["high"])

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if any(q.head is None and q.tail is None for q in self.asked) or (self.queries and self._has_query):
            raise ValueError("give either head and relation (or tail), or queries of them")
        if self.relations and any(q.relation is not None for q in self.asked):
            raise ValueError("relations are for queries without a relation")
        if self.k * len(self.asked) > MAX_COMPLETIONS:
            raise ValueError(f"k times the number of queries must be at most {MAX_COMPLETIONS}: ask in parts")
        return self

    @property
    def _has_query(self) -> bool:
        return any(v is not None for v in (self.head, self.relation, self.tail))

    @property
    def asked(self) -> list[CompletionQuery]:
        """All queries that are asked."""
        return [self] if self.queries is None else list(self.queries)


class ReadFrom(BaseModel):
    """Where a triple was read: characters `start` to `end` of an answer, or row `start` of a file."""

    generation_id: str
    rule: str
    start: int
    end: int
    run_id: str
    modality: Modality | None = Field(description="how the answer qualifies it")


class CompletedTail(BaseModel):
    """A completed triple. `score` is the best of `sources`; a `known` one is in the graph, under the id `id`."""

    tail: str = Field(examples=["to eat it"])
    score: float = Field(examples=[1.0])
    source: str = Field(
        description="`graph`, `neighbours` (the most similar heads) or the student's name: the source of the score",
        examples=["graph"],
    )
    known: bool
    id: str = Field("", description="id of the triple; empty when it is not known")
    sources: dict[str, float] = Field(examples=[{"graph": 1.0, "causal": 0.31}])
    head: str = Field(examples=[_HEAD])
    relation: str = Field(examples=["xWant"])
    provenance: list[ReadFrom] = Field(description="where a known one was read")


class Completed(BaseModel):
    """The completions of one query, best first."""

    head: str | None = Field(examples=[_HEAD])
    relation: str | None = Field(examples=["xWant"])
    tail: str | None
    completions: list[CompletedTail]


class CompleteResponse(Completed):
    """Answer to a single query. `note` says so when no student was asked."""

    student: str | None
    note: str = ""


class CompleteManyResponse(BaseModel):
    """Answer to `queries`, in their order."""

    results: list[Completed]
    student: str | None
    note: str = ""


class ExtractRequest(Body):
    """An answer to read triples from, with what is known of the question that it answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"head": _HEAD, "relation": "xWant", "text": "1. to eat it\n2. to share it with friends"},
    ]})

    text: Text = Field(max_length=100_000)
    prompt: Text = Field("", max_length=100_000)
    head: Text = Field("", max_length=20_000)
    relation: Text = Field("", max_length=100)


class ExtractedTriple(BaseModel):
    """A triple read by `rule` from the characters `start` to `end` of the text."""

    head: str
    relation: str
    tail: str
    negated: bool
    start: int
    end: int
    rule: str
    modality: Modality | None = Field(description="how the text qualifies it")


class ExtractResponse(BaseModel):
    """Triples in the order in which they were read."""

    triples: list[ExtractedTriple]


class ListedTriple(BaseModel):
    """A triple of the graph. `score` is in [0, 1] or null; `sources` counts where it was read."""

    id: str
    head: str
    relation: str
    tail: str
    negated: bool
    score: float | None
    sources: int


class TriplesResponse(BaseModel):
    """One page; `next` is the offset of the next one, or null on the last."""

    triples: list[ListedTriple]
    offset: int
    limit: int
    next: int | None


class RelationInfo(BaseModel):
    """A relation of the ontology, with its name in Cypher."""

    name: str = Field(examples=["xWant"])
    phrase: str
    question: str
    head: str
    tail: str
    cypher_type: str = Field(examples=["X_WANT"])
    negates: str = Field(description="the relation that this one denies, or empty")


class RelationsResponse(BaseModel):
    """All relations, in the order of the ontology."""

    ontology: str
    relations: list[RelationInfo]


class QuestionParameter(BaseModel):
    """What a question leaves open. One without a default must be given; `example` shows what it is like."""

    name: str = Field(examples=["event"])
    meaning: str
    kind: Literal["text", "relation", "integer", "number"]
    default: float | int | None
    example: str


class QuestionTexts(BaseModel):
    """A question in both languages."""

    cypher: str
    sparql: str


class QuestionInfo(QuestionTexts):
    """A named question, a parameter of which is `$name` in both texts; `filled` are the texts with values in them."""

    name: str = Field(examples=["wants"])
    title: str
    level: Literal["easy", "medium", "analytic"]
    parameters: list[QuestionParameter]
    filled: QuestionTexts


class QuestionsResponse(BaseModel):
    """All named questions, in the order of their file."""

    questions: list[QuestionInfo]


class PartState(BaseModel):
    """State of one part; `message` says more."""

    state: Literal["ok", "absent", "error"]
    message: str = ""


class HealthResponse(BaseModel):
    """`status` is `error` when any part is."""

    status: Literal["ok", "error"]
    run: PartState
    cypher: PartState
    sparql: PartState
    student: PartState


class ProblemResponse(BaseModel):
    """RFC 9457 problem details. `errors` lists the faults of an invalid request."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] | None = None
