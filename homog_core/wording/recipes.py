"""The recipe line under a chart, and a run or a clusterer in one line."""

from homog_core.measures.clustering import Clusterer
from homog_core.measures.report_cards import report_cards
from homog_core.records import Decoding
from homog_core.runs.store import Run
from homog_core.wording.numbers import counted, given, number
from homog_core.wording.titles import STAGE_TITLES, dataset_title, encoder_title


def run_title(run: Run) -> str:
    """A run in one line."""
    identity, status = run.identity, run.provenance.status
    stage = STAGE_TITLES[run.provenance.stage]
    parts = [
        f"{identity.model} ({stage})" if stage else identity.model,
        dataset_title(identity.dataset),
        counted(identity.n_questions, "question"),
        f"temperature {given(identity.decoding.temperature)}",
        prompt_title(identity.prompt_style),
        status if status != "complete" else "imported" if run.is_imported else "",
    ]
    return " · ".join(part for part in parts if part)


def run_recipe(run: Run, clusterer: Clusterer | None, n: int | None, interval: str = "") -> str:
    """The recipe line of what is computed from a run."""
    return recipe(run.identity.model, run.decoding, run.identity.prompt_style, clusterer, n, interval)


def recipe(
    model: str, decoding: Decoding, style: str, clusterer: Clusterer | None, n: int | None, interval: str = ""
) -> str:
    """Model · N · temperature · clusterer with its report card · n questions · interval method."""
    parts = [
        model,
        f"N = {decoding.n_samples}",
        f"temperature {given(decoding.temperature)}",
        f"top-p {given(decoding.top_p)}" if decoding.top_p < 1 else "",
        counted(decoding.max_new_tokens, "token"),
        prompt_title(style),
        clusterer_recipe(clusterer) if clusterer else "",
        "" if n is None else counted(n, "question"),
        interval,
    ]
    return " · ".join(part for part in parts if part)


def prompt_title(style: str) -> str:
    """A style of prompt: few-shot prompt."""
    return f"{style.replace('_', '-')} prompt"


def clusterer_recipe(clusterer: Clusterer) -> str:
    """A clusterer with its threshold, its model and its report card."""
    card = report_cards().get(clusterer.key)
    parts = [
        f"{clusterer.method}, {joins_at(clusterer)}",
        encoder_title(clusterer.encoder) if clusterer.encoder else clusterer.rule,
        f"report card AUC {number(card.auc)}" if card else "",
    ]
    return " · ".join(part for part in parts if part)


def joins_at(clusterer: Clusterer) -> str:
    """What joins two answers: a threshold, or a rule of entailment."""
    return clusterer.entailment if clusterer.method == "nli" else f"τ = {given(clusterer.threshold)}"
