from kg.ontology import load_ontology
from kg.records import Triple
from kg.student_folder import word_relations

ONTOLOGY = load_ontology()


def test_words_of_relations():
    triples = [
        Triple("h", "xWant", "t"), Triple("h", "xWant", "t", negated=True), Triple("h", "AtLocation", "t"),
        Triple("h", "my own", "t"), Triple("h", "xAttr", "t"),
    ]
    wordings = word_relations(triples, ONTOLOGY)
    assert list(wordings) == ["AtLocation", "NotxWant", "my own", "xAttr", "xWant"]
    assert wordings["xWant"].phrase == ONTOLOGY["xWant"].phrase
    assert wordings["NotxWant"].phrase.endswith(ONTOLOGY["xWant"].phrase)
    assert wordings["NotxWant"].phrase != wordings["xWant"].phrase
    assert wordings["NotxWant"].negated
    assert wordings["AtLocation"].tail == "Thing"
    assert wordings["my own"].phrase == "my own"
