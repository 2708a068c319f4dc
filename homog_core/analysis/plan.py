"""Plans: what two runs could have found, what a study needs, and what it costs. Values, no sentences.

Power is that of `statistics.power` and `statistics.power_auroc`; costs rest on what stored runs took. It samples
nothing, and does not know this machine: whoever asks for a cost names the device.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import comb

from homog_core.analysis.compare import common_questions, question_frame
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import InvalidInput, NotFound
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import TOKEN_ENTROPY
from homog_core.runs.store import Run
from homog_core.statistics import power, power_auroc
from homog_core.statistics.columns import paired_differences
from homog_core.statistics.discrimination import auroc
from homog_core.statistics.paired import mcnemar_exact, wilcoxon_signed_rank
from homog_core.statistics.power import FEWEST_PAIRS, TARGET, Design, Discordant
from homog_core.typed import typed

BUDGETS = (3, 5, 10)  # samples a question
_UNKNOWN = Design(np.nan, np.nan, np.nan)

# What two runs could have found


@dataclass(frozen=True, slots=True)
class RatePower:
    """What n questions could have found in the single-cluster rate, by McNemar's exact test."""

    n: int  # questions where both runs have a rate
    first: float  # SCR of the first run
    second: float
    gained: int  # questions that became single-cluster
    lost: int  # that ceased to be
    pvalue: float
    detectable: Design  # with as many changes against the difference as there are; on the side of the difference
    nested: Design  # with none against it, which is the best case

    @property
    def shares(self) -> Discordant:
        """The discordant shares."""
        return Discordant(self.gained / self.n, self.lost / self.n) if self.n else Discordant(np.nan, np.nan)


@dataclass(frozen=True, slots=True)
class ClustersPower:
    """What n questions could have found in the mean number of clusters, by Wilcoxon's test."""

    n: int
    first: float  # mean number of clusters of the first run
    second: float
    deviation: float  # standard deviation of the differences, ddof = 1
    pvalue: float
    detectable: Design  # on the side of the difference; of normal differences with this standard deviation


@dataclass(frozen=True, slots=True)
class AurocPower:
    """Which AUROC of the greedy answer's token entropy one run's right and wrong answers could have told from 0.5."""

    run: str  # id
    value: float
    n_incorrect: int
    n_correct: int
    detectable: Design  # `effect` is the AUROC minus 0.5


@dataclass(frozen=True, slots=True)
class BudgetPower:
    """What fewer samples a question would have shown of the single-cluster rate."""

    n_samples: int
    n: int  # questions with at least so many valid answers in both runs
    first: float  # SCR at this number of samples
    second: float
    gained: float  # expected share of questions that become single-cluster
    lost: float
    power: float  # of n questions for this difference


@dataclass(frozen=True, slots=True)
class Detectable:
    """What two runs over the same questions could have found with a given power."""

    target: float
    rate: RatePower
    clusters: ClustersPower
    aurocs: list[AurocPower]  # one a run
    budgets: list[BudgetPower]  # those of `BUDGETS` that both runs have samples for


@dataclass(frozen=True, slots=True)
class Needed:
    """How many questions find what two runs show."""

    rate: Design
    clusters: Design
    aurocs: list[Design]  # one a run
    budgets: list[Design]  # of the rate, in the order of `Detectable.budgets`


def detectable(pair: Sequence[ScoredRun], clusterer: Clusterer, target: float = TARGET) -> Detectable:
    """The smallest differences that two runs could have found, given their questions and how these changed.

    The power of the difference that they do show, at their own number of samples, says no more than its p value; the
    budgets say how it moves with the number of samples. Raises `InvalidInput` where they have no question in common,
    `HomogError` for a run that has not been scored.
    """
    first, second = frames = _frames(pair, clusterer)
    return Detectable(
        target,
        _rate(first["single_cluster"], second["single_cluster"], target),
        _clusters(first["num_semantic_sets"], second["num_semantic_sets"], target),
        [_auroc(scored.run.id, frame, target) for scored, frame in zip(pair, frames, strict=True)],
        _budgets(pair, clusterer),
    )


def needed(pair: Sequence[ScoredRun], clusterer: Clusterer, found: Detectable, target: float = TARGET) -> Needed:
    """How many questions like theirs find the differences that two runs show; `found` is what `detectable` says.

    Where a run's AUROC is below 0.5, that many questions find that it is below. NaN where there is no difference, or
    where `power.MOST` questions are too few.
    """
    first, second = (frame["num_semantic_sets"] for frame in _frames(pair, clusterer))
    return Needed(
        _rate_questions(found.rate.shares, target),
        power.wilcoxon_questions(paired_differences(first, second), target),
        [_auroc_questions(one, target) for one in found.aurocs],
        [_rate_questions(Discordant(one.gained, one.lost), target) for one in found.budgets],
    )


