"""The last part of the HTML report: every question with every answer of every run, by cluster."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from homog_core.analysis.lineage import roles
from homog_core.analysis.scored_run import ScoredRun
from homog_core.figures.theme import ink_on, role_colors
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.measures.scores import TOKEN_ENTROPY
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.records import Response
from homog_core.wording.numbers import number
from homog_core.wording.question import clusters_words, unclustered

LONG = 14  # lines of answers from which on a question may be broken over two pages
_GRADES = {"correct": "✓ correct", "incorrect": "✗ incorrect", "ambiguous": "? ambiguous", "abstained": "– abstained"}


class Line(NamedTuple):
    """Answers of the same words."""

    of: str  # which they are, or how many; "" for a single one
    text: str
    first: bool  # of its cluster


class Answers(NamedTuple):
    """One run's answers to a question."""

    name: str  # of the run
    color: str
    ink: str  # that can be read on it
    facts: str
    sizes: list[int]  # of the clusters; none where there are no clusters
    lines: list[Line]


class Asked(NamedTuple):
    """A question with its answers."""

    number: int
    text: str
    notes: str
    by_run: list[Answers]
    long: bool


def asked(runs: Mapping[str, ScoredRun], clusterer: Clusterer, number: int, key: str) -> Asked:
    """The question `key`, which is the report's `number`th, with the answers of every run."""
    row = next(iter(runs.values())).questions.loc[key]
    correct, incorrect = (" / ".join(row[name]) for name in ("references", "incorrect_references"))
    notes = [key, row["category"], correct and f"correct: {correct}", incorrect and f"incorrect: {incorrect}"]
    colors = role_colors(roles([scored.run for scored in runs.values()]))
    by_run = [
        _answers(name, scored, clusterer, key, color)
        for (name, scored), color in zip(runs.items(), colors, strict=True)
    ]
    long = len(by_run) > 1 or len(by_run[0].lines) > LONG
    return Asked(number, row["text"] or key, " · ".join(note for note in notes if note), by_run, long)


def _answers(name: str, scored: ScoredRun, clusterer: Clusterer, key: str, color: str) -> Answers:
    answers, labels = scored.answers(key), by_size(scored.labels(key, clusterer))
    valid = [answers.responses[i] for i in scored.valid(key)]
    clustered = len(labels) == len(valid)
    members = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    groups = [[valid[i] for i in own] for own in members] if clustered else [valid]
    lines = [] if answers.greedy.is_missing else [Line("greedy", _text(answers.greedy), False)]
    for group in groups:
        for i, (text, n) in enumerate(Counter(map(_text, group)).items()):
            lines.append(Line(f"× {n}" if n > 1 else "", text, i == 0))
    if n_invalid := len(answers.responses) - len(valid):
        lines.append(Line(f"× {n_invalid}", "(empty or ended in an error: in no cluster)", True))
    facts = (
        _facts(scored.scores.loc[key], labels, clusterer.method)
        if clustered
        else f"not clustered: {unclustered(clusterer.method)}"
    )
    return Answers(name, color, ink_on(color), facts, list(map(len, members)), lines)


def _text(response: Response) -> str:
    text = response.answer or "(empty)"
    return f"{text} […]" if response.finish_reason == "length" else text


def _facts(scores: pd.Series, labels: Sequence[int], method: str) -> str:
    """What is known of the answers to a question, by its row of scores and the labels of the valid answers."""
    n, n_clusters = len(labels), len(set(labels))
    parts = ["clusters undefined: fewer than two answers"]
    if n > 1:
        parts = [
            f"{n} answers, {clusters_words(n_clusters, method)}",
            f"semantic entropy {number(discrete_semantic_entropy(labels))} nats",
        ]
    if not np.isnan(scores[TOKEN_ENTROPY]):
        parts.append(f"token entropy of the greedy answer {number(scores[TOKEN_ENTROPY])} nats")
    return " · ".join([*parts, f"greedy answer {_GRADES.get(scores['grade'], 'not graded')}"])
