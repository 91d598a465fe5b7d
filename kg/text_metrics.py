"""BLEU, METEOR, ROUGE-L and CIDEr of short texts, as the scorer of COMET-ATOMIC 2020 takes them.

Tokens are what stands between spaces, as written. Source: https://github.com/allenai/comet-atomic-2020, system_eval,
which takes BLEU, ROUGE-L and CIDEr from pycocoevalcap. METEOR is NLTK's with stems, but without WordNet's synonyms.
"""

import math
from collections import Counter
from collections.abc import Sequence

MAX_N = 4
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0
SMALL, TINY = 1e-9, 1e-15  # so that nothing is divided by 0
Grams = Counter[tuple[str, ...]]


def text_scores(answers: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Scores of answers against one or more references each; BLEU over all answers together, the rest as means."""
    found = {f"bleu_{n}": score for n, score in enumerate(bleu(answers, references), 1)}
    pairs = list(zip(answers, references, strict=True))
    return found | {
        "meteor": _mean([meteor(a, r) for a, r in pairs]), "rouge_l": _mean([rouge_l(a, r) for a, r in pairs]),
        "cider": cider(answers, references), "exact": _mean([float(a in r) for a, r in pairs]),
    }


def bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """BLEU-1 to BLEU-4 of the corpus; of several references the length that is closest counts."""
    right, total = [0] * MAX_N, [0] * MAX_N
    length = wanted = 0
    for answer, texts in zip(answers, references, strict=True):
        words = len(answer.split())
        length += words
        wanted += min((abs(n - words), n) for n in (len(t.split()) for t in texts))[1]
        allowed: Grams = Counter()
        for text in texts:
            allowed |= ngrams(text)
        for gram, count in (ngrams(answer) & allowed).items():
            right[len(gram) - 1] += count
        for n in range(MAX_N):
            total[n] += max(0, words - n)
    product, found = 1.0, []
    ratio = (length + TINY) / (wanted + SMALL)
    for n in range(MAX_N):
        product *= (right[n] + TINY) / (total[n] + SMALL)
        found.append(product ** (1 / (n + 1)) * (math.exp(1 - 1 / ratio) if ratio < 1 else 1.0))
    return found


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """F-measure of the longest common subsequence, of the best precision and the best recall."""
    words = answer.split(" ")
    common = [(_common(words, r.split(" ")), len(r.split(" "))) for r in references]
    precision = max(n for n, _ in common) / len(words)
    recall = max(n / size for n, size in common)
    if not precision or not recall:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def cider(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Mean CIDEr-D; a phrase counts the less, the more of the reference sets have it."""
    grams = [[ngrams(t) for t in texts] for texts in references]
    spread = Counter(g for texts in grams for g in set().union(*texts))
    scale = math.log(len(references)) if references else 0.0

    def vector(counts: Grams) -> list[dict[tuple[str, ...], float]]:
        parts: list[dict[tuple[str, ...], float]] = [{} for _ in range(MAX_N)]
        for gram, count in counts.items():
            parts[len(gram) - 1][gram] = count * (scale - math.log(max(1, spread[gram])))
        return parts

    scores = []
    for answer, texts in zip(answers, grams, strict=True):
        own = ngrams(answer)
        total = 0.0
        for text in texts:
            pairs = sum(c for g, c in own.items() if len(g) == 2) - sum(c for g, c in text.items() if len(g) == 2)
            near = math.exp(-(pairs**2) / (2 * CIDER_SIGMA**2))
            total += near * sum(_clipped_cosine(a, b) for a, b in zip(vector(own), vector(text), strict=True)) / MAX_N
        scores.append(10 * total / len(texts))
    return _mean(scores)


def meteor(answer: str, references: Sequence[str]) -> float:
    """METEOR of the best reference, by equal words and equal stems."""
    from nltk.translate.meteor_score import meteor_score

    return float(meteor_score([r.split() for r in references], answer.split(), wordnet=_NoSynonyms()))


def distinct(answers: Sequence[str], n: int) -> float:
    """Share of different n-grams among all n-grams of the answers."""
    found = [gram for a in answers for gram, count in ngrams(a).items() if len(gram) == n for _ in range(count)]
    return len(set(found)) / len(found) if found else 0.0


def ngrams(text: str) -> Grams:
    """How often the text has each run of one to `MAX_N` words."""
    words = text.split()
    return Counter(tuple(words[i : i + n]) for n in range(1, MAX_N + 1) for i in range(len(words) - n + 1))


class _NoSynonyms:
    """A WordNet that knows no word."""

    def synsets(self, word: str) -> list[str]:  # noqa: ARG002
        return []


def _clipped_cosine(a: dict[tuple[str, ...], float], b: dict[tuple[str, ...], float]) -> float:
    dot = sum(min(value, b.get(gram, 0.0)) * b.get(gram, 0.0) for gram, value in a.items())
    norm = math.sqrt(sum(v * v for v in a.values())) * math.sqrt(sum(v * v for v in b.values()))
    return dot / norm if norm else dot


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        new = [0]
        for j, y in enumerate(b):
            new.append(row[j] + 1 if x == y else max(row[j + 1], new[j]))
        row = new
    return row[-1]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
