"""The commands `sample`, `draws` and `train`: what a model is run for."""

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from homog_core.cli.cluster import clustered
from homog_core.cli.output import Bar, print_result, say
from homog_core.cli.scoring import score_new_run
from homog_core.errors import InvalidInput
from homog_core.wording import numbers

if TYPE_CHECKING:
    from homog_core.analysis.draws import Draw
    from homog_core.catalogue.servers import Server
    from homog_core.records import ModelSpec
    from homog_core.runs.settings import Settings
    from homog_core.runs.store import Run
    from homog_core.sampling.cluster import Cluster
    from homog_core.sampling.steps import Sampler


def sample(options: argparse.Namespace) -> None:
    """Sample and score a run."""
    from homog_core.runs.settings import Settings

    settings = Settings(**{field.name: getattr(options, field.name) for field in fields(Settings)})
    with clustered(options) as cluster:
        server, spec = _model(options)
        settings.decoding(options.dataset), settings.questions(options.dataset)  # complain before the model is loaded
        with opened(spec, settings.dtype, cluster, server) as sampler:
            run = sample_dataset(sampler, options.dataset, settings)
        score_new_run(options, run.id, cluster)


@contextmanager
def opened(
    spec: "ModelSpec", dtype: str | None, cluster: "Cluster | None" = None, server: "Server | None" = None
) -> "Iterator[Sampler]":
    """The sampler of a model, while it is used: on a cluster, behind a server, or on this machine."""
    from homog_core.catalogue.servers import is_served
    from homog_core.sampling.cluster import RaySampler
    from homog_core.sampling.engine import TorchSampler
    from homog_core.sampling.remote import RemoteSampler

    if cluster:
        say(f"Loading {spec.key} on the workers")
        with RaySampler(cluster, spec, dtype) as sampler:
            yield sampler
    elif is_served(spec.source):
        yield RemoteSampler.connect(spec, say, server)
    else:
        yield TorchSampler.from_pretrained(spec, say, dtype)


def sample_dataset(sampler: "Sampler", dataset: str, settings: "Settings") -> "Run":
    """Sample a dataset with a bar, and store the run."""
    from homog_core.runs.sample import sample_run
    from homog_core.sampling.batch import batch_that_fits
    from homog_core.sampling.cluster import RaySampler
    from homog_core.sampling.remote import RemoteSampler

    questions, decoding = settings.questions(dataset), settings.decoding(dataset)
    style, batch = settings.prompt or sampler.spec.prompt_style, settings.batch_questions
    on_cluster = isinstance(sampler, RaySampler)
    if batch is None:
        if isinstance(sampler, RemoteSampler):
            batch = sampler.server.requests
        else:
            fits = sampler.batch_that_fits if on_cluster else partial(batch_that_fits, sampler)
            batch = fits(questions, decoding, style)
    with Bar("Sampling") as bar:
        return sample_run(
            sampler,
            questions,
            decoding,
            style,
            batch_questions=batch,
            device=sampler.device if on_cluster else None,
            on_step=lambda p: bar.update(_speed(p), p.n_done, p.n_total),
        )


def _model(options: argparse.Namespace) -> tuple["Server | None", "ModelSpec"]:
    """The model that was asked for, and its server where that was named."""
    from homog_core.catalogue.servers import find_server, is_served
    from homog_core.sampling.remote import served_model
    from homog_core.sampling.weights import find_model

    server = find_server(options.server) if options.server else None
    spec = served_model(server, options.model) if server else find_model(options.model)
    if options.dtype and is_served(spec.source):
        raise InvalidInput("--dtype is of weights on this machine; leave it out for a served model.")
    return server, spec


def _speed(p: Any) -> str:
    left = "" if math.isnan(p.seconds_left) else f", {numbers.duration(p.seconds_left)} left"
    return f"{numbers.whole(p.n_tokens / max(p.seconds, 1e-9))} tokens/s{left}"


def draws(options: argparse.Namespace) -> None:
    """Say how fairly a model draws from closed lists."""
    from homog_core.analysis.draws import draw_set
    from homog_core.analysis.draws import draws as drawn
    from homog_core.runs.draw_sets import write_draws
    from homog_core.runs.questions import load_questions, typed_draw
    from homog_core.sampling.engine import TorchSampler
    from homog_core.sampling.weights import find_model

    spec = find_model(options.model)
    questions = [typed_draw(text) for text in options.question] if options.question else load_questions("draws")
    sampler = TorchSampler.from_pretrained(spec, say, options.dtype)
    style = options.prompt or spec.prompt_style
    with Bar("Computing") as bar:
        found = list(drawn(sampler, questions, style, bar.update))
    if not options.question:
        say(f"Stored as {write_draws(draw_set(sampler, style, found)).name}")
    print_result(options, [_draw_document(draw) if options.json else _draw_row(draw) for draw in found])


def _draw_row(draw: "Draw") -> dict[str, Any]:
    fair, spread = draw.all, [one.total_variation for one in draw.each]
    likeliest = f"{draw.options[fair.likeliest]} {numbers.percent(fair.likeliest_mass)}" if fair.on_list else "none"
    return {
        "draw": draw.name,
        "answers": len(draw.options),
        "on the list": numbers.percent(fair.on_list),
        "effective number": numbers.number(fair.effective_number, 1),
        "likeliest": likeliest,
        "distance from fair": numbers.number(fair.total_variation),
        "by wording": " ".join(map(numbers.number, spread)),
        "not followed": numbers.tenth_percent(max(draw.pruned)),
    }


def _draw_document(draw: "Draw") -> dict[str, Any]:
    return {
        "draw": draw.name,
        "all": asdict(draw.all),
        "wordings": [
            {
                "text": text,
                "probabilities": dict(zip(draw.options, row.tolist(), strict=True)),
                "not_followed": pruned,
                **asdict(one),
            }
            for text, row, pruned, one in zip(draw.wordings, draw.probabilities, draw.pruned, draw.each, strict=True)
        ],
    }


def train(options: argparse.Namespace) -> None:
    """Train an adapter."""
    from homog_core.catalogue.recipes import RECIPES
    from homog_core.training.train import train as train_adapter

    changes = {name: getattr(options, name) for name in ("seed", "learning_rate", "epochs", "beta", "nll")}
    changed = replace(RECIPES[options.stage], **{name: value for name, value in changes.items() if value is not None})
    folder = train_adapter(changed, options.model, smoke=options.smoke, say=say)
    print_result(options, [{"adapter": folder.name, "folder": str(folder)}])
