"""The errors users meet, each with what to do next in its message.

    KGError
    |-- RecipeError        a recipe, an override or a part's options are wrong
    |-- UnknownNameError   a relation, part, recipe, format or model that does not exist
    |-- InputError         a file or record that cannot be read
    |-- RunError           a run folder that is missing, unfinished or damaged
    |-- TeacherError       a teacher that cannot answer
    |   `-- BudgetError    the token or money budget is spent; what was answered is kept
    |-- StoreError         a store that cannot be reached, or refuses a query
    |   |-- QueryTimeoutError   a query that ran past its time-out
    |   `-- AnswerFormError     an answer that cannot be had in the form that was asked for
    |-- StudentError       a student that cannot be trained, loaded or asked
    `-- CriticError        a critic that cannot be trained or loaded
"""

from collections.abc import Iterable
from difflib import get_close_matches


class KGError(Exception):
    """Base of every error that is the user's to solve; the CLI prints it without a traceback."""


class RecipeError(KGError):
    """A recipe, an override or a part's options are wrong."""


class UnknownNameError(KGError):
    """A name that is in no table; the message names the nearest valid ones."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {what} {name!r}: {nearest(name, known)}")
        self.name = name


class InputError(KGError):
    """A file or record that cannot be read."""


class RunError(KGError):
    """A run folder that is missing, unfinished or damaged."""


class TeacherError(KGError):
    """A teacher that cannot answer."""


class BudgetError(TeacherError):
    """The budget is spent. What was answered so far is kept."""


class StoreError(KGError):
    """A store that cannot be reached, or refuses a query."""


class QueryTimeoutError(StoreError):
    """A query that ran past its time-out."""


class AnswerFormError(StoreError):
    """An answer that cannot be had in the form that was asked for."""


class StudentError(KGError):
    """A student that cannot be trained, loaded or asked."""


class CriticError(KGError):
    """A critic that cannot be trained or loaded."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which valid names are nearest to `name`, or all of them when none is near."""
    names = sorted(set(known))
    folded = {n.lower(): n for n in names}
    close = [folded[n] for n in get_close_matches(name.lower(), folded, n=3, cutoff=0.6)]
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "valid ones are " + ", ".join(names) if names else "there are none"