def _frames(pair: Sequence[ScoredRun], clusterer: Clusterer) -> list[pd.DataFrame]:
    """`compare.question_frame` of both runs on the questions that both have."""
    if len(pair) != 2:
        raise InvalidInput(f"A plan rests on two runs over the same questions; these are {len(pair)}.")
    ids = common_questions(pair)
    if not ids:
        raise InvalidInput("These runs have no question in common; take two runs over the same dataset.")
    return [question_frame(scored, clusterer, ids) for scored in pair]


def _rate(first: pd.Series, second: pd.Series, target: float) -> RatePower:
    test = mcnemar_exact(first, second)
    change = paired_differences(first, second)
    both = first.notna() & second.notna()
    a, b = (float(column[both].mean()) for column in (first, second))
    gained, lost = int((change > 0).sum()), int((change < 0).sum())
    side, start, back = (1, a, lost) if b >= a else (-1, 1 - a, gained)  # a fall is a rise of the other answer
    unrelated = min(a, b) * (1 - max(a, b)) * test.n
    against = back / unrelated if unrelated else 0.0
    designs = [_signed(power.mcnemar_detectable(test.n, start, share, target), side) for share in (against, 0.0)]
    return RatePower(test.n, a, b, gained, lost, test.pvalue, *designs)


def _clusters(first: pd.Series, second: pd.Series, target: float) -> ClustersPower:
    test, change = wilcoxon_signed_rank(first, second), paired_differences(first, second)
    both = first.notna() & second.notna()
    deviation = float(change.std(ddof=1)) if test.n > 1 else np.nan
    found = power.wilcoxon_detectable_normal(test.n, deviation, target) if test.n >= FEWEST_PAIRS else _UNKNOWN
    return ClustersPower(
        test.n,
        float(first[both].mean()),
        float(second[both].mean()),
        deviation,
        test.pvalue,
        Design(test.n, found.effect if test.difference > 0 else -found.effect, found.power),
    )


def _auroc(run_id: str, frame: pd.DataFrame, target: float) -> AurocPower:
    known = frame[[TOKEN_ENTROPY, "correct"]].dropna()
    right = int(known["correct"].sum())
    wrong = len(known) - right
    value = auroc(known[TOKEN_ENTROPY], 1 - known["correct"])
    return AurocPower(run_id, value, wrong, right, power_auroc.auroc_detectable(wrong, right, target))


def _budgets(pair: Sequence[ScoredRun], clusterer: Clusterer) -> list[BudgetPower]:
    """Exact: the samples of the two runs are drawn apart, so that a question gains with chance (1 − s₁) s₂."""
    ids = common_questions(pair)
    sizes = [scored.sizes(clusterer)[scored.questions.index.get_indexer(ids)] for scored in pair]
    rows = []
    for n_samples in BUDGETS:
        if n_samples > min(scored.n_samples for scored in pair):
            break
        kept = np.all([of_run.sum(axis=1) >= n_samples for of_run in sizes], axis=0)
        a, b = (_single_chance(of_run[kept], n_samples) for of_run in sizes)
        n = int(kept.sum())
        gained, lost = (float(np.mean(chance)) if n else np.nan for chance in ((1 - a) * b, a * (1 - b)))
        rates = (float(np.mean(chance)) if n else np.nan for chance in (a, b))
        found = power.mcnemar_power(n, Discordant(gained, lost)) if n else np.nan
        rows.append(BudgetPower(n_samples, n, *rates, gained, lost, found))
    return rows


def _single_chance(sizes: np.ndarray, n: int) -> np.ndarray:
    """`budget.scr_at_budget` of each question (Q,), from its cluster sizes (Q, N)."""
    return comb(sizes, n).sum(axis=1) / comb(sizes.sum(axis=1), n)


def _signed(found: Design, side: int) -> Design:
    return Design(found.n, side * found.effect, found.power)


def _rate_questions(shares: Discordant, target: float) -> Design:
    return Design(np.nan, np.nan, np.nan) if np.isnan(sum(shares)) else power.mcnemar_questions(shares, target)


def _auroc_questions(found: AurocPower, target: float) -> Design:
    if np.isnan(found.value):  # one class only
        return Design(np.nan, np.nan, np.nan)
    share = found.n_incorrect / (found.n_incorrect + found.n_correct)
    return power_auroc.auroc_questions(found.value, share, target)


# What a study needs, from figures


def rate_designs(rates: Sequence[float], n: int | None, target: float = TARGET) -> dict[str, Design]:
    """A study of the single-cluster rate, from one rate or two, nested and unrelated (`power.discordant`).

    Two rates: the questions that find their difference, or with n its power. One rate and n: the smallest rise.
    """
    designs = {}
    for name, against in (("nested", 0.0), ("unrelated", 1.0)):
        if len(rates) == 1 and n is not None:
            designs[name] = power.mcnemar_detectable(n, rates[0], against, target)
        elif len(rates) == 2:
            shares = power.discordant(*rates, against)
            planned = None if n is None else Design(n, shares.difference, power.mcnemar_power(n, shares))
            designs[name] = planned or power.mcnemar_questions(shares, target)
        else:
            raise InvalidInput(
                "Give the two single-cluster rates of a study, or one of them and a number of questions."
            )
    return designs


