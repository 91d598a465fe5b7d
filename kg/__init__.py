"""What a graph is and what learns from it: records, ontology, runs, pipeline, export, students.

Importing this package is cheap: torch, transformers and spaCy are imported where they are used.
"""

from kg.records import (
    Answer,
    Candidate,
    Claim,
    Completion,
    Generation,
    Prompt,
    Provenance,
    Triple,
    Verdict,
)

__all__ = [
    "Answer",
    "Candidate",
    "Claim",
    "Completion",
    "Generation",
    "Prompt",
    "Provenance",
    "Triple",
    "Verdict",
]
__version__ = "0.1.0"
