"""How runs are related: the stage of training, the base and what was made of it, the chain. Values, no sentences."""

from collections.abc import Mapping, Sequence

from homog_core.analysis.comparable import USUAL, conditions, fields, obstacle
from homog_core.analysis.seeds import is_replicate
from homog_core.catalogue import MODELS
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.catalogue.models import role, training_chain
from homog_core.catalogue.recipes import recipe_of, without_seed
from homog_core.records import ModelSpec, Role, Stage
from homog_core.runs.store import Run

STAGES: tuple[Stage | None, ...] = ("base", "sft", "dpo", "rlvr", "instruct", None)


def stage_rank(stage: Stage | None) -> int:
    """The place of a stage in training; nobody has said comes last."""
    return STAGES.index(stage)


def roles(runs: Sequence[Run]) -> list[Role]:
    """What the model of each run stands for beside others."""
    return [role(run.provenance.stage, run.provenance.parent) for run in runs]


def order(run: Run) -> tuple:
    """Sort key: by stage, then name, prompt and temperature."""
    identity = run.identity
    usual_prompt = identity.prompt_style == "plain"
    return stage_rank(run.provenance.stage), identity.model, not usual_prompt, identity.decoding.temperature, run.id


def along_training(runs: Sequence[Run]) -> list[Run]:
    """The runs with every model after those it was trained from, and otherwise by stage; equals stay as they are."""
    parents = {run.identity.model: run.provenance.parent for run in runs}

    def depth(model: str) -> int:
        seen: list[str] = []  # what people say of their models may go in a circle
        while (above := parents.get(model)) in parents and above not in seen:
            seen.append(model := above)
        return len(seen)

    return sorted(runs, key=lambda run: (depth(run.identity.model), stage_rank(run.provenance.stage)))


def offered(runs: Sequence[Run]) -> list[Run]:
    """Runs as they stand in a list to choose from: by dataset, `FIRST_DATASET` first, and within it by `order`.

    Those of public studies come after ours, and runs of one question last, in the order given.
    """
    datasets = list(dict.fromkeys([FIRST_DATASET, *(run.identity.dataset for run in runs)]))
    datasets.sort(key={run.identity.dataset for run in runs if run.provenance.study}.__contains__)
    several = [run for run in runs if run.identity.n_questions > 1]
    live = [run for run in runs if run.identity.n_questions == 1]
    return sorted(several, key=lambda run: (datasets.index(run.identity.dataset), order(run))) + live


def ours(runs: Sequence[Run]) -> list[Run]:
    """The runs that are of no public study: theirs are never shown unless somebody chooses them."""
    return [run for run in runs if run.provenance.study is None]


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


def usual_runs(runs: Sequence[Run]) -> list[Run]:
    """The runs at temperature 1 and with the usual prompt where the model has one such; all where there is none.

    Other training seeds of a model are left out.
    """
    usual = [run for run in runs if run.decoding.temperature == USUAL["temperature"] and not is_replicate(run)]
    plain = {run.identity.model for run in usual if run.identity.prompt_style == USUAL["prompt_style"]}
    found = [r for r in usual if r.identity.prompt_style == USUAL["prompt_style"] or r.identity.model not in plain]
    return found or list(runs)


def chain(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs of the training chain that a run's model stands in, the base first, as far as there are such runs.

    They are under the same conditions, and prompted as `run` is or as their own model is by default. Of a model that is
    not in the catalogue the runs themselves say what it was trained from, and any prompt will do; of several lines the
    one with the most runs counts, and of equals the last one.
    """
    return _chain(run, runs, MODELS | {})


def _chain(run: Run, runs: Sequence[Run], models: Mapping[str, ModelSpec]) -> list[Run]:
    """`chain` with the catalogue as it is: looking for its file takes longer than all else."""
    spec = models.get(run.identity.model)
    if spec is not None:
        return _runs_of([stage.key for stage in training_chain(spec, models)], run, runs, models)
    pool = [*runs, run]
    parents = {other.identity.model: other.provenance.parent for other in pool if other.provenance.parent}
    lines = [_line(model, parents, models) for model in dict.fromkeys(other.identity.model for other in pool)]
    found = [_runs_of(line, run, runs, models) for line in lines if run.identity.model in line]
    return max(reversed(found), key=len) or [run]


def _line(model: str, parents: Mapping[str, str], models: Mapping[str, ModelSpec]) -> list[str]:
    """A model and those that it was trained from, the base first; parents of models of the catalogue stand there."""
    line = [model]
    while True:
        first = models.get(line[0])
        parent = parents.get(line[0]) if first is None else first.parent
        if parent is None or parent in line:  # nobody has said, or the runs contradict each other
            return line
        line.insert(0, parent)


def _runs_of(line: Sequence[str], run: Run, runs: Sequence[Run], models: Mapping[str, ModelSpec]) -> list[Run]:
    """One run of each model of a line, as far as there are any under the conditions of `run`."""
    found, conditions_of_run = [], conditions(run, but=["prompt_style"])
    for model in line:
        spec, own = models.get(model), run.identity.prompt_style
        same = [
            other
            for other in runs
            if other.identity.model == model
            and (spec is None or other.identity.prompt_style in (own, spec.prompt_style))
            and conditions(other, but=["prompt_style"]) == conditions_of_run
        ]
        same.sort(key=lambda other: (other.id != run.id, other.identity.prompt_style != own))
        found += same[:1]
    return found


def chain_with_control(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The `chain` of a run, with the control of its last stage before that stage, where there is one."""
    found = chain(run, runs)
    own = control(found[-1], runs)
    return [*found[:-1], *([own] if own else []), found[-1]]


def control(run: Run, runs: Sequence[Run]) -> Run | None:
    """The run among some of the control that a run's model has, under the same conditions; None without one."""
    last = recipe_of(run.identity.model)
    controls = (
        other
        for other in runs
        if last is not None
        and (recipe := recipe_of(other.identity.model)) is not None
        and recipe.matches == last.stage
        and without_seed(other.identity.model)[1] == without_seed(run.identity.model)[1]
        and conditions(other) == conditions(run)
    )
    return next(controls, None)


def default_runs(runs: Sequence[Run]) -> list[Run]:
    """The two runs to open with: both ends of a chain.

    A chain on `FIRST_DATASET` under the usual conditions goes before others, then the longest one, then the one that
    ends a line of the catalogue. Runs of public studies only where there are no others.
    Without a chain: the first run and the first one that it can be compared with, or the first run alone.
    """
    runs, models = ours(runs) or runs, MODELS | {}
    chains = [_chain(run, runs, models) for run in runs]
    longest = max(chains, key=lambda c: (len(c) > 1, _is_usual(c[0]), len(c), _ends_its_line(c, models)), default=[])
    if len(longest) > 1:
        return [longest[0], longest[-1]]
    return list(runs[:1]) + next(([run] for run in runs[1:] if not obstacle([runs[0], run])), [])


def _ends_its_line(chain: Sequence[Run], models: Mapping[str, ModelSpec]) -> bool:
    base, last = models.get(chain[0].identity.model), chain[-1].identity.model
    return base is not None and training_chain(base, models)[-1].key == last


def _is_usual(run: Run) -> bool:
    own = fields(run)
    return own["dataset"] == FIRST_DATASET and all(own[name] == value for name, value in USUAL.items())
