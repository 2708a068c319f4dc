"""Plans in words: what two runs could have found, what a study needs, what it costs and what that rests on."""

import math
from collections.abc import Sequence

from homog_core.analysis.plan import AurocPower, BudgetPower, ClustersPower, Cost, Detectable, Needed, RatePower
from homog_core.statistics.power import FEWEST_PAIRS, MOST, Design
from homog_core.wording.numbers import counted, duration, number, percent, signed, tenth_percent, whole

_ASSUMPTIONS = {
    "nested": "Nested: all questions that change do so in one direction, the best case.",
    "unrelated": "Unrelated: one run's answer to a question says nothing about the other's, the worst likely case.",
    "normal differences": "Normal differences: whole numbers with many zeros behave otherwise; two runs say more.",
}


def could_have_found(found: Detectable, names: Sequence[str]) -> list[str]:
    """What two runs could have found, a sentence or two a statistic; `names` are theirs, in order."""
    first = [_rate(found.rate, found.target), _clusters(found.clusters, found.target)]
    return first + [_auroc(one, name, found.target) for one, name in zip(found.aurocs, names, strict=True)]


def would_find(found: Detectable, needs: Needed, names: Sequence[str]) -> list[str]:
    """How many questions like theirs find the differences that two runs show."""
    shown = [
        (f"a single-cluster rate that differs by {_points(found.rate.second - found.rate.first)}", needs.rate),
        (f"a mean number of clusters that differs by {signed(needs.clusters.effect)}", needs.clusters),
    ]
    shown += [
        (f"that {name}'s AUROC of {number(one.value)} over all questions is not 0.5", design)
        for one, name, design in zip(found.aurocs, names, needs.aurocs, strict=True)
    ]
    fewest = " (fewer are not tried)" if needs.clusters.n == FEWEST_PAIRS else ""
    notes = ["", fewest, *("" for _ in names)]
    return [f"To find {what}: {questions(design)}{note}." for (what, design), note in zip(shown, notes, strict=True)]


def questions(found: Design) -> str:
    """The number of questions of a design, or that there is none."""
    if not math.isnan(found.n):
        return counted(int(found.n), "question")
    if math.isnan(found.effect) or found.effect == 0:
        return "undefined, since there is no difference"
    return f"more than {MOST:,} questions"


def assumptions(names: Sequence[str]) -> list[str]:
    """What the assumptions of a table mean, each once; those of AUROC speak for themselves."""
    return [_ASSUMPTIONS[name] for name in dict.fromkeys(names) if name in _ASSUMPTIONS]


def auroc_assumption(accuracy: float, correlation: float | None) -> str:
    """What a plan for AUROC rests on; `correlation` where two scores are compared."""
    right = f"{percent(accuracy)} right answers"
    return right if correlation is None else f"{right}, scores correlate by {number(correlation)} in each class"


def budget_sentence(found: BudgetPower, design: Design) -> str:
    """What fewer samples a question would have shown of the single-cluster rate."""
    if not found.n:
        return f"{counted(found.n_samples, 'sample')}: no question has so many valid answers in both runs."
    return (
        f"{counted(found.n_samples, 'sample')}: {tenth_percent(found.first)} and {tenth_percent(found.second)}, a "
        f"difference of {_points(found.second - found.first)}; the {counted(found.n, 'question')} with so many "
        f"answers that are not empty in both runs find it with a power of "
        f"{percent(found.power)}; for the power that is asked for: {questions(design)}."
    )


def cost_sentence(found: Cost) -> str:
    """What a study costs, and what that rests on."""
    what = (
        f"{found.model}, {counted(found.n_questions, 'question')} with {counted(found.n_samples, 'sample')} and a "
        f"greedy answer each: about {whole(found.tokens)} tokens, at {number(found.tokens_per_answer, 1)} an answer as "
        f"in {found.like}."
    )
    if not found.measured_by:
        return f"{what} How long that takes is not known: no run of this model says how fast it was."
    rests = f"as {found.measured_by} was sampled there with {whole(found.tokens_per_second)} tokens a second"
    if math.isnan(found.seconds):
        unknown = "How long that takes on this device is not known: none of its runs was sampled here"
        return f"{what} {unknown}. On {found.measured_on} it takes about {duration(found.seconds_there)}, {rests}."
    return f"{what} On this device ({found.measured_on}) it takes about {duration(found.seconds)}, {rests}."


def _rate(found: RatePower, target: float) -> str:
    if not found.n:
        return "Single-cluster rate: undefined, since no question has two valid answers in both runs."
    shown = (
        f"Single-cluster rate, {tenth_percent(found.first)} and {tenth_percent(found.second)}: of "
        f"{counted(found.n, 'question')}, {found.gained:,} became single-cluster and {found.lost:,} ceased to be."
    )
    if math.isnan(found.nested.effect):
        return f"{shown} So few questions find no difference at all with a power of {percent(target)}."
    best = f"{_points(found.nested.effect)} where no question changes against the difference"
    if math.isnan(found.detectable.effect):
        return f"{shown} The smallest difference found with a power of {percent(target)} is {best}."
    now = "" if found.nested == found.detectable else f"{_points(found.detectable.effect)} with changes as here, and "
    return f"{shown} The smallest difference found with a power of {percent(target)} is {now}{best}."


def _clusters(found: ClustersPower, target: float) -> str:
    shown = (
        f"Mean number of clusters, {number(found.first)} and {number(found.second)}, over "
        f"{counted(found.n, 'question')}."
    )
    if math.isnan(found.detectable.effect):
        return f"{shown} What could be found is undefined: too few questions, or differences that are all the same."
    return (
        f"{shown} The smallest difference found with a power of {percent(target)} is "
        f"{signed(found.detectable.effect)}, as the differences spread (standard deviation {number(found.deviation)})."
    )


def _auroc(found: AurocPower, name: str, target: float) -> str:
    shown = (
        f"AUROC of token entropy over all questions, where telling categories apart counts too, {name}: "
        f"{number(found.value)}, from {found.n_incorrect:,} wrong and {found.n_correct:,} right greedy answers."
    )
    if math.isnan(found.detectable.effect):
        return f"{shown} Too few of one kind to tell any AUROC from 0.5."
    smallest = number(0.5 + found.detectable.effect)
    return f"{shown} The smallest one told from 0.5 with a power of {percent(target)} is {smallest}."


def _points(difference: float) -> str:
    return f"{signed(100 * difference, 1)} points"