def clusters_design(deviation: float, mean: float | None, n: int | None, target: float = TARGET) -> Design:
    """A study of the mean number of clusters, from the standard deviation of the differences a question.

    A mean difference: the questions that find it, or with n its power. Only n: the smallest difference.
    """
    if not deviation > 0:
        raise InvalidInput(f"The standard deviation of the differences is {deviation:g}; it must be above 0.")
    if mean is None and n is None:
        raise InvalidInput("Give the difference in the mean number of clusters, or a number of questions.")
    if mean is None:
        return power.wilcoxon_detectable_normal(n, deviation, target)
    if n is None:
        return power.wilcoxon_questions_normal(mean, deviation, target)
    return Design(n, mean, power.wilcoxon_power_normal(n, mean, deviation))


def auroc_design(
    values: Sequence[float], n: int | None, accuracy: float, correlation: float, target: float = TARGET
) -> Design:
    """A study of AUROC where this share of the answers is correct.

    One AUROC is told from 0.5, two from each other. Without n: the questions that find the difference; with n: its
    power. No AUROC, but n: the smallest above 0.5.
    """
    if not 0 < accuracy < 1:
        raise InvalidInput(
            f"The accuracy is {accuracy:g}; it must be between 0 and 1: AUROC needs right and wrong ones."
        )
    if n is None:
        if not values:
            raise InvalidInput("Give an AUROC, or a number of questions.")
        if len(values) == 1:
            return power_auroc.auroc_questions(values[0], 1 - accuracy, target)
        return power_auroc.auroc_difference_questions(*values, correlation, 1 - accuracy, target)
    wrong = round(n * (1 - accuracy))
    if not values:
        return power_auroc.auroc_detectable(wrong, n - wrong, target)
    if len(values) == 1:
        return Design(n, values[0] - 0.5, power_auroc.auroc_power(values[0], wrong, n - wrong))
    found = power_auroc.auroc_difference_power(*values, wrong, n - wrong, correlation)
    return Design(n, values[1] - values[0], found)


# What it costs


@dataclass(frozen=True, slots=True)
class Cost:
    """What sampling one model takes, and what that rests on."""

    model: str
    n_questions: int
    n_samples: int
    n_answers: int  # the greedy ones too
    tokens: float  # that are written; prompts are not counted
    tokens_per_answer: float
    like: str  # id of the run whose answers have that length
    tokens_per_second: float  # NaN where no run of the model says
    measured_by: str  # id of the run that was as fast; "" where there is none
    measured_on: str  # its device
    seconds: float  # on the device that was asked about; NaN where no run of the model was sampled on it
    seconds_there: float  # on `measured_on`; loading the model is not counted


def cost(run: Run, n_questions: int, n_samples: int, device: str, runs: Iterable[Run]) -> Cost:
    """What it takes to sample a run's model on so many questions, with one greedy answer each beside the samples.

    Answers are as long as the run's own, and as fast as its model was: on this device if any run says, the run itself
    first and then the first one of `runs`; otherwise on the device where it was.
    """
    if n_questions < 1 or n_samples < 1:
        raise InvalidInput(f"A study has at least 1 question and 1 sample; got {n_questions} and {n_samples}.")
    others = [other for other in runs if other.identity.model == run.identity.model and other.id != run.id]
    timed = [one for one in (run, *others) if one.provenance.n_tokens and one.provenance.wall_seconds]
    timed.sort(key=lambda one: one.provenance.device != device)  # stable
    tokens_per_answer = float(run.responses(["tokens"])["tokens"].map(len).mean())
    answers = n_questions * (n_samples + 1)
    measured = timed[0] if timed else None
    speed = measured.provenance.n_tokens / measured.provenance.wall_seconds if measured else np.nan
    there = answers * tokens_per_answer / speed
    return Cost(
        model=run.identity.model,
        n_questions=n_questions,
        n_samples=n_samples,
        n_answers=answers,
        tokens=answers * tokens_per_answer,
        tokens_per_answer=tokens_per_answer,
        like=run.id,
        tokens_per_second=speed,
        measured_by=measured.id if measured else "",
        measured_on=measured.provenance.device if measured else "",
        seconds=there if measured and measured.provenance.device == device else np.nan,
        seconds_there=there,
    )


def newest_run(runs: Iterable[Run], model: str, dataset: str | None = None) -> Run:
    """The newest complete run of a model among some, the newest first; over any dataset or this one.

    Raises `NotFound` where there is none.
    """
    for run in runs:
        fits = run.identity.model == model and dataset in (None, run.identity.dataset)
        if fits and run.provenance.status == "complete":
            return run
    over = f" over {dataset}" if dataset else ""
    raise NotFound(
        f"No complete run of model {model!r}{over} is stored, so that nobody knows what it takes; sample a few "
        f"questions: `{typed('sample', model=model, dataset=dataset or 'starter', limit=5)}`."
    )
