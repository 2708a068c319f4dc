"""TODO homog_core.analysis.lineage."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.models import MODELS, training_chain
from homog_core.runs.store import Run

STAGES = ("base", "sft", "dpo", "rlvr", "instruct", None)


# Which runs, in which order, under which name


def order(run: Run) -> tuple:
    """Sort key: by stage, then name, prompt and temperature."""
    identity = run.identity
    stage = run.provenance.stage
    place = STAGES.index(stage) if stage in STAGES else len(STAGES)
    return place, identity.model, identity.prompt_style != "plain", identity.decoding.temperature, run.id


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """A short and unique name for each run, by id: the model, its stage, and what is not usual about it."""
    found = {run.id: _label(run) for run in runs}
    names = list(found.values())
    return {key: name if names.count(name) == 1 else f"{name}, {key[-4:]}" for key, name in found.items()}


def _label(run: Run) -> str:
    identity, stage = run.identity, run.provenance.stage
    decoding, style = identity.decoding, identity.prompt_style
    parts = [identity.model + (f" ({stage})" if stage and stage not in identity.model else "")]
    parts += [f"T={decoding.temperature:g}"] if decoding.temperature != 1 else []
    parts += [f"{style.replace('_', '-')} prompt"] if style != "plain" else []
    return ", ".join(parts)


def base_and_aligned(runs: Sequence[Run]) -> tuple[Run, Run] | None:
    """The base and the furthest stage made from it among the runs, alike in all but the model; None without a pair.

    Of several such pairs the one with the furthest stage; runs of our chain share everything but the training.
    """
    pairs = [
        (base, other)
        for base in runs
        for other in runs
        if base.provenance.stage == "base"
        and other.provenance.stage in STAGES[1:-1]
        and _family(base) == _family(other)
        and _all_but_the_model(base) == _all_but_the_model(other)
    ]
    return max(pairs, key=lambda pair: order(pair[1])[0], default=None)


def _family(run: Run) -> Any:
    return run.provenance.family or run.identity.model.partition("-")[0]


def _all_but_the_model(run: Run) -> dict[str, Any]:
    kept = ("dataset", "question_ids_sha256", "decoding", "prompt_style")
    return {key: getattr(run.identity, key) for key in kept}


def flat_identity(run: Run) -> dict[str, Any]:
    """The fields of a run's identity and of its decoding, by name."""
    identity = asdict(run.identity)
    return {name: value for name, value in (identity | identity["decoding"]).items() if name != "decoding"}


def temperature_siblings(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs that differ from `run` in nothing but the temperature, itself included, by temperature."""

    def rest(other: Run) -> dict[str, Any]:
        return flat_identity(other) | {"temperature": None}

    same = [other for other in runs if rest(other) == rest(run)]
    return sorted(same, key=lambda other: other.identity.decoding.temperature)


MOST_RUNS = 4


_STAGES = {"sft": "SFT", "dpo": "DPO", "rlvr": "RLVR"}


# Which runs


def chain_runs(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs of the training chain that a run's model stands in, the base first, as far as there are such runs.

    They are over the same questions with the same decoding, and prompted as `run` is or as their own model is by
    default. A model that is not in the catalogue stands alone.
    """
    spec = MODELS.get(run.identity.model)
    if spec is None:
        return [run]
    found = []
    for stage in training_chain(spec):
        styles = (run.identity.prompt_style, stage.prompt_style)
        same = [r for r in runs if r.identity.model == stage.key and _same_questions(r, run)]
        same = [r for r in same if r.identity.prompt_style in styles]
        same.sort(key=lambda r: (r.id != run.id, styles.index(r.identity.prompt_style)))
        found += same[:1]
    return found


def _same_questions(a: Run, b: Run) -> bool:
    fields = ("dataset", "question_ids_sha256", "decoding")
    return all(getattr(a.identity, name) == getattr(b.identity, name) for name in fields)


def default_runs(runs: Sequence[Run]) -> list[Run]:
    """The two runs to open with: both ends of the longest chain, of equals one on the starter set, usual, and first.

    Without a chain the first run and the first one that it can be compared with; the first alone where there is none.
    """
    chains = [chain_runs(run, runs) for run in runs]
    chain = max(chains, key=lambda found: (len(found) > 1, _is_usual(found[0]), len(found)), default=[])
    if len(chain) > 1:
        return [chain[0], chain[-1]]
    return list(runs[:1]) + next(([run] for run in runs[1:] if not _unlike(runs[0], run)), [])


def _is_usual(run: Run) -> bool:
    identity = run.identity
    return identity.dataset == "starter" and identity.prompt_style == "plain" and identity.decoding.temperature == 1


def chain_title(runs: Sequence[Run]) -> str:
    """The stages of a chain, as in `base → SFT → DPO`."""
    return " → ".join(stage_of(run) or run.identity.model for run in runs)


def stage_of(run: Run) -> str:
    """The training stage of a run's model as it is usually written; "" where nobody has said."""
    stage = run.provenance.stage or ""
    return _STAGES.get(stage, stage)


def names(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its model, and where the same model comes twice what else tells the runs apart."""
    models = [run.identity.model for run in runs]
    found = []
    for run, model in zip(runs, models, strict=True):
        same = [other for other, name in zip(runs, models, strict=True) if name == model]
        found.append(", ".join([model, *_marks(run, same)]))
    return [
        name if found.count(name) == 1 else f"{name}, {run.id[-10:]}" for name, run in zip(found, runs, strict=True)
    ]


def _marks(run: Run, same: Sequence[Run]) -> list[str]:
    """What tells a run from those of the same model."""
    fields = [flat_identity(r) for r in same]
    own = flat_identity(run)
    return [form.format(own[key]) for key, form in _MARKS.items() if any(f[key] != own[key] for f in fields)]


_MARKS = {
    "temperature": "T = {:g}",
    "prompt_style": "{} prompt",
    "top_p": "top-p {:g}",
    "max_new_tokens": "{} tokens",
    "seed": "seed {}",
    "n_samples": "N = {}",
    "dataset": "{}",
}


def obstacle(runs: Sequence[Run]) -> str:
    """Why these runs cannot be compared, in one sentence; "" where they can, as far as their manifests say."""
    if len(runs) < 2:
        return "One run alone has nothing to be compared with: add a second one to the list."
    return next((found for run in runs[1:] if (found := _unlike(runs[0], run))), "")


def _unlike(first: Run, other: Run) -> str:
    one, two = (f"{name} ({run.id[-10:]})" for name, run in zip(names([first, other]), (first, other), strict=True))
    a, b = (run.identity.dataset for run in (first, other))
    if a != b:
        return f"{one} answered the questions of {_title(a)}, {two} those of {_title(b)}: choose runs of one dataset."
    n, m = (run.decoding.n_samples for run in (first, other))
    if n != m:
        return (
            f"{one} was asked {n} times a question and {two} {m} times: more answers make more different ones, so "
            "choose runs with the same number."
        )
    return ""


def _title(dataset: str) -> str:
    return DATASETS[dataset].title if dataset in DATASETS else dataset
