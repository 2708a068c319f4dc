"""Kinship of runs: a run's name, its stage, its chain, and what it may be compared with. Values, no sentences."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from homog_core.catalogue import MODELS
from homog_core.catalogue.models import training_chain
from homog_core.records import Stage
from homog_core.runs.store import Run

STAGES: tuple[Stage | None, ...] = ("base", "sft", "dpo", "rlvr", "instruct", None)
MOST_RUNS = 4  # that are compared at once
_MARKS = {  # how a name writes what tells runs of one model apart
    "temperature": "T = {:g}",
    "prompt_style": "{} prompt",
    "top_p": "top-p {:g}",
    "max_new_tokens": "{} tokens",
    "seed": "seed {}",
    "n_samples": "N = {}",
    "dataset": "{}",
}
_USUAL = {"temperature": 1.0, "prompt_style": "plain"}  # anything else always stands in the name


# What a run is


def fields(run: Run) -> dict[str, Any]:
    """The fields of a run's identity and of its decoding, by name."""
    identity = asdict(run.identity)
    return {name: value for name, value in (identity | identity["decoding"]).items() if name != "decoding"}


def differing_fields(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The `fields` that differ between runs, with the value of each."""
    found = [fields(run) for run in runs]
    return {key: [own[key] for own in found] for key in found[0] if any(own[key] != found[0][key] for own in found)}


def stage_rank(stage: Stage | None) -> int:
    """The place of a stage in training; nobody has said comes last."""
    return STAGES.index(stage)


def order(run: Run) -> tuple:
    """Sort key: by stage, then name, prompt and temperature."""
    identity = run.identity
    usual_prompt = identity.prompt_style == "plain"
    return stage_rank(run.provenance.stage), identity.model, not usual_prompt, identity.decoding.temperature, run.id


def names(runs: Sequence[Run], *, but: Collection[str] = ()) -> dict[str, str]:
    """A short and unique name for each run, by id.

    The model with its stage, unless the model's own name says it; what is unusual about the run; and what tells it
    from the others of the same model. Fields in `but` are left out.
    """
    found = {run.id: ", ".join([_model_name(run), *_marks(run, runs, but)]) for run in runs}
    shown = list(found.values())
    return {key: name if shown.count(name) == 1 else f"{name}, {key[-10:]}" for key, name in found.items()}


def _model_name(run: Run) -> str:
    model, stage = run.identity.model, run.provenance.stage
    return f"{model} ({stage})" if stage and stage not in model else model


def _marks(run: Run, runs: Sequence[Run], but: Collection[str]) -> list[str]:
    own = fields(run)
    same = [fields(other) for other in runs if other.identity.model == run.identity.model]
    shown = [
        key
        for key in _MARKS
        if key not in but and (own[key] != _USUAL[key] if key in _USUAL else any(o[key] != own[key] for o in same))
    ]
    return [_MARKS[key].format(str(own[key]).replace("_", "-") if key == "prompt_style" else own[key]) for key in shown]


# What belongs together


def conditions(run: Run, *, but: Collection[str] = ()) -> tuple[tuple[str, Any], ...]:
    """The circumstances that runs must share to be compared: questions, decoding and style of the prompt.

    All of them but those named. Runs with equal conditions differ in the model alone.
    """
    kept = ("dataset", "question_ids_sha256", "prompt_style", *asdict(run.decoding))
    own = fields(run)
    return tuple((name, own[name]) for name in kept if name not in but)


def family(run: Run) -> str:
    """The family of a run's model; where nobody has said, the first word of its name."""
    return run.provenance.family or run.identity.model.partition("-")[0]


def base_and_aligned(runs: Sequence[Run]) -> tuple[Run, Run] | None:
    """A base and the furthest stage of its family among the runs, under the same conditions; None without a pair."""
    pairs = [
        (base, other)
        for base in runs
        for other in runs
        if base.provenance.stage == "base"
        and other.provenance.stage not in ("base", None)
        and family(base) == family(other)
        and conditions(base) == conditions(other)
    ]
    return max(pairs, key=lambda pair: stage_rank(pair[1].provenance.stage), default=None)


def temperature_siblings(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs that differ from `run` in nothing but the temperature, itself included, by temperature."""
    same = [other for other in runs if fields(other) | {"temperature": 0} == fields(run) | {"temperature": 0}]
    return sorted(same, key=lambda other: other.decoding.temperature)


def temperature_groups(runs: Sequence[Run], pool: Sequence[Run]) -> dict[str, list[Run]]:
    """The `temperature_siblings` in `pool` of the runs that have some, by the id of the first run of each group."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        same = temperature_siblings(run, pool)
        if len(same) > 1 and not any(run in group for group in groups.values()):
            groups[run.id] = same
    return groups


def at_usual_temperature(runs: Sequence[Run]) -> list[Run]:
    """The runs at temperature 1; all of them where there is none."""
    return [run for run in runs if run.decoding.temperature == _USUAL["temperature"]] or list(runs)


def chain(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs of the training chain that a run's model stands in, the base first, as far as there are such runs.

    They are under the same conditions, and prompted as `run` is or as their own model is by default. A model that is
    not in the catalogue stands alone.
    """
    spec = MODELS.get(run.identity.model)
    if spec is None:
        return [run]
    found = []
    for stage in training_chain(spec):
        styles = (run.identity.prompt_style, stage.prompt_style)
        same = [
            other
            for other in runs
            if other.identity.model == stage.key
            and other.identity.prompt_style in styles
            and conditions(other, but=["prompt_style"]) == conditions(run, but=["prompt_style"])
        ]
        same.sort(key=lambda other: (other.id != run.id, styles.index(other.identity.prompt_style)))
        found += same[:1]
    return found


def default_runs(runs: Sequence[Run]) -> list[Run]:
    """The two runs to open with: both ends of a chain.

    A chain on the starter set under the usual conditions goes before others, then the longest one, then the first.
    Without a chain: the first run and the first one that it can be compared with, or the first run alone.
    """
    chains = [chain(run, runs) for run in runs]
    longest = max(chains, key=lambda found: (len(found) > 1, _is_usual(found[0]), len(found)), default=[])
    if len(longest) > 1:
        return [longest[0], longest[-1]]
    return list(runs[:1]) + next(([run] for run in runs[1:] if not obstacle([runs[0], run])), [])


def _is_usual(run: Run) -> bool:
    own = fields(run)
    return own["dataset"] == "starter" and all(own[name] == value for name, value in _USUAL.items())


class Obstacle(NamedTuple):
    """Why runs cannot be compared."""

    kind: Literal["one_run", "dataset", "n_samples"]
    runs: tuple[Run, ...]  # the two that do not go together


def obstacle(runs: Sequence[Run]) -> Obstacle | None:
    """Why these runs cannot be compared; None where they can, as far as their manifests say."""
    if len(runs) < 2:
        return Obstacle("one_run", tuple(runs))
    for other in runs[1:]:
        if other.identity.dataset != runs[0].identity.dataset:
            return Obstacle("dataset", (runs[0], other))
        if other.decoding.n_samples != runs[0].decoding.n_samples:
            return Obstacle("n_samples", (runs[0], other))
    return None
