"""Report cards: how well a clusterer tells agreeing from contradicting answers, and the threshold that follows.

Made from the reference answers of a question set (docs/methods.md §2): two correct references of one question agree,
a correct and an incorrect one do not. It is handed a similarity function and does not know about encoders; the cards
themselves are the JSON file beside this one and the user's own, which `python -m homog_core calibrate` writes.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, permutations, product
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from homog_core import files
from homog_core.catalogue.encoders import DEFAULT_ENCODER
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import (
    JACCARD_THRESHOLD,
    PUBLISHED_COSINE_THRESHOLD,
    Clusterer,
    entailment_joins,
    entailment_similarity,
)
from homog_core.measures.encoders import Encoder, encode
from homog_core.measures.nli import Nli, probability_matrix, with_context
from homog_core.records import Question

FALSE_JOIN_RATE = 0.15  # encoders are compared at the same share of contradicting pairs joined

_SHIPPED, _FILE = Path(__file__).parent, "report_cards.json"


@dataclass(frozen=True, slots=True)
class ReportCard:
    """What joining two answers by a clusterer at a threshold is worth."""

    clusterer: str  # e.g. "jaccard", "embedding/minilm"
    threshold: float
    auc: float  # of telling agreeing from contradicting pairs; 0.5 is chance
    true_join_rate: float  # share of agreeing pairs that are joined
    false_join_rate: float  # share of contradicting pairs that are joined
    n_agreeing: int
    n_contradicting: int
    dataset: str


@dataclass(frozen=True, slots=True)
class PairSimilarities:
    """Similarities of the two kinds of pairs, or whether they are joined."""

    agreeing: np.ndarray
    contradicting: np.ndarray


def pair_similarities(
    questions: Iterable[Question], similarity: Callable[[Question, Sequence[str]], np.ndarray]
) -> PairSimilarities:
    """Similarities of all agreeing and all contradicting pairs of references, within each question.

    `similarity(question, texts)` gives the (n, n) matrix of a clusterer. Questions without incorrect references take
    no part. Raises `InvalidInput` where no pair of either kind is left.
    """
    agreeing, contradicting = [], []
    for question in questions:
        right, wrong = question.references, question.incorrect_references
        if not wrong:
            continue
        matrix = similarity(question, [*right, *wrong])
        agreeing += [matrix[i, j] for i, j in combinations(range(len(right)), 2)]
        contradicting += [matrix[i, len(right) + j] for i, j in product(range(len(right)), range(len(wrong)))]
    if not agreeing or not contradicting:
        raise InvalidInput(
            "These questions give no pairs to calibrate on: they need two correct and one incorrect reference each."
        )
    return PairSimilarities(np.array(agreeing), np.array(contradicting))


def threshold_at_false_join_rate(pairs: PairSimilarities, rate: float = FALSE_JOIN_RATE) -> float:
    """The threshold, to two decimals as on the sliders, whose share of joined contradicting pairs is nearest `rate`.

    A pair is joined when its similarity is above the threshold, as average linkage merges strictly below 1 − τ.
    """
    grid = np.round(np.arange(0, 100) / 100, 2)
    joined = (pairs.contradicting[None, :] > grid[:, None]).mean(axis=1)
    return float(grid[np.argmin(np.abs(joined - rate))])


def report_card(
    clusterer: str,
    pairs: PairSimilarities,
    threshold: float,
    dataset: str,
    *,
    joins_at_equality: bool = False,
    joined: PairSimilarities | None = None,
) -> ReportCard:
    """The card of `clusterer` at `threshold`; `joins_at_equality` for rules that join at similarity ≥ τ (Jaccard).

    `joined` says which pairs are joined where that is not a matter of a threshold (NLI).
    """
    labels = np.r_[np.ones(len(pairs.agreeing)), np.zeros(len(pairs.contradicting))]
    compare = np.greater_equal if joins_at_equality else np.greater
    if joined is None:
        joined = PairSimilarities(compare(pairs.agreeing, threshold), compare(pairs.contradicting, threshold))
    return ReportCard(
        clusterer=clusterer,
        threshold=threshold,
        auc=float(roc_auc_score(labels, np.r_[pairs.agreeing, pairs.contradicting])),
        true_join_rate=float(joined.agreeing.mean()),
        false_join_rate=float(joined.contradicting.mean()),
        n_agreeing=len(pairs.agreeing),
        n_contradicting=len(pairs.contradicting),
        dataset=dataset,
    )


def read_report_cards(path: Path) -> dict[str, ReportCard]:
    """The cards in `path` by clusterer; none where the file is not there."""
    if not path.is_file():
        return {}
    return {row["clusterer"]: ReportCard(**row) for row in json.loads(path.read_text())}


def write_report_cards(path: Path, cards: Iterable[ReportCard]) -> None:
    """Write the cards to `path`, atomically, beside those of other clusterers that it already holds."""
    merged = read_report_cards(path) | {card.clusterer: card for card in cards}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(card) for _, card in sorted(merged.items())], indent=1) + "\n")
    os.replace(partial, path)


def report_cards() -> dict[str, ReportCard]:
    """The report cards of the clusterers, the user's own before the shipped ones."""
    found: dict[str, ReportCard] = {}
    for folder in (_SHIPPED, files.cache()):
        found |= read_report_cards(folder / _FILE)
    return found


