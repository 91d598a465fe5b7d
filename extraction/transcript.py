"""One answer as it grows: its tokens become text, with the place of each token, until a stop string."""

from collections.abc import Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what a tokenizer shows for the beginning of a character whose last bytes are still to come


class Transcript:
    """The text of an answer, token by token.

    `context` are the last tokens of the prompt: a tokenizer writes a token otherwise at the start of a text than
    after a word. Only a short window of tokens is decoded at a time, so a long answer costs no more per token.
    """

    def __init__(self, tokenizer: Any, context: Sequence[int], stop: Sequence[str]) -> None:
        self.text = ""
        self.starts: list[int] = []
        self.log_probabilities: list[float] = []
        self.stopped = False
        self._tokenizer = tokenizer
        self._stop = stop
        self._window = list(context)
        self._read = len(self._window)  # the tokens of the window before this one are in the text already

    def add(self, token: int, log_probability: float) -> None:
        """Appends a token. A stop string that it completes ends the answer just before it."""
        self.starts.append(len(self.text))
        self.log_probabilities.append(log_probability)
        self._window.append(token)
        new = self._decode(self._window)[len(self._decode(self._window[: self._read])) :]
        if new and not new.endswith(UNFINISHED):
            self._append(new)

    def finish(self) -> None:
        """Ends the answer; bytes that never became a character are shown as U+FFFD."""
        if not self.stopped:
            self._append(self._decode(self._window)[len(self._decode(self._window[: self._read])) :])
        self.stopped = True

    def _append(self, new: str) -> None:
        old = len(self.text)
        self.text += new
        self._window, self._read = self._window[self._read :], len(self._window) - self._read
        found = [at for s in self._stop if (at := self.text.find(s, max(0, old - len(s) + 1))) >= 0]
        if found:
            self._cut(min(found))

    def _cut(self, end: int) -> None:
        """Leaves the first `end` characters and the tokens that begin among them."""
        self.text = self.text[:end]
        kept = sum(start < end for start in self.starts)
        del self.starts[kept:], self.log_probabilities[kept:]
        self.stopped = True

    def _decode(self, tokens: Sequence[int]) -> str:
        text = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)
