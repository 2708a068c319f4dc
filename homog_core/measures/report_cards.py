"""Report cards: how well a clusterer tells answers that readers call the same from others, and its threshold.

Made from pairs of sampled answers that two readers compared (docs/decisions.md): one half of the questions chooses
thresholds and weights, the card is measured on the other. It knows nothing of files of answers; the cards are the JSON
file beside this one and the user's own, which `python -m homog_core calibrate` writes.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from homog_core import files
from homog_core.catalogue.encoders import DEFAULT_ENCODER
from homog_core.errors import InvalidInput
from homog_core.measures import combined
from homog_core.measures.clustering import (
    JACCARD_THRESHOLD,
    PUBLISHED_COSINE_THRESHOLD,
    Clusterer,
    entailment_joins,
    set_similarity,
)
from homog_core.measures.conflicts import disagreements, statements
from homog_core.measures.encoders import Encoder, encode
from homog_core.measures.judge import Judge, group
from homog_core.measures.nli import Nli, probability_matrix, with_context
from homog_core.measures.words import is_latin, words_of
from homog_core.records import Question

JUDGED_WEIGHT = 0.5  # of all pairs judged by others together, against those that were read
EVEN = 0.5  # the threshold of `combined`: as likely the same as not
LONGEST = 250  # words; no longer answer was read for the cards
LENGTHS = {"short": 3, "sentence": 25, "long": LONGEST}  # classes by the words of the longer answer

_SHIPPED, _FILE = Path(__file__).parent, "report_cards.json"


@dataclass(frozen=True, slots=True)
class ReadPair:
    """Two answers to a question, and whether readers called them the same."""

    question: str
    first: str
    second: str
    same: bool
    half: str  # choose or card; judged: by others, and only for fitting
    stage: str
    source: str

    @property
    def length(self) -> str:
        """Its length class, one of `LENGTHS`."""
        n_words = max(len(words_of(self.first)), len(words_of(self.second)))
        return next((name for name, most in LENGTHS.items() if n_words <= most), "long")


@dataclass(frozen=True, slots=True)
class ReportCard:
    """What joining two answers by a clusterer at a threshold is worth, on the pairs that chose nothing."""

    clusterer: str  # e.g. "jaccard", "combined/minilm"
    threshold: float
    auc: float  # of telling the same from different pairs; 0.5 is chance
    precision: float  # share of the joined pairs that are the same
    recall: float  # share of the pairs that are the same that are joined
    false_join_rate: float  # share of the different pairs that are joined
    n_same: int
    n_different: int
    reference_auc: float | None = None  # on reference answers: agreeing against contradicting ones


PairSimilarity = Callable[[ReadPair], float]


def pair_similarity(
    clusterer: Clusterer, encoder: Encoder | None = None, nli: Nli | None = None, judge: Judge | None = None
) -> PairSimilarity:
    """The similarity of two answers under a clusterer; for `nli` and a judge whether they are joined.

    Two answers of which a judge gives no groups that can be read are not joined.
    """

    def similarity(pair: ReadPair) -> float:
        texts = [pair.first, pair.second]
        if clusterer.method == "nli":
            return float(entailment_joins(_judged(nli, pair.question, texts), clusterer.entailment)[0, 1])
        if clusterer.method == "judge":
            return float(len(set(group(judge, pair.question, texts).labels)) == 1)
        evidence = encode(encoder, pair.question, texts) if encoder else {}
        return float(clusterer.similarity(pair.question, texts, evidence)[0, 1])

    return similarity


def fewest_errors(similarity: np.ndarray, same: np.ndarray) -> float:
    """The threshold, to two decimals as on the sliders, that errs least on the pairs; the middle one of ties."""
    grid = np.round(np.arange(0, 100) / 100, 2)
    errors = ((similarity[None, :] > grid[:, None]) != same).sum(axis=1)
    best = grid[errors == errors.min()]
    return float(best[len(best) // 2])


def report_card(clusterer: Clusterer, similarity: np.ndarray, same: np.ndarray) -> ReportCard:
    """The card of a clusterer from the similarities of pairs (n,) and what readers said (n,).

    A pair is joined above the threshold (Jaccard: from it on); for `nli` the similarity says it. Raises `InvalidInput`
    where one of the two kinds of pairs is missing.
    """
    joined = joins(clusterer, similarity)
    n_same, n_different = int(same.sum()), int((~same).sum())
    if not n_same or not n_different:
        raise InvalidInput(
            "A report card needs pairs that readers called the same and pairs that they called different."
        )
    return ReportCard(
        clusterer.key,
        clusterer.threshold,
        float(roc_auc_score(same, similarity)),
        float(same[joined].mean()) if joined.any() else float("nan"),
        float(joined[same].mean()),
        float(joined[~same].mean()),
        n_same,
        n_different,
    )


def joins(clusterer: Clusterer, similarity: np.ndarray) -> np.ndarray:
    """Which pairs (n,) a clusterer joins by itself, without what else is in their clusters."""
    return similarity >= clusterer.threshold if clusterer.method == "jaccard" else similarity > clusterer.threshold


def fit_combined(pairs: Sequence[ReadPair], encoder: Encoder) -> combined.Weights:
    """The weights of the clusterer `combined` for an encoder, from pairs that state nothing different.

    Pairs that others judged count together half as much as those that were read.
    """
    found, same, read = [], [], []
    for pair in pairs:
        texts = [pair.first, pair.second]
        stated = statements(texts, pair.question)
        if not disagreements(stated)[0, 1]:
            cosine = set_similarity(encode(encoder, pair.question, texts)["masked"])
            found.append(combined.signs(cosine, stated)[0, 1])
            same.append(pair.same)
            read.append(pair.half != "judged")
    n_judged = len(read) - sum(read)
    weight = np.where(read, 1.0, JUDGED_WEIGHT * sum(read) / max(n_judged, 1))
    return combined.fit(encoder.key, np.array(found), np.array(same), weight)


def calibrate(
    pairs: Sequence[ReadPair],
    encoder: Encoder,
    nli: Nli | None = None,
    questions: Iterable[Question] = (),
    judge: Judge | None = None,
) -> list[ReportCard]:
    """Report cards of all clusterers, and the weights of `combined`, from read pairs; also written to the cache.

    With `questions` each card has an AUC on their reference answers beside it.
    """
    halves = {half: [pair for pair in pairs if pair.half == half] for half in ("choose", "card", "judged")}
    same = {half: np.array([pair.same for pair in own], dtype=bool) for half, own in halves.items()}
    combined.write_weights(fit_combined([*halves["choose"], *halves["judged"]], encoder))
    reference_pairs = list(_reference_pairs(questions))
    cards = []
    others = [Clusterer("nli", 0.0, nli.key)] if nli else []
    others += [judge_clusterer(judge.key)] if judge else []
    for clusterer in [*_of_encoder(encoder.key, {}), *others]:
        of_pair = pair_similarity(clusterer, None if clusterer.method == "jaccard" else encoder, nli, judge)
        if clusterer.method in ("embedding", "embedding_masked"):
            chosen = fewest_errors(np.array([of_pair(pair) for pair in halves["choose"]]), same["choose"])
            clusterer = Clusterer(clusterer.method, chosen, encoder.key)
        card = report_card(clusterer, np.array([of_pair(pair) for pair in halves["card"]]), same["card"])
        auc = _reference_auc(reference_pairs, of_pair) if clusterer not in others else None
        cards.append(ReportCard(**(asdict(card) | {"reference_auc": auc})))
    write_report_cards(files.cache() / _FILE, cards)
    return cards


def _reference_pairs(questions: Iterable[Question]) -> Iterable[ReadPair]:
    """Two correct references of a question agree; a correct and an incorrect one do not."""
    for question in questions:
        right, wrong = question.references, question.incorrect_references
        for same, found in ((True, combinations(right, 2)), (False, product(right, wrong))):
            for first, second in found if wrong else ():
                yield ReadPair(question.text, first, second, same, "references", "", question.dataset)


def _reference_auc(pairs: Sequence[ReadPair], of_pair: PairSimilarity) -> float | None:
    same = [pair.same for pair in pairs]
    return float(roc_auc_score(same, [of_pair(pair) for pair in pairs])) if len(set(same)) == 2 else None


def _judged(nli: Nli, question: str, texts: list[str]) -> np.ndarray:
    pairs = [(texts[0], texts[1]), (texts[1], texts[0])]
    found = nli.predict([with_context(nli, question, pair) for pair in pairs]).probabilities
    return probability_matrix(texts, texts, dict(zip(pairs, found, strict=True)))


# The cards that there are


def read_report_cards(path: Path) -> dict[str, ReportCard]:
    """The cards in `path` by clusterer; none where the file is not there, nor those of older versions.

    Raises `InvalidInput` for a file of anything else.
    """
    if not path.is_file():
        return {}
    return {card.clusterer: card for card in files.kept_records(ReportCard, path)}


def write_report_cards(path: Path, cards: Iterable[ReportCard]) -> None:
    """Write the cards to `path`, atomically, beside those of other clusterers that it already holds."""
    merged = read_report_cards(path) | {card.clusterer: card for card in cards}
    files.make_folder(path.parent)
    with files.replacing(path, path.name) as stream:
        rows = [asdict(card) for _, card in sorted(merged.items())]
        stream.write(json.dumps(rows, indent=1).encode() + b"\n")


def report_cards() -> dict[str, ReportCard]:
    """The report cards of the clusterers, the user's own before the shipped ones."""
    found: dict[str, ReportCard] = {}
    for folder in (_SHIPPED, files.cache()):
        found |= read_report_cards(folder / _FILE)
    return found


