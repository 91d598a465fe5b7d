"""What every teacher must do, whatever is behind it. A new teacher needs a case here."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from api.assemble import TEACHERS
from kg.ontology import load_ontology
from kg.pipeline import Head, Parts, build
from kg.protocols import Teacher
from kg.recipe import Section
from kg.records import Answer, Candidate, Generation, Prompt, Triple
from kg.run import Run, read_lines
from tests.extraction.fake_openai import FakeOpenAI
from tests.tiny_models import write_model

TEXTS = ["PersonX buys a cake.", "PersonX  buys\na cake; then?", "Ünïcode 😀 שלום", "x", "PersonX buys a cake. " * 20]


@dataclass(frozen=True)
class Case:
    """How to make one teacher, the prompts that it can answer, and an option that changes its answers."""

    make: Callable[..., Teacher]
    prompts: list[Prompt]
    other: dict[str, Any]


def own_prompts() -> list[Prompt]:
    return [Prompt(f"head {i}", "xWant", "t/1", text, sample=s) for i, text in enumerate(TEXTS) for s in range(2)]


@contextmanager
def openai_case(folder: Path) -> Iterator[Case]:
    from extraction.teacher_openai import OpenAITeacher

    with FakeOpenAI() as server:
        def make(**options: Any) -> Teacher:
            return OpenAITeacher(OpenAITeacher.Options(model="tiny", base_url=server.url, **options), 0)

        yield Case(make, own_prompts(), {"max_tokens": 7})


@contextmanager
def recorded_case(folder: Path) -> Iterator[Case]:
    from extraction.teacher_recorded import RecordedTeacher

    file = folder / "answers.jsonl"
    with open(file, "w") as handle:
        for i, text in enumerate(TEXTS * 4):
            row = {"head": "h", "relation": "NotxWant", "prompt": text, "answer": f"{text} {i % 3}"}
            handle.write(json.dumps(row) + "\n")

    def make(**options: Any) -> RecordedTeacher:
        return RecordedTeacher(RecordedTeacher.Options(file=str(file), **options), load_ontology())

    yield Case(make, list(make().source().prompts([])), {"columns": {"answer": "prompt"}})


@contextmanager
def local_case(folder: Path) -> Iterator[Case]:
    from extraction.teacher_local import LocalTeacher

    tiny_model(folder / "model")

    def make(**options: Any) -> Teacher:
        given = {"model": str(folder / "model"), "dtype": "float32", "device": "cpu", "batch_size": 4, **options}
        return LocalTeacher(LocalTeacher.Options(**given), 0)

    yield Case(make, own_prompts(), {"max_tokens": 7})


@contextmanager
def student_case(folder: Path) -> Iterator[Case]:
    from extraction.teacher_student import StudentTeacher

    train_tiny(folder)

    def make(**options: Any) -> Teacher:
        given = {"folder": str(folder / "student"), "device": "cpu", "batch_size": 4, **options}
        return StudentTeacher(StudentTeacher.Options(**given), 0)

    yield Case(make, own_prompts(), {"k": 7})


CASES: dict[str, Callable[[Path], AbstractContextManager[Case]]] = {
    "local": local_case, "openai": openai_case, "recorded": recorded_case, "student": student_case,
}


def train_tiny(folder: Path, relation: str = "xWant") -> None:
    """Trains a tiny student of one relation in `folder`/student."""
    from kg.student import LanguageModelStudent

    parts = {"train": [Triple(f"PersonX buys {n} cakes", relation, "to eat it") for n in range(4)], "dev": [],
             "test": []}
    options = LanguageModelStudent.Options(
        model=str(write_model("gemma", folder / "base")), epochs=20, learning_rate=1e-2, dtype="float32", device="cpu",
        base_tokens=40,
    )
    LanguageModelStudent.train(parts, folder / "student", options, load_ontology())


def tiny_model(folder: Path) -> None:
    """Saves an untrained two-layer model that reads and writes bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(["<end>", *letters])}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>").save_pretrained(folder)
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=len(letters) + 1, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )).save_pretrained(folder)


