"""The recipe line under a chart, and a clusterer in one line."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from homog_core.analysis.sampler_check import sampler_check
from homog_core.errors import CorruptRun
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.report_cards import LONGEST, report_cards
from homog_core.records import Decoding
from homog_core.runs.store import Run
from homog_core.wording.labels import encoder_title
from homog_core.wording.numbers import counted, given, number, percent
from homog_core.wording.run_names import prompt_title
from homog_core.wording.sampler import sampler_mark
from homog_core.wording.studies import MARK
from homog_core.wording.texts import outside_mark, rule_mark


class Way(NamedTuple):
    """How answers were sampled."""

    decoding: Decoding
    prompt_style: str
    entropy_kind: str = "exact"
    not_said: tuple[str, ...] = ()  # fields of the decoding that nobody gave


def run_recipe(run: Run, clusterer: Clusterer | None, n: int | None, interval: str = "") -> str:
    """The recipe line of what is computed from a run."""
    way = recipe(run.identity.model, _way(run), clusterer, n, interval, [run])
    return " · ".join(part for part in (way, MARK if run.provenance.study else "", _mark(run)) if part)


def recipe(
    model: str,
    way: Way,
    clusterer: Clusterer | None,
    n: int | None,
    interval: str = "",
    runs: Sequence[Run] = (),
) -> str:
    """Model · N · temperature · clusterer with its report card · n questions · interval method.

    Token entropies that are lower bounds are named as such, whatever else is shown. `runs` as in `clusterer_recipe`.
    """
    parts = [
        model,
        f"N = {way.decoding.n_samples}",
        _temperature(way),
        f"top-p {given(way.decoding.top_p)}" if way.decoding.top_p < 1 else "",
        _limit(way),
        prompt_title(way.prompt_style),
        entropies_recipe(way.entropy_kind),
        clusterer_recipe(clusterer, runs) if clusterer else "",
        "" if n is None else counted(n, "question"),
        interval,
    ]
    return " · ".join(part for part in parts if part)


def side_by_side(
    names: Sequence[str], runs: Sequence[Run], clusterer: Clusterer | None, n: int, interval: str = ""
) -> str:
    """One recipe for several runs, or one each where they were not sampled in the same way."""
    ways = [_way(run) for run in runs]
    if any(run.provenance.study for run in runs):
        interval = f"{interval} · {MARK}".removeprefix(" · ")
    if len(set(ways)) == 1:
        parts = [recipe(" / ".join(names), ways[0], clusterer, n, interval, runs)]
    else:
        each = "; ".join(recipe(name, way, None, n) for name, way in zip(names, ways, strict=True))
        parts = [each, clusterer_recipe(clusterer, runs) if clusterer else "", interval]
    return " · ".join(part for part in (*parts, *_marks(names, runs)) if part)


def over_runs(names: Sequence[str], runs: Sequence[Run], clusterer: Clusterer | None, of: str, interval: str) -> str:
    """The recipe of a chart over many runs, with every value of a setting; `of` says of which questions."""
    ways = [_way(run) for run in runs]
    values = {
        "": list(names) if len(runs) <= 3 else [counted(len(runs), "run")],
        "N = ": [str(way.decoding.n_samples) for way in ways],
        "temperature ": [_temperature(way).removeprefix("temperature ") for way in ways],
        "at most ": [_limit(way) for way in ways if not _lack_limit([way])],
    }
    values = {what: found for what, found in values.items() if found}
    parts = [what + " and ".join(dict.fromkeys(found)) for what, found in values.items()]
    parts += ["token limit not known" + (" of some" if "at most " in values else "")] if _lack_limit(ways) else []
    bounds = dict.fromkeys(filter(None, (entropies_recipe(run.entropy_kind()) for run in runs)))
    parts += [f"in some runs {bound}" if len(runs) > 1 else bound for bound in bounds]
    parts += [clusterer_recipe(clusterer, runs)] if clusterer else []
    return " · ".join([*parts, of, interval, *_marks(names, runs)])


def _way(run: Run) -> Way:
    return Way(run.decoding, run.identity.prompt_style, run.entropy_kind(), run.provenance.not_said)


def _temperature(way: Way) -> str:
    return "temperature " + ("not known" if "temperature" in way.not_said else given(way.decoding.temperature))


def _limit(way: Way) -> str:
    return "token limit not known" if _lack_limit([way]) else counted(way.decoding.max_new_tokens, "token")


def _lack_limit(ways: Sequence[Way]) -> bool:
    return any("max_new_tokens" in way.not_said for way in ways)


def _marks(names: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """What is special about any of the runs."""
    return [f"{name}: {mark}" for name, run in zip(names, runs, strict=True) if (mark := _mark(run))]


def _mark(run: Run) -> str:
    """What is left out of a run's texts beside the usual, and what is wrong with its sampler, as far as it reads."""
    parts = [rule_mark(run)]
    with suppress(CorruptRun):
        parts.append(sampler_mark(sampler_check(run)))
    return " · ".join(filter(None, parts))


def entropies_recipe(kind: str) -> str:
    """That token entropies are lower bounds; "" where they are not."""
    if not kind.startswith("top_k:"):
        return ""
    return f"token entropies are lower bounds, from the {kind.removeprefix('top_k:')} likeliest tokens"


def clusterer_recipe(clusterer: Clusterer, runs: Sequence[Run] = ()) -> str:
    """A clusterer with its threshold, its model and its report card, or why that does not hold for one of the runs."""
    card = report_cards().get(clusterer.key)
    outside = next(filter(None, map(outside_mark, runs)), "") if card else ""
    parts = [
        f"{clusterer.method}, {joins_at(clusterer)}",
        encoder_title(clusterer.encoder) if clusterer.encoder else clusterer.rule,
        outside or (f"report card AUC {number(card.auc)}" if card else ""),
    ]
    return " · ".join(part for part in parts if part)


def clusterer_name(clusterer: Clusterer) -> str:
    """A clusterer among others: method, encoder and threshold."""
    method = {"embedding_masked": "masked embedding", "combined": "combined signs"}.get(
        clusterer.method, clusterer.method
    )
    encoder = f" ({clusterer.encoder})" if clusterer.encoder else ""
    return f"{method}{encoder}" + (f", {joins_at(clusterer)}" if clusterer.has_threshold else "")


def joins_at(clusterer: Clusterer) -> str:
    """What joins two answers: a threshold, a rule of entailment, or a judge."""
    if clusterer.method == "judge":
        return "as it was asked"
    return clusterer.entailment if clusterer.method == "nli" else f"τ = {given(clusterer.threshold)}"


def report_card_sentence(clusterer: Clusterer) -> str:
    """How well a clusterer does on pairs of answers that readers compared, in Markdown."""
    card = report_cards().get(clusterer.key)
    published = (
        f" The published threshold is {given(PUBLISHED_COSINE_THRESHOLD)}." if clusterer.method == "embedding" else ""
    )
    if card is None:
        return f"No report card: this clusterer has not been calibrated.{published}"
    joins = "it joins" if not clusterer.has_threshold else f"at τ = {given(card.threshold)} it joins"
    return (
        f"**Report card** on {counted(card.n_same + card.n_different, 'pair')} of sampled answers, in English and of "
        f"at most {LONGEST} words, that readers compared: AUC {number(card.auc)} (0.5 is chance); {joins} "
        f"{percent(card.recall)} of the pairs that readers "
        f"call the same and {percent(card.false_join_rate)} of the others.{published}"
    )
