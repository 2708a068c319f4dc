"""The clusterers on public partitions and judged pairs, and the grades on public judgements. Sampled by others.

"Judged correct" is not "means the same", and the partitions of novelty-bench are those of its classifier.
"""

import json
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from benchmarks.reading import before
from benchmarks.reading.pairs import BEFORE
from homog_core.errors import NotFound
from homog_core.files import dataset_folders
from homog_core.measures.clustering import Clusterer, cluster_average_linkage
from homog_core.measures.encoders import Encoder, SentenceEncoder, encode
from homog_core.measures.grading import grade
from homog_core.measures.report_cards import default_clusterers
from homog_core.records import Question
from homog_core.reports.tables import Table
from homog_core.runs.public_answers import JUDGED_SYSTEMS, judged_answers, judged_pairs, public_answers
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.wording.numbers import number, percent, tenth_percent, with_interval

PARTITIONS = (
    "human-survey/dev.crowdsourced",
    "novelty-bench/Llama-3.1-8B-Instruct.partitions",
    "novelty-bench/gemma-2-9b-it.partitions",
)
N_PAIRS = 400  # drawn of each set of judged pairs
N_JUDGED = 1000  # questions of each half of EVOUNA

Cluster = Callable[[str, Sequence[str]], np.ndarray]  # a question, N answers → labels (N,)
JudgedPair = tuple[str, str, str, bool]  # question, two texts, whether they are judged the same


def tables() -> list[Table]:
    """Partitions, judged pairs and judged answers, before and after."""
    return [
        Table(
            "Partitions that came with public sets",
            "Sampled by others, counted by us. Pairs of answers to one question that are in one cluster; adjusted Rand "
            "index, mean over questions; single-cluster rate with 95 % Wilson interval. novelty-bench: 100 prompts, 10 "
            "answers; human-survey: 52 questions, about 100 answers.",
            [row for source in PARTITIONS for row in _partition_rows(source)],
        ),
        Table(
            "Public judged pairs",
            f"Sampled or written by others, at most {N_PAIRS} pairs of a set, drawn with seed 0; of EVOUNA from "
            "the questions that fitted nothing. AUC, and the share rightly judged at the default threshold.",
            [_pairs_row(name, list(found())) for name, found in _JUDGED_PAIRS.items()],
        ),
        Table(
            "Grades against people's judgements",
            f"EVOUNA: answers of five systems, judged by people; {N_JUDGED} questions of each set, drawn with seed 0. "
            "95 % Wilson intervals.",
            [row for name in ("NQ", "TQ") for row in _judgement_rows(name)],
        ),
    ]


# Partitions


def _partition_rows(source: str) -> Iterator[dict[str, str]]:
    found = public_answers(source)
    clusterer, wordllama = default_clusterers()[0], SentenceEncoder("wordllama")
    ways: dict[str, Cluster] = {
        "all one": lambda question, answers: np.zeros(len(answers)),
        "all different": lambda question, answers: np.unique(answers, return_inverse=True)[1],
        BEFORE: lambda question, answers: cluster_average_linkage(
            before.similarity(wordllama, question, answers), before.THRESHOLD
        ),
        f"{clusterer.key}, τ = {number(clusterer.threshold)}": by_clusterer(clusterer),
    }
    truth = [np.array(answers.partition) for answers in found]
    yield partition_row(source, "the partition itself", truth, truth)
    for name, cluster in ways.items():
        yield partition_row(source, name, truth, [cluster(a.question.text, a.samples) for a in found])


def by_clusterer(clusterer: Clusterer, encoder: Encoder | None = None) -> Cluster:
    """What puts answers into clusters by a clusterer; `encoder` stands in for its own."""
    if clusterer.encoder and encoder is None:
        encoder = SentenceEncoder(clusterer.encoder)

    def labels(question: str, answers: Sequence[str]) -> np.ndarray:
        distinct = list(dict.fromkeys(answers))
        evidence = {} if encoder is None else encode(encoder, question, distinct)
        similarity = clusterer.similarity(question, distinct, evidence)
        where = [distinct.index(answer) for answer in answers]
        return clusterer.labels(similarity[np.ix_(where, where)])

    return labels


