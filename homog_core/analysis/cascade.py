"""The cascade of a run: its signals and their costs, every operating point, and what it saves."""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from homog_core.analysis.rates import fields
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue import ENCODERS
from homog_core.catalogue.encoders import DEFAULT_ENCODER
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.records import Estimate
from homog_core.runs import derived
from homog_core.statistics.cascade import (
    Curve,
    Outcome,
    Saving,
    Signal,
    cost_quality_curve,
    matched_saving,
    parallel,
    stage_costs,
)
from homog_core.statistics.within_groups import auroc_within_estimate


class CascadeInput(NamedTuple):
    """What a cascade is computed from, over the graded questions."""

    signals: list[Signal]  # the cheapest first
    incorrect: np.ndarray  # (Q,)
    group: np.ndarray  # (Q,) the category; only questions of one category are compared


def cascade_signals(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> CascadeInput:
    """The signals of the cascade over the graded questions, the cheapest first, and which answers are incorrect.

    Token entropy of the greedy answer costs nothing: the answer has been written anyway. For embedding density the
    encoder reads the question. For discrete semantic entropy the samples are drawn, and the clusterer's encoder reads
    them. Costs are in tokens of the run's model. A word counts as 4/3 of a token; a model of unknown size is taken to
    be as large as MiniLM.
    Raises `InvalidInput` for NLI and for a judge, whose cost is not counted.
    """
    if clusterer.method in ("nli", "judge"):
        raise InvalidInput("The cost of that model is not counted here; choose a clusterer by words or embeddings.")
    kept = scored.in_category(category) & ~np.isnan(scored.correct)
    scores, density, sizes = scored.scores[kept], scored.encoders[0], _sizes(scored, clusterer)
    per_sample = scores["n_tokens_sampled"].to_numpy(np.float64) / scored.n_samples
    reading = stage_costs(
        n_samples=0,
        sample_tokens=per_sample,
        pass_tokens=scores["n_words_question"].to_numpy(np.float64) * 4 / 3,
        parameters=sizes.density,
        lm_parameters=sizes.model,
    )
    sampling = stage_costs(
        n_samples=scored.n_samples,
        sample_tokens=per_sample,
        pass_tokens=scored.n_samples * per_sample if clusterer.encoder else np.zeros(len(scores)),
        parameters=sizes.clusterer,
        lm_parameters=sizes.model,
    )
    entropy = scored.cluster_frame(clusterer)[SEMANTIC_ENTROPY].to_numpy()[kept]
    signals = [
        Signal(TOKEN_ENTROPY, scores[TOKEN_ENTROPY].to_numpy(np.float64), reading.token_entropy),
        Signal(DENSITY, scores[f"{DENSITY}@{density}"].to_numpy(np.float64), reading.model_pass),
        Signal(SEMANTIC_ENTROPY, entropy, sampling.samples + sampling.model_pass),
    ]
    return CascadeInput(signals, 1 - scored.correct[kept], scored.questions["category"].to_numpy()[kept])


class _Sizes(NamedTuple):
    """Parameters that costs rest on. No table of a run has them, and a models.toml may change them."""

    model: int
    density: int  # the encoder that reads the question
    clusterer: int  # the encoder that reads the answers


def _sizes(scored: ScoredRun, clusterer: Clusterer) -> _Sizes:
    known = lambda key: ENCODERS[key if key in ENCODERS else DEFAULT_ENCODER].n_parameters
    model = scored.run.provenance.n_parameters or known(DEFAULT_ENCODER)
    return _Sizes(model, known(scored.encoders[0]), known(clusterer.encoder))


def saving(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> Saving:
    """What the cascade saves within categories. Raises `InvalidInput` below ten correct or incorrect, and for NLI."""
    signals, incorrect, group = cascade_signals(scored, clusterer, category)
    return matched_saving(signals, incorrect, group=group)


def saving_estimate(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> Estimate:
    """`Saving.saving`, kept on the disk; NaN where there is none."""
    name = kept_name("saving", scored, clusterer, category)
    found = derived.kept_arrays(scored.run, name, lambda: _saving_arrays(scored, clusterer, category))
    value, low, high = found["interval"].tolist()
    return Estimate(value, low, high, int(found["n"]), str(found["method"]))


def kept_name(what: str, scored: ScoredRun, clusterer: Clusterer, category: str = "") -> str:
    """What is kept of a cascade by (`derived`): it depends on the settings and on the sizes of models as well."""
    how = hashlib.sha256(repr((clusterer, category, _sizes(scored, clusterer))).encode()).hexdigest()[:16]
    return f"{what}-{how}"


def _saving_arrays(scored: ScoredRun, clusterer: Clusterer, category: str) -> derived.Arrays:
    try:
        found = saving(scored, clusterer, category).saving
    except InvalidInput:
        found = Estimate(np.nan, np.nan, np.nan, int(scored.in_category(category).sum()), "")
    interval = np.array([found.value, found.low, found.high])
    return {"interval": interval, "n": np.array(found.n), "method": np.array(found.method)}


@dataclass(frozen=True, slots=True, eq=False)
class CascadeStudy:
    """The cascade of a run at every operating point, beside single signals and the parallel use of all."""

    signals: list[Signal]
    incorrect: np.ndarray  # (Q,) of the graded questions
    curve: Curve
    alone: dict[str, Outcome]  # each signal by itself, at its own cost
    saving: Saving  # at the operating point that is chosen on training folds


def cascade_study(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> CascadeStudy:
    """The signals of `cascade_signals` as a cascade, each alone, and what is saved.

    Quality is measured within categories. Raises `InvalidInput` with fewer than ten correct or incorrect answers, and
    as `cascade_signals` does.
    """
    signals, incorrect, group = cascade_signals(scored, clusterer, category)
    return CascadeStudy(
        signals,
        incorrect,
        cost_quality_curve(signals, incorrect, group=group),
        {signal.name: parallel([signal], incorrect, group=group) for signal in signals},
        matched_saving(signals, incorrect, group=group),
    )


def within_groups_auroc(outcome: Outcome, incorrect: np.ndarray) -> Estimate:
    """`Outcome.auroc` with its interval."""
    return auroc_within_estimate(outcome.score, incorrect, outcome.cell)


def outcome_row(outcome: Outcome, incorrect: np.ndarray) -> dict[str, Any]:
    """What one way of using the signals costs and is worth, as columns of a row."""
    return {
        "cost": outcome.mean_cost,
        **fields(within_groups_auroc(outcome, incorrect)),
        "selective_accuracy": outcome.selective_accuracy,
        "accepted": float(outcome.accepted.mean()),
        "accepted_accuracy": outcome.accepted_accuracy,
        **{f"reached_{k + 1}": float(share) for k, share in enumerate(outcome.reached)},
    }


def cascade_rows(study: CascadeStudy) -> pd.DataFrame:
    """One row an operating point, and one for each signal alone: kind, name, passed_on, and `outcome_row`."""
    points = [
        {"kind": "cascade", "name": "cascade", "passed_on": share, **outcome_row(outcome, study.incorrect)}
        for share, outcome in zip(study.curve.passed_on, study.curve.outcomes, strict=True)
    ]
    alone = [
        {"kind": "alone", "name": name, "passed_on": np.nan, **outcome_row(outcome, study.incorrect)}
        for name, outcome in study.alone.items()
    ]
    everything = {"kind": "parallel", "name": "all signals", **outcome_row(study.curve.outcomes[-1], study.incorrect)}
    return pd.DataFrame([*points, *alone, everything])


def stop_shares(point: pd.Series) -> list[float]:
    """The share of questions that each signal decides, at an operating point (a row of `cascade_rows`)."""
    reached = [point[name] for name in point.index if name.startswith("reached_") and not np.isnan(point[name])]
    return [here - after for here, after in zip(reached, [*reached[1:], 0.0], strict=True)]