@pytest.fixture(params=sorted(CASES), scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with CASES[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made


def test_every_teacher_has_a_case() -> None:
    assert set(CASES) == set(TEACHERS)
    for where in TEACHERS.values():
        module, name = where.split(":")
        assert issubclass(getattr(import_module(module), name).Options, Section)


def test_it_says_who_it_is(case: Case) -> None:
    teacher, same, other = case.make(), case.make(), case.make(**case.other)
    assert teacher.name == same.name
    assert teacher.version == same.version != other.version
    assert teacher.batch_size is None or teacher.batch_size > 0


def test_one_answer_a_prompt(case: Case) -> None:
    teacher = case.make()
    got = list(teacher.generate(case.prompts))
    assert sorted(g.prompt_id for g in got) == sorted(p.id for p in case.prompts)
    for g in got:
        assert g.teacher == teacher.name
        assert isinstance(g.text, str)
        assert g.tokens >= 0
        assert g.log_probability is None or g.log_probability <= 0
        check_tokens(g)


def check_tokens(g: Generation) -> None:
    assert len(g.token_starts) == len(g.token_log_probabilities)
    assert list(g.token_starts) == sorted(g.token_starts)
    assert all(0 <= start <= len(g.text) for start in g.token_starts)


def test_answers_do_not_depend_on_order_or_company(case: Case) -> None:
    answers = {g.prompt_id: g.text for g in case.make().generate(case.prompts)}
    mixed = random.Random(0).sample(case.prompts, len(case.prompts))
    assert {g.prompt_id: g.text for g in case.make().generate(mixed)} == answers
    few = case.prompts[1:4]
    assert {g.prompt_id: g.text for g in case.make().generate(few)} == {p.id: answers[p.id] for p in few}


def test_no_prompts_no_answers(case: Case) -> None:
    assert list(case.make().generate([])) == []


def test_it_can_be_left_early_and_asked_again(case: Case) -> None:
    teacher = case.make()
    answers = teacher.generate(case.prompts)
    first = next(answers)
    answers.close()  # type: ignore[attr-defined]
    again = {g.prompt_id: g for g in teacher.generate(case.prompts)}
    assert len(again) == len(case.prompts)
    assert again[first.prompt_id].text == first.text


class Given:
    """The prompts of a case as a source."""

    version = "1"

    def __init__(self, prompts: list[Prompt]) -> None:
        self.given = prompts

    def head_prompts(self) -> list[Prompt]:
        return []

    def heads(self, answers: Iterable[Answer]) -> Iterator[Head]:
        return iter([Head("head")])

    def prompts(self, heads: Iterable[str]) -> Iterator[Prompt]:
        return iter(self.given)


class NoTriples:
    version = "1"

    def extract(self, answers: Iterable[Answer]) -> Iterator[Candidate]:
        return iter(())


def test_an_interrupted_build_ends_with_the_same_bytes(case: Case, tmp_path: Path) -> None:
    def made(name: str, stop_after: int = 10**9) -> dict[str, int]:
        def progress(stage: str, done: int, total: int | None) -> None:
            if stage == "generations" and done > stop_after:
                raise ZeroDivisionError

        parts = Parts(load_ontology(), Given(case.prompts), case.make(), NoTriples(), [])
        return build(Run.create(tmp_path / name / "r", "r", {"name": "r"}), parts, progress)

    assert made("whole")["asked"] == len(case.prompts)
    with pytest.raises(ZeroDivisionError):
        made("broken", stop_after=3)
    counts = made("broken")
    assert counts["asked"] + counts["reused"] >= len(case.prompts)
    assert counts["reused"] >= 3
    assert made("broken")["asked"] == 0
    whole, broken = (list(read_lines(tmp_path / name / "r" / "generations.jsonl")) for name in ("whole", "broken"))
    assert whole == broken