def partition_row(source: str, name: str, truth: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> dict[str, str]:
    """How the clusters of some questions, labels (N,) each, agree with those that came with them."""
    joined = np.concatenate([_pairs(labels) for labels in found])
    same = np.concatenate([_pairs(labels) for labels in truth])
    hits, n_clusters = int((joined & same).sum()), [float(len(np.unique(labels))) for labels in found]
    return {
        "set": source.removesuffix(".partitions"),
        "clusters by": name,
        "clusters": with_interval(mean_estimate(n_clusters), lambda value: number(value, 1)),
        "SCR": with_interval(single_cluster_rate(n_clusters), tenth_percent),
        "pair precision": number(hits / joined.sum()) if joined.any() else "—",
        "pair recall": number(hits / same.sum()),
        "adjusted Rand": number(float(np.mean([adjusted_rand_score(a, b) for a, b in zip(truth, found, strict=True)]))),
    }


def _pairs(labels: np.ndarray) -> np.ndarray:
    return (labels[:, None] == labels[None, :])[np.triu_indices(len(labels), 1)]


# Judged pairs


def _pairs_row(name: str, pairs: list[JudgedPair]) -> dict[str, str]:
    pairs = random.Random(0).sample(pairs, min(N_PAIRS, len(pairs)))
    same = np.array([pair[3] for pair in pairs])
    clusterer, wordllama = default_clusterers()[0], SentenceEncoder("wordllama")
    encoder = SentenceEncoder(clusterer.encoder)
    old = np.array([before.similarity(wordllama, q, [a, b])[0, 1] for q, a, b, _ in pairs])
    new = np.array([clusterer.similarity(q, [a, b], encode(encoder, q, [a, b]))[0, 1] for q, a, b, _ in pairs])
    return {
        "set": name,
        "pairs": f"{len(pairs)}, {percent(same.mean())} the same",
        "AUC before": number(roc_auc_score(same, old)),
        f"AUC {clusterer.key}": number(roc_auc_score(same, new)),
        "rightly judged before": percent(float(((old > before.THRESHOLD) == same).mean())),
        f"rightly judged {clusterer.key}": percent(float(((new > clusterer.threshold) == same).mean())),
        "all one": percent(float(same.mean())),
        "all different": percent(float((~same).mean())),
    }


def _efficientqa() -> Iterator[JudgedPair]:
    for line in _read("efficientqa_rated/NQ-open.efficientqa.test.1.1.jsonl").splitlines():
        row = json.loads(line)
        for kind, same in (("def_correct_predictions", True), ("def_incorrect_predictions", False)):
            for said in row[kind]:
                if said != row["answer"][0]:
                    yield row["question"], row["answer"][0], said, same


def _breaking_nli() -> Iterator[JudgedPair]:
    with zipfile.ZipFile(_path("breaking_nli/breaking_nli_dataset.zip")) as archive:
        for line in archive.read("data/dataset.jsonl").decode().splitlines():
            row = json.loads(line)
            if row["gold_label"] in ("entailment", "contradiction"):
                yield "", row["sentence1"], row["sentence2"], row["gold_label"] == "entailment"


def _cad_nli() -> Iterator[JudgedPair]:
    for line in _read("cad_nli/train.tsv").splitlines()[1:]:
        first, second, label = line.split("\t")
        if label in ("entailment", "contradiction"):
            yield "", first, second, label == "entailment"


def _student_answers() -> Iterator[JudgedPair]:
    """Student answers against the first reference answer: correct or contradictory."""
    with zipfile.ZipFile(_path("semeval2013_sra/semeval-3way.zip")) as archive:
        for name in archive.namelist():
            if "/3way/" in name and name.endswith(".xml"):
                question = ElementTree.fromstring(archive.read(name))
                reference = question.find(".//referenceAnswer").text
                for answer in question.iter("studentAnswer"):
                    if answer.get("accuracy") in ("correct", "contradictory") and answer.text and reference:
                        yield (
                            question.findtext("questionText", ""),
                            reference,
                            answer.text,
                            answer.get("accuracy") == "correct",
                        )


_JUDGED_PAIRS = {
    "EVOUNA, two systems' answers": lambda: judged_pairs(for_fitting=False),
    "EfficientQA, rated predictions": _efficientqa,
    "SemEval-2013, student answers": _student_answers,
    "Breaking NLI, one word changed": _breaking_nli,
    "CAD NLI, edited sentences": _cad_nli,
}

# Judged answers


def _judgement_rows(name: str) -> Iterator[dict[str, str]]:
    rows = random.Random(0).sample(judged_answers(name), N_JUDGED)
    for system in JUDGED_SYSTEMS:
        judged = [(row, row[f"judge_{system}"]) for row in rows if row.get(f"answer_{system}") is not None]
        graded = [_verdict(row, row[f"answer_{system}"]) == "correct" for row, _ in judged]
        right = [verdict for _, verdict in judged]
        hits = sum(g and r for g, r in zip(graded, right, strict=True))
        yield {
            "set": name,
            "system": system,
            "answers": str(len(judged)),
            "judged right": str(sum(right)),
            "precision": with_interval(wilson_interval(hits, sum(graded))),
            "recall": with_interval(wilson_interval(hits, sum(right))),
        }


def _verdict(row: dict[str, Any], answer: str) -> str:
    references = tuple(part for part in row["golden_answer"].split("/") if part.strip())
    return grade(Question("judged", "evouna", row["question"], references or (row["golden_answer"],)), answer).verdict


def _read(path: str) -> str:
    return _path(path).read_text()


def _path(name: str) -> Path:
    for folder in dataset_folders():
        if (path := folder / "equivalence" / name).exists():
            return path
    raise NotFound(f"equivalence/{name} is not on this machine; name its folder in HOMOG_DATA.")
