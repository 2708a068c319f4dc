"""Several runs side by side, in words: what they differ in, why they cannot be compared, what the paired tests say."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from homog_core.analysis import lineage
from homog_core.analysis.changes import Changes
from homog_core.analysis.comparable import Obstacle
from homog_core.analysis.compare import Comparison
from homog_core.records import Estimate
from homog_core.runs.store import Run
from homog_core.wording.labels import ROLE_TITLES, alike_words, dataset_title, first_upper
from homog_core.wording.numbers import (
    CHANCE,
    at_least,
    counted,
    given,
    interval,
    number,
    p_value,
    percent,
    signed,
    tenth,
    tenth_percent,
    times,
    whole,
    with_interval,
)
from homog_core.wording.run_names import names
from homog_core.wording.texts import rule_words


def differences(differing: Mapping[str, Sequence[Any]], runs: Sequence[Run] = ()) -> str:
    """What runs differ in, in words, with a caution where it is more than one thing.

    `differing` is that of `analysis.compare.Comparison`. Of `runs` that are from elsewhere nobody but their importer
    knows how they were sampled, and what nobody has given is not known. Weights go with the model and the exact prompts
    with the prompt's style, so they are named only where they differ alone.
    """
    parts = []
    for key, values in differing.items():
        if any(other in differing for other in _DEPENDENT.get(key, ())):
            continue
        hidden = key.endswith("sha256") or not values
        shown = "" if hidden else f" ({' / '.join(_shown(value, key) for value in values)})"
        parts.append(_FIELDS.get(key, key) + shown)
    said = _SAID if any(run.is_imported for run in runs) else ""
    unknown = [_FIELDS.get(key, key) for key in dict.fromkeys(key for run in runs for key in run.provenance.not_said)]
    said += f" Nobody gave the {' and the '.join(unknown)} of {_whose(runs)}." if unknown else ""
    if not parts:
        return f"The runs differ in nothing that is recorded.{said}"
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    same = "Everything else that is known is the same." if unknown else "Everything else is the same."
    last = "A difference may come from any of these." if len(parts) > 1 else same
    return f"The runs differ in the {listed}. {last}{said}"


_SAID = " How imported answers were sampled is what their importer said."


def _whose(runs: Sequence[Run]) -> str:
    """Of how many runs something was not given."""
    n = sum(bool(run.provenance.not_said) for run in runs)
    return "any of them" if n == len(runs) else f"{n} of {len(runs)}"


_DEPENDENT = {
    "revision": ("model",),
    "prompts_sha256": ("prompt_style", "question_ids_sha256"),
    "n_questions": ("question_ids_sha256",),
}

_FIELDS = {
    "model": "model",
    "revision": "version of the weights",
    "dataset": "dataset",
    "question_ids_sha256": "set of questions",
    "n_questions": "number of questions",
    "n_samples": "number of answers a question",
    "prompt_style": "style of the prompt",
    "prompts_sha256": "exact prompts",
    "max_new_tokens": "token limit",
    "dtype": "number format of the weights",
    "top_p": "top-p",
    "top_k": "top-k",
    "stop": "stop strings",
    "seed": "random seed",
    "leftovers": "rule by which reasoning and prefixes are left out of texts",
    "entropy_kind": "kind of token entropies",
    "common_prompts": "prompts of the questions that they share",
    "cut": "share of answers cut by the token limit",
    "unknown_ends": "share of answers of which nobody knows whether they were cut",
}
_KINDS = {"exact": "exact", "none": "not known"}


def _shown(value: Any, key: str) -> str:
    if key == "entropy_kind":
        return _KINDS.get(value) or f"lower bounds from {value.removeprefix('top_k:')} tokens"
    if key == "leftovers":
        return rule_words(value) or "the usual one"
    if value is None:
        return "not known"
    if isinstance(value, list | tuple):
        return ", ".join(map(repr, value)) or "none"
    if key in ("cut", "unknown_ends"):
        return percent(value)
    return given(value) if isinstance(value, float) else str(value) or "not known"


def obstacle_sentence(found: Obstacle) -> str:
    """Why runs cannot be compared, in one sentence."""
    if found.kind == "one_run":
        return "One run alone has nothing to be compared with: add a second one to the list."
    titles = names(found.runs)
    first, second = (f"{titles[run.id]} ({run.id[-10:]})" for run in found.runs)
    a, b = found.runs
    if found.kind == "dataset":
        return (
            f"{first} answered the questions of {dataset_title(a.identity.dataset)}, {second} those of "
            f"{dataset_title(b.identity.dataset)}: choose runs of one dataset."
            + (_ONE_NAME if a.is_imported and b.is_imported else "")
        )
    return (
        f"{first} was asked {times(a.decoding.n_samples)} a question and {second} {times(b.decoding.n_samples)}: more "
        "answers make more different ones, so choose runs with the same number."
    )


_ONE_NAME = " Where the questions are the same, import both files again under one name (--dataset NAME)."


def chain_title(runs: Sequence[Run]) -> str:
    """The stages of a chain, as in `base → SFT → control → DPO`."""
    return " → ".join(
        ROLE_TITLES[role] or run.identity.model for role, run in zip(lineage.roles(runs), runs, strict=True)
    )


def short_names(runs: Sequence[Run]) -> list[str]:
    """The stages where they tell the runs apart, otherwise letters."""
    stages = [ROLE_TITLES[role] for role in lineage.roles(runs)]
    return stages if all(stages) and len(set(stages)) == len(stages) else list("ABCDEFGH"[: len(stages)])


def arrow(values: Sequence[float], show: Callable[[float], str] = whole) -> str:
    """Values along the runs, as in `9 → 5 → 1`."""
    return " → ".join(show(value) for value in values)


def answers_per_question(found: Changes, show: Callable[[float], str] = tenth) -> str:
    """Title: the mean number of different answers along the runs."""
    return f"{arrow([mean.value for mean in found.means], show)} different answers per question"


def overview(found: Changes, titles: Sequence[str], method: str) -> str:
    """What changed over all questions, by a clusterer of this method."""
    rates = arrow([rate.value for rate in found.rates], percent)
    return f"{summary_sentence(found, titles)} All answers {alike_words(method)} on {rates} of the questions."


def summary_sentence(found: Changes, titles: Sequence[str]) -> str:
    """On how many questions the last run gives fewer different answers than the first, and on how many more."""
    first, last = titles[0], titles[-1]
    n, fewer, more = int(found.change.notna().sum()), found.n_fewer, found.n_more
    if not n:
        return "There is no question on which both have at least two answers, so nothing can be compared."
    if not fewer and not more:
        return f"{last} gives as many different answers as {first} on all {counted(n, 'question')}."
    one, two = ("fewer", "more") if fewer >= more else ("more", "fewer")
    return (
        f"On {max(fewer, more)} of {n} questions {last} gives {one} different answers than {first}, on "
        f"{min(fewer, more)} {two}, on {n - fewer - more} as many."
    )


# One question


def agreement(change: float, agreed: float) -> str:
    """Whether all clusterers see a question's change in the number of different answers; "" without a change."""
    if np.isnan(change) or not change:
        return ""
    if agreed:
        fewer = "fewer" if change < 0 else "more"
        return f"However they are counted, at least {whole(agreed)} {fewer} different answers: all clusterers agree."
    return "The clusterers do not agree on this change. Read the answers before you quote it."


