"""One question's answers in sentences: their clusters, distances and entropies, and the grade of the greedy one."""

import math

from homog_core.analysis.rates import RunRates
from homog_core.measures.projection import MIN_DISTINCT_FOR_UMAP
from homog_core.records import Estimate
from homog_core.wording.labels import alike_words, cluster_noun
from homog_core.wording.numbers import UNDEFINED, at_least, counted, noun, number, percent, with_care, with_interval

_GRADE_SIGNS = {"correct": "✓", "incorrect": "✗", "ambiguous": "?", "abstained": "–"}
_RULES = {
    "refusal": "it declines to answer",
    "number": "by the number that it states",
    "yes_no": "by its yes or no",
    "several": "it offers several answers",
    "short_answer": "by its short answer",
}


def grade_sentence(grade: str, policy: str) -> str:
    """The grade of the greedy answer with the rule behind it, in Markdown; "" where it is not graded."""
    if grade not in _GRADE_SIGNS:
        return ""
    return f"{_GRADE_SIGNS[grade]} The greedy answer is graded **{grade}**, {_RULES.get(policy, policy)}."


def outside_cards(n_outside: int, n_answers: int) -> str:
    """A warning where answers are in another script, or longer, than those that the clusterers were tested on."""
    if not n_outside:
        return ""
    return (
        f"{n_outside} of {counted(n_answers, 'answer')} {noun(n_outside, 'is', 'are')} in a script, or of a length, "
        "that the clusterers were never tested on: their report cards do not hold here."
    )


def unclustered(method: str) -> str:
    """Why a question with answers has no clusters, by the method of the clusterer; a sentence without its stop."""
    if method == "judge":
        return "No reply of the judge on this question could be read; another clusterer shows its clusters"
    return "This question has been answered since it was scored"


def too_few(n_valid: int) -> str:
    """Why there are no clusters."""
    return f"{n_valid} of the answers {noun(n_valid, 'is', 'are')} not empty. Clusters need at least two."


def strip_title(n_answers: int, n_wordings: int, n_clusters: int, method: str) -> str:
    """Title of the cluster strip, by a clusterer of this method."""
    return f"{counted(n_answers, 'answer')}, {counted(n_wordings, 'wording')}, {clusters_words(n_clusters, method)}"


def clusters_words(n_clusters: int, method: str) -> str:
    """How many clusters there are, one at least."""
    one = cluster_noun(method)
    return counted(n_clusters, one) if n_clusters > 1 else f"one {one}"


def strip_reading(entropy: float, effective: Estimate, n_empty: int) -> str:
    """How to read the cluster strip; `effective` is the estimated number of answers of the model."""
    return (
        "One block per cluster of answers that count as the same; its width is how often it came, its text the most "
        f"typical answer. Semantic entropy {number(entropy)} nats (0 when all agree). As if the model had "
        f"{effective_number(effective)} equally likely answers, estimated from these {effective.n}."
        + (f" {counted(n_empty, 'empty answer')} left out." if n_empty else "")
    )


def effective_number(found: Estimate) -> str:
    """An effective number of answers with its interval; the lower bound alone where there is no upper one."""
    if math.isnan(found.value):
        return UNDEFINED
    low = number(found.low, 1)
    return f"{low} or more" if math.isinf(found.high) else f"{number(found.value, 1)} [{low}, {number(found.high, 1)}]"


def map_note(asked: str, method: str, faithfulness: float) -> str:
    """How faithful a map is, and why it is not by the method that was asked for; to stand behind another sentence."""
    kept = "" if math.isnan(faithfulness) else f" Map distances correlate {number(faithfulness)} with the real ones."
    few = asked == "umap" and method == "mds"
    why = f" Fewer than {MIN_DISTINCT_FOR_UMAP} distinct answers: classical MDS instead of UMAP." if few else ""
    return kept + why


def distances_title(mean: float) -> str:
    """Title of the distance matrix."""
    return f"Two answers are {number(mean)} apart on average"


def cells_note(n: int, most: int) -> str:
    """That cells of a matrix of more than `most` answers do not name theirs, behind another sentence; "" otherwise."""
    return f" Of more than {most} answers a cell says its distance alone." if n > most else ""


def entropy_title(name: str, mean: float, n_tokens: int, kind: str) -> str:
    """Title of one answer's token entropies, by their mean in nats."""
    if math.isnan(mean):
        return f"{name}: {'its token entropies are not known' if n_tokens else 'no tokens of its own'}"
    return f"{name}: {at_least(kind)}{number(mean)} nats on average"


def run_headline(found: RunRates, method: str) -> str:
    """What a run found over all its questions, by a clusterer of this method; Markdown."""
    few = with_care(found.single_cluster.n)
    parts = [
        f"All answers {alike_words(method)} on **{with_interval(found.single_cluster, percent)}** of "
        f"{counted(found.single_cluster.n, 'question')}",
        f"**{with_interval(found.clusters)}** different answers a question",
        f"one more answer would be a new one in **{with_interval(found.new, percent)}** of cases",
    ]
    if found.token_entropy.n:
        parts.append(f"token entropy {at_least(found.entropy_kind)}**{with_interval(found.token_entropy)}** nats")
    return " · ".join(parts) + few


def place_of(here: int | None, n: int) -> str:
    """Where a question stands in a list; `here` counts from 0, None is not in it."""
    return f"not among the {n} that are listed" if here is None else f"question {here + 1} of {n}"
