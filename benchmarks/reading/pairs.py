"""What the readings say of the clusterers: on the half of the pairs that chose nothing, by stage and length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from benchmarks.reading import before
from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.encoders import SentenceEncoder
from homog_core.measures.report_cards import LENGTHS, ReadPair, default_clusterers, joins, pair_similarity
from homog_core.reports.tables import Table
from homog_core.runs.readings import FOLDER, read_pairs
from homog_core.statistics.intervals import wilson_interval
from homog_core.wording.numbers import bounds, number, percent, with_interval

BEFORE = "before: embedding_masked/wordllama, τ = 0.37"
N_RESAMPLES = 2000
_STAGES = ("base", "first sft", "first control", "first dpo", "instruct", "people")


@dataclass(frozen=True, slots=True)
class Judged:
    """What one clusterer says of the pairs (n,)."""

    name: str
    similarity: np.ndarray
    joined: np.ndarray


def tables() -> list[Table]:
    """Agreement of the readers, the report cards with differences from before, and rates by stage and length."""
    pairs = [pair for pair in read_pairs() if pair.half == "card"]
    same = np.array([pair.same for pair in pairs])
    judged = judge(pairs)
    by_group = [
        {"clusterer": one.name, "group": name, **_rates(one.joined[own], same[own])}
        for one in judged
        for name, own in _groups(pairs).items()
    ]
    note = (
        "`python -m benchmarks.reading tables`. Pairs of different answers to one question, spread evenly over the "
        "range of their similarity, so that hard pairs are over-represented; the half that chose no threshold and no "
        "weight. Differences from before by bootstrap over questions, 95 %."
    )
    return [
        Table("Readers of pairs", "Two readers, and a third where they differ.", [_agreement()]),
        Table("Clusterers against readings", note, _overall(pairs, same, judged)),
        Table("Clusterers against readings, by stage and length", "The same pairs. 95 % Wilson intervals.", by_group),
    ]


def judge(pairs: Sequence[ReadPair]) -> list[Judged]:
    """Every clusterer at its default threshold, the published one, and the default before."""
    encoders = {key: SentenceEncoder(key) for key in ENCODERS}
    clusterers = [*default_clusterers(list(ENCODERS)), Clusterer("embedding", PUBLISHED_COSINE_THRESHOLD, "minilm")]
    old = np.array([before.similarity(encoders["wordllama"], p.question, [p.first, p.second])[0, 1] for p in pairs])
    found = [Judged(BEFORE, old, old > before.THRESHOLD)]
    for clusterer in clusterers:
        of_pair = pair_similarity(clusterer, encoders.get(clusterer.encoder))
        similarity = np.array([of_pair(pair) for pair in pairs])
        name = f"{clusterer.key}, τ = {number(clusterer.threshold)}"
        found.append(Judged(name, similarity, joins(clusterer, similarity)))
    return found


def _overall(pairs: Sequence[ReadPair], same: np.ndarray, judged: Sequence[Judged]) -> list[dict[str, str]]:
    questions = np.array([f"{pair.source}{pair.question}" for pair in pairs])
    rows = []
    for one in judged:
        differences = {
            "AUC": _difference(
                lambda own, o=one: roc_auc_score(same[own], o.similarity[own]),
                lambda own: roc_auc_score(same[own], judged[0].similarity[own]),
                questions,
            ),
            "rightly judged": _difference(
                lambda own, o=one: float((o.joined[own] == same[own]).mean()),
                lambda own: float((judged[0].joined[own] == same[own]).mean()),
                questions,
            ),
        }
        rows.append(
            {
                "clusterer": one.name,
                "AUC": number(roc_auc_score(same, one.similarity)),
                "− before": "" if one is judged[0] else differences["AUC"],
                "rightly judged": percent(float((one.joined == same).mean())),
                "− before ": "" if one is judged[0] else differences["rightly judged"],
                **_rates(one.joined, same),
            }
        )
    return rows


def _difference(ours: Callable, theirs: Callable, questions: np.ndarray) -> str:
    """The difference of a statistic of two clusterers, with its interval by bootstrap over questions."""
    names, where = np.unique(questions, return_inverse=True)
    members = [np.flatnonzero(where == k) for k in range(len(names))]
    rng, everything = np.random.default_rng(0), np.arange(len(questions))
    drawn = []
    for _ in range(N_RESAMPLES):
        own = np.concatenate([members[k] for k in rng.integers(len(names), size=len(names))])
        drawn.append(ours(own) - theirs(own))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"{number(ours(everything) - theirs(everything))} {bounds(low, high)}"


def _rates(joined: np.ndarray, same: np.ndarray) -> dict[str, str]:
    def share(hits: int, n: int) -> str:
        return f"{hits}/{n}" + (f" = {with_interval(wilson_interval(hits, n))}" if n else "")

    return {
        "precision": share(int((joined & same).sum()), int(joined.sum())),
        "recall": share(int((joined & same).sum()), int(same.sum())),
    }


def _groups(pairs: Sequence[ReadPair]) -> dict[str, np.ndarray]:
    stages = {stage: np.array([pair.stage == stage for pair in pairs]) for stage in _STAGES}
    lengths = {
        f"{name} (≤ {most} words)": np.array([p.length == name for p in pairs]) for name, most in LENGTHS.items()
    }
    return stages | lengths


def _agreement() -> dict[str, str]:
    rows = pd.read_csv(FOLDER / "pairs.csv", dtype=str, keep_default_na=False)
    return {
        "pairs": str(len(rows)),
        "the readers agree": percent((rows["reader_1"] == rows["reader_2"]).mean()),
        "Cohen's κ": number(cohen_kappa_score(rows["reader_1"], rows["reader_2"])),
        "read as the same": str((rows["same"] == "1").sum()),
        "ours, with their texts here": str((~rows["source"].str.contains("/")).sum()),
    }