def strips_title(counts: Sequence[Sequence[int]]) -> str:
    """Title of the cluster strips: the number of clusters of each run, undefined below two answers."""
    ks = [len(sizes) if sum(sizes) > 1 else np.nan for sizes in counts]
    return f"{arrow(ks)} different answers"


def maps_title(n_wordings: Sequence[int], method: str) -> str:
    """Title of the joint map."""
    return f"{arrow(n_wordings)} different wordings on one map ({method.upper()})"


def distances_title(means: pd.DataFrame) -> str:
    """Title of the distances. `means` of `analysis.joint.block_distances`."""
    within = arrow([means.iloc[i, i] for i in range(len(means))], number)
    return f"Answers are {within} apart within a model, {number(means.iloc[0, -1])} across"


def entropies_title(means: Sequence[float], kinds: Sequence[str]) -> str:
    """Title of the greedy answers' token entropies, in nats; of different kinds they are not set side by side."""
    if len(set(kinds)) > 1:
        return "The greedy answer: token entropies of different kinds, exact ones and lower bounds"
    return f"The greedy answer: {at_least(kinds[0])}{arrow(means, number)} nats on average"


# Over all questions


def all_questions_title(n: int, *, of_all: bool) -> str:
    """How many questions the runs are compared on."""
    return f"Over all {counted(n, 'question')}" if of_all else f"Over the {counted(n, 'question')} that all runs have"


def left_out_tests(statistics: Collection[str]) -> str:
    """Why some of `STATISTICS` are not among the statistics that were tested; "" where all are."""
    if all(name in statistics for name in STATISTICS):
        return ""
    return "Token entropies are not compared: they are exact in one run, and lower bounds from some tokens in another."


def tests_title(tests: Sequence[Mapping[str, Any]]) -> str:
    """How many of the paired tests find more than chance."""
    n = sum(not np.isnan(test["pvalue_holm"]) for test in tests)
    if not n:
        return "No difference can be tested"
    beyond = sum(test["pvalue_holm"] < CHANCE for test in tests)
    return f"{beyond} of {n} differences are larger than chance alone would give"


def broken_title(found: Comparison, run_id: str, name: str) -> str:
    """Whether a run gives the same answer to everything, or loops."""
    distinct, looping = (found.estimate(run_id, key).value for key in ("distinct_across_questions", "looping"))
    greedy = (
        "no greedy answers" if np.isnan(distinct) else f"{percent(distinct)} different greedy answers across questions"
    )
    return f"Homogenized or broken? {greedy}, {percent(looping)} of the words repeat what stands before them ({name})"


