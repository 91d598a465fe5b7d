"""What the parts of the system must offer. `kg.pipeline` knows only these."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from kg.records import Answer, Candidate, Claim, Completion, Generation, Prompt, Triple, Verdict

if TYPE_CHECKING:
    from kg.graph import GraphFiles
    from kg.run import Progress


class Teacher(Protocol):
    """Something that answers prompts.

    `name` goes into every generation. `version` changes when the same prompt may be answered
    otherwise. `batch_size` is None when prompts are independent of each other; otherwise
    answers may depend (by rounding) on which prompts are asked together, and `generate` is
    always called with the same whole batches, whatever was interrupted before.
    """

    name: str
    version: str
    batch_size: int | None

    def generate(self, prompts: Sequence[Prompt]) -> Generator[Generation]:
        """One generation a prompt, in any order, each as soon as it is there.

        Raises TeacherError, BudgetError.
        """
        ...


@runtime_checkable
class PaidTeacher(Protocol):
    """What a Teacher offers beside that when answers cost money."""

    cost: float

    def count_paid(self, generations: Iterable[Generation]) -> None:
        """Counts answers of an earlier, interrupted build against the budget."""
        ...


class Extractor(Protocol):
    """Something that reads triples from answers. `version` changes when it reads otherwise."""

    version: str

    def extract(self, answers: Iterable[Answer]) -> Iterator[Candidate]:
        """Candidates in the order of the answers, streaming."""
        ...


class Critic(Protocol):
    """Something that judges candidates, or abstains."""

    name: str
    version: str

    def judge(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """One verdict a claim, in order, streaming."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """A query's answer: column names, rows of plain Python values, and whether rows were cut off."""

    columns: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    truncated: bool = False


class GraphStore(Protocol):
    """A place that holds a graph and answers queries in one language."""

    language: str  # "cypher" or "sparql"

    def write(self, graph: "GraphFiles", run_id: str, progress: "Progress" = ...) -> dict[str, int]:
        """Writes the graph of a run, idempotently; returns {"nodes": n, "edges": m} written."""
        ...

    def unload(self, run_id: str, progress: "Progress" = ...) -> None:
        """Withdraws a run: what it alone says is deleted, what other runs say stays. Unknown runs are no error."""
        ...

    def counts(self) -> dict[str, int]:
        """{"nodes": n, "edges": m} in the store."""
        ...

    def triples(
        self, head: str | None = None, relation: str | None = None, tail: str | None = None,
        limit: int = 1000,
    ) -> Iterator[tuple[Triple, float | None]]:
        """Triples whose given fields are equal (texts, relation name), each with its score."""
        ...

    def query(
        self, text: str, parameters: Mapping[str, Any] | None = None,
        timeout: float = 30.0, limit: int = 10_000,
    ) -> Rows:
        """Runs a read-only query. Raises StoreError, QueryTimeoutError."""
        ...

    def close(self) -> None:
        """Frees what the store holds; a second call does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SparqlRequest:
    """A query as the SPARQL 1.1 Protocol has it.

    `forms` are the media types that the client takes, the dearest first. Relative IRIs are resolved against `base`.
    Where graphs are named, they are the dataset, whatever the text says; otherwise FROM is, or all that there is.
    """

    text: str
    forms: Sequence[str]
    base: str | None = None
    default_graphs: Sequence[str] = ()
    named_graphs: Sequence[str] = ()


class Document(Protocol):
    """The answer to a SparqlRequest. Must be closed."""

    @property
    def media_type(self) -> str:
        """One of the forms that were asked for."""
        ...

    @property
    def length(self) -> int | None:
        """Number of bytes; None for a long document, which is not complete yet."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The bytes, as they come. Raises StoreError, QueryTimeoutError: then the document has no end."""
        ...

    def close(self) -> None:
        """Stops the query when it still runs; a second call does nothing."""
        ...


class Pending(Document, Protocol):
    """A Document that has been asked for, and has no beginning until it is received."""

    def fileno(self) -> int:
        """A descriptor that can be read as soon as `receive` need not wait."""
        ...

    def receive(self) -> None:
        """Reads the beginning. Raises AnswerFormError, StoreError, QueryTimeoutError."""
        ...


class CypherStore(GraphStore, Protocol):
    """A GraphStore that speaks Cypher."""

    def stream(
        self, text: str, parameters: Mapping[str, Any] | None, timeout: float, limit: int,
        take: Callable[[Rows], None], again: Callable[[], bool] = ...,
    ) -> None:
        """As `query`, but hands the answer to `take` in parts, at least one; only the last can be truncated.

        `again` is asked, when the answer breaks off after a part, whether it may begin again.
        """
        ...


class SparqlStore(GraphStore, Protocol):
    """A GraphStore that speaks SPARQL; its queries may ask the endpoints at the addresses `services`."""

    services: Collection[str]

    def document(self, request: SparqlRequest, timeout: float, limit: int, most: int) -> Document:
        """The answer in a standard form, of at most `limit` rows and `most` bytes.

        Raises AnswerFormError, StoreError, QueryTimeoutError.
        """
        ...

    def warm(self) -> None:
        """Gets ready for the first query. Raises StoreError."""
        ...

    def begin(self, request: SparqlRequest, timeout: float, limit: int, most: int) -> Pending | None:
        """Asks for a document without waiting for anything; None where the query would have to wait for others."""
        ...


class Student(Protocol):
    """A small model that completes (head, relation)."""

    name: str

    @property
    def relations(self) -> Collection[str]:
        """The names of the relations that it knows, `Not` before denied ones: it is asked for no others."""
        ...

    def complete(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, relation) at most `k` distinct completions, best first."""
        ...

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Mean natural log-probability a tail token, given head and relation."""
        ...

    def save(self, path: Path) -> None:
        """Writes the student to a folder, in safe formats."""
        ...


@runtime_checkable
class AnyField(Student, Protocol):
    """A student that gives the third of head, relation and tail, whichever is open."""

    gives_heads: bool  # whether it was trained to

    def complete_heads(self, queries: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (relation, tail) at most `k` distinct completions, best first."""
        ...

    def complete_relations(self, pairs: Sequence[tuple[str, str]], k: int = 5) -> list[list[Completion]]:
        """For each (head, tail) at most `k` completions, best first."""
        ...