def default_clusterers(encoders: Sequence[str] = (DEFAULT_ENCODER,), nli: str | None = None) -> list[Clusterer]:
    """Every clusterer that these models allow, at its default threshold, the one with the best report card first."""
    cards = report_cards()
    found = dict.fromkeys(clusterer for encoder in encoders for clusterer in _of_encoder(encoder, cards))
    clusterers = list(found) or [Clusterer("jaccard", JACCARD_THRESHOLD)]
    if nli:
        clusterers.append(Clusterer("nli", 0.0, nli))
    return sorted(clusterers, key=lambda c: -cards[c.key].auc if c.key in cards else 0)


def _of_encoder(encoder: str, cards: dict[str, ReportCard]) -> Iterable[Clusterer]:
    yield Clusterer("jaccard", JACCARD_THRESHOLD)
    for method in ("embedding", "embedding_masked"):
        card = cards.get(f"{method}/{encoder}")
        yield Clusterer(method, card.threshold if card else PUBLISHED_COSINE_THRESHOLD, encoder)
    if combined.weights_of(encoder):
        yield Clusterer("combined", EVEN, encoder)


def judge_clusterer(judge: str) -> Clusterer:
    """The clusterer that a judge is: it has said what is joined, so any threshold between 0 and 1 gives the same."""
    return Clusterer("judge", EVEN, judge)


def is_outside_cards(answer: str) -> bool:
    """Whether an answer is in a script, or longer, than any that was read for the report cards."""
    return not is_latin(answer) or is_longer(len(words_of(answer)))


def is_longer(n_words: int) -> bool:
    """Whether an answer of so many words is longer than any that was read for the report cards."""
    return n_words > LONGEST
