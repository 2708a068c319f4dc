"""What the first page advises: whether a cascade finds wrong answers for less. Values, no words."""

from dataclasses import dataclass

import numpy as np

from homog_core.analysis.cascade import cascade_signals, kept_name, within_groups_auroc
from homog_core.analysis.once import content_of, value_of
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import InvalidInput
from homog_core.records import Estimate
from homog_core.runs import derived
from homog_core.statistics.cascade import Outcome, Verdict, matched_saving


@dataclass(frozen=True, slots=True)
class Way:
    """One way of looking for wrong answers: what it costs and how well it ranks them."""

    tokens: float  # a question, on top of the answer
    quality: Estimate  # share of pairs of a wrong and a right answer that are ranked correctly, out of fold


@dataclass(frozen=True, slots=True)
class Advice:
    """What the cascade costs and is worth on a run."""

    stage_tokens: tuple[float, ...]  # extra tokens of each signal where it is run
    reached: tuple[float, ...]  # share of the questions that each signal is run on
    cheapest: Way
    cascade: Way
    everything: Way
    saving: Estimate  # against running everything
    verdict: Verdict  # on its quality
    n_wrong: int
    n_right: int


def advice(scored: ScoredRun) -> Advice | InvalidInput:
    """The cascade on a run, kept on the disk, or why there is none."""
    name = kept_name("advice", scored, scored.clusterer)
    try:
        return value_of(Advice, derived.kept(scored.run, name, lambda: content_of(Advice, _advice(scored))))
    except InvalidInput as error:
        return error


def _advice(scored: ScoredRun) -> Advice:
    signals, incorrect, group = cascade_signals(scored, scored.clusterer)
    saving = matched_saving(signals, incorrect, group=group)
    return Advice(
        stage_tokens=tuple(float(signal.cost.mean()) for signal in signals),
        reached=tuple(map(float, saving.cascade.reached)),
        cheapest=_way(saving.cheapest, incorrect),
        cascade=_way(saving.cascade, incorrect),
        everything=_way(saving.everything, incorrect),
        saving=saving.saving,
        verdict=saving.verdict,
        n_wrong=int(incorrect.sum()),
        n_right=int((1 - incorrect).sum()),
    )


def _way(outcome: Outcome, incorrect: np.ndarray) -> Way:
    return Way(outcome.mean_cost, within_groups_auroc(outcome, incorrect))