def default_clusterers(encoders: Sequence[str] = (DEFAULT_ENCODER,), nli: str | None = None) -> list[Clusterer]:
    """Every clusterer that these models allow, at its default threshold, the one with the best report card first."""
    cards = report_cards()
    clusterers = [Clusterer("jaccard", JACCARD_THRESHOLD)]
    for encoder in encoders:
        for method in ("embedding", "embedding_masked"):
            card = cards.get(f"{method}/{encoder}")
            clusterers.append(Clusterer(method, card.threshold if card else PUBLISHED_COSINE_THRESHOLD, encoder))
    if nli:
        clusterers.append(Clusterer("nli", 0.0, nli))
    return sorted(clusterers, key=lambda c: -cards[c.key].auc if c.key in cards else 0)


def calibrate(questions: Sequence[Question], encoder: Encoder, nli: Nli | None = None) -> list[ReportCard]:
    """Report cards of all clusterers from the questions' references (docs/methods.md), also written to the cache."""
    dataset = questions[0].dataset
    cards = []
    for prototype in default_clusterers([encoder.key]):

        def similarity(question: Question, texts: Sequence[str], prototype: Clusterer = prototype) -> np.ndarray:
            evidence = encode(encoder, question.text, texts) if prototype.is_linkage else {}
            return prototype.similarity(texts, evidence)

        pairs = pair_similarities(questions, similarity)
        threshold = threshold_at_false_join_rate(pairs) if prototype.is_linkage else prototype.threshold
        cards.append(report_card(prototype.key, pairs, threshold, dataset, joins_at_equality=not prototype.is_linkage))
    if nli:
        cards.append(_nli_card(questions, nli, dataset))
    write_report_cards(files.cache() / _FILE, cards)
    return cards


def _nli_card(questions: Sequence[Question], nli: Nli, dataset: str) -> ReportCard:
    known: dict[str, np.ndarray] = {}

    def probabilities(question: Question, texts: Sequence[str]) -> np.ndarray:
        if question.id not in known:
            pairs = list(permutations(texts, 2))
            found = nli.predict([with_context(nli, question.text, pair) for pair in pairs]).probabilities
            known[question.id] = probability_matrix(texts, texts, dict(zip(pairs, found, strict=True)))
        return known[question.id]

    pairs = pair_similarities(questions, lambda q, texts: entailment_similarity(probabilities(q, texts)))
    joined = pair_similarities(questions, lambda q, texts: entailment_joins(probabilities(q, texts)))
    return report_card(f"nli/{nli.key}", pairs, 0.0, dataset, joined=joined)
