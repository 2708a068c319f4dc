"""TODO homog_core.wording.recipes."""

from typing import Any

from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.encoders import ENCODERS, NLI_MODELS
from homog_core.catalogue.models import MODELS
from homog_core.measures import report_cards
from homog_core.measures.clustering import Clusterer
from homog_core.runs import store


def run_title(run: store.Run) -> str:
    """A run in one line."""
    identity = run.identity
    dataset = DATASETS[identity.dataset].title if identity.dataset in DATASETS else identity.dataset
    stage = run.provenance.stage
    status = "" if run.provenance.status == "complete" else f" · {run.provenance.status}"
    status = " · imported" if run.is_imported and not status else status
    n, temperature = identity.n_questions, identity.decoding.temperature
    return (
        f"{identity.model}{f' ({stage})' if stage else ''} · {dataset} · {n} question{'s' if n != 1 else ''} · "
        f"temperature {temperature:g} · {identity.prompt_style} prompt{status}"
    )


def run_recipe(run: store.Run, clusterer: Clusterer | None, n: int, interval: str = "") -> str:
    """The recipe line of what is computed from a run."""
    identity = run.identity
    return recipe(identity.model, run.decoding, identity.prompt_style, clusterer, n, interval)


def recipe(model: str, decoding: Any, style: str, clusterer: Clusterer | None, n: int, interval: str = "") -> str:
    """Model · N · temperature · clusterer with its report card · n · interval method."""
    parts = [
        model,
        f"N = {decoding.n_samples}",
        f"temperature {decoding.temperature:g}",
        f"top-p {decoding.top_p:g}" if decoding.top_p < 1 else "",
        f"{decoding.max_new_tokens} tokens",
        f"{style} prompt",
        clusterer_recipe(clusterer) if clusterer else "",
        f"{n} question{'s' if n != 1 else ''}",
        interval,
    ]
    return " · ".join(part for part in parts if part)


def clusterer_recipe(clusterer: Clusterer) -> str:
    """A clusterer as it stands in a recipe line."""
    encoder = f" · {encoder_title(clusterer.encoder)}" if clusterer.encoder else f" · {clusterer.rule}"
    card = report_cards.report_cards().get(clusterer.key)
    card_text = f" · report card AUC {card.auc:.2f}" if card else ""
    joins = clusterer.entailment if clusterer.method == "nli" else f"τ = {clusterer.threshold:g}"
    return f"{clusterer.method}, {joins}{encoder}{card_text}"


def encoder_title(key: str) -> str:
    """An encoder's or NLI model's name for people."""
    known = ENCODERS | NLI_MODELS
    return known[key].title if key in known else key


def model_title(key: str) -> str:
    """A catalogue model in one line: name, stage and what it takes to sample it."""
    from homog_core.sampling.weights import availability

    spec = MODELS[key]
    return f"{key} · {spec.stage} · {availability(spec).sentence}"