def estimate_cell(found: Estimate, statistic: str) -> str:
    """A statistic of a run in a table."""
    return with_interval(found, RUN_STATISTICS[statistic].show)


_TESTS = {"wilcoxon_signed_rank": "Wilcoxon signed-rank", "mcnemar_exact": "McNemar, exact"}

_STATISTICS = {  # noun, unit of the difference
    "num_semantic_sets": ("different answers", ""),
    "discrete_semantic_entropy": ("semantic entropy", " nats"),
    "mean_token_entropy": ("token entropy of the greedy answer", " nats"),
    "mean_token_entropy_sampled": ("token entropy of the sampled answers", " nats"),
    "samples_correct": ("share of correct samples", ""),
}

_SWITCHES = {  # what a question becomes or ceases to be, and the rate
    "single_cluster": ("single-cluster", "single-cluster rate"),
    "correct": ("correct", "accuracy of the graded greedy answers"),
}

STATISTICS = ("num_semantic_sets", "single_cluster", "correct", *list(_STATISTICS)[1:])  # in the order of telling


class Shown(NamedTuple):
    """How a statistic is called and written."""

    title: str
    show: Callable[[float], str]


RUN_STATISTICS = {  # of analysis.compare.run_statistics, in its order
    "single_cluster_rate": Shown("Questions with a single cluster", tenth_percent),
    "num_semantic_sets": Shown("Different answers per question", number),
    "discrete_semantic_entropy": Shown("Semantic entropy, nats", number),
    "mean_token_entropy": Shown("Token entropy of the greedy answer, nats", number),
    "mean_token_entropy_sampled": Shown("Token entropy of the sampled answers, nats", number),
    "wordings": Shown("Different wordings per question", number),
    "words": Shown("Words of a sampled answer", number),
    "accuracy": Shown("Correct among the graded greedy answers", tenth_percent),
    "accuracy_of_samples": Shown("Correct among the graded sampled answers", tenth_percent),
    "all_right": Shown("Questions whose graded answers are all correct", tenth_percent),
    "single_wrong": Shown("Incorrect among the graded questions with a single cluster", tenth_percent),
    "right_answers_differ": Shown("Pairs of correct answers that differ", tenth_percent),
    "distinct_across_questions": Shown("Different greedy answers across questions", tenth_percent),
    "most_common_answer": Shown("Questions that get the most common greedy answer", tenth_percent),
    "echo": Shown("Sampled answers that only repeat the question", tenth_percent),
    "commonest_frame": Shown("Sampled answers in the most common sentence pattern", tenth_percent),
    "yes_no": Shown("Answers to yes-or-no questions that say yes or no", tenth_percent),
    "number": Shown("Answers to questions for a number that state one", tenth_percent),
    "looping": Shown("Words that repeat what stands directly before them", tenth_percent),
    "cut": Shown("Sampled answers cut by the token limit", tenth_percent),
    "invalid": Shown("Sampled answers that are empty", tenth_percent),
}


class Told(NamedTuple):
    """A paired test in words."""

    finding: str
    detail: str


def in_words(test: Mapping[str, Any]) -> Told:
    """One row of `analysis.compare.Comparison.tests` in plain words."""
    n, lower, higher = test["n"], test["n_lower"], test["n_higher"]
    if not n or np.isnan(test["pvalue_holm"]):
        return Told(f"{_statistic(test['statistic'])}: undefined", "There is no question on which both have it.")
    if test["statistic"] in _SWITCHES:
        state, rate = _SWITCHES[test["statistic"]]
        finding = f"{higher} of {n} questions became {state}, {lower} ceased to be"
        detail = f"The {rate} changes by {_difference(test, 100, ' points', 1)}."
    else:
        noun, unit = _STATISTICS[test["statistic"]]
        one, two = ("more", "fewer") if test["statistic"] == "num_semantic_sets" else ("higher", "lower")
        if lower >= higher:
            one, two, lower, higher = two, one, higher, lower
        finding = f"{one.capitalize()} {noun} on {higher} of {n} questions, {two} on {lower}"
        detail = f"On average {_difference(test, 1, unit, 2)}."
    return Told(finding, f"{detail} {_TESTS[test['test']]}, {verdict(test['pvalue_holm'])}.")


def undefined_tests(statistics: Sequence[str]) -> Told:
    """The tests for which no question has a value in both runs, in words."""
    named = ", ".join(_statistic(name) for name in statistics)
    return Told("Undefined, since no question has it in both runs", f"{named}.")


def verdict(pvalue: float) -> str:
    """A p value and what it says about chance."""
    return f"{p_value(pvalue)}: {'unlikely to be chance' if pvalue < CHANCE else 'may be chance'}"


def _statistic(name: str) -> str:
    return first_upper(_STATISTICS[name][0] if name in _STATISTICS else _SWITCHES[name][1])


def _difference(test: Mapping[str, Any], scale: float, unit: str, digits: int) -> str:
    show = lambda value: signed(scale * value, digits)
    bounds = interval(test["low"], test["high"], show)
    return f"{show(test['difference'])}{unit}" + (f" ({bounds})" if bounds else "")
