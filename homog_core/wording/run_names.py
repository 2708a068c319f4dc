"""What a run is called: shortly, in a legend or a table, and in one line, in a list to choose from."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from homog_core.analysis.comparable import USUAL, fields
from homog_core.runs.store import Run
from homog_core.wording.labels import STAGE_TITLES, dataset_title
from homog_core.wording.numbers import counted, given
from homog_core.wording.studies import SHORT_MARK


def names(runs: Sequence[Run], *, but: Collection[str] = ()) -> dict[str, str]:
    """A short and unique name for each run, by id.

    The model with its stage, unless the model's own name says it; what is unusual about the run; and what tells it
    from the others of the same model. Beside runs of ours, those of public studies say so. Fields in `but` are
    left out.
    """
    mixed = len({run.provenance.study is None for run in runs}) > 1
    found = {run.id: ", ".join([_model_name(run), *_marks(run, runs, but)]) for run in runs}
    found |= {run.id: f"{found[run.id]}, {SHORT_MARK}" for run in runs if mixed and run.provenance.study}
    shown = list(found.values())
    return {key: name if shown.count(name) == 1 else f"{name}, {key[-10:]}" for key, name in found.items()}


def _model_name(run: Run) -> str:
    model, stage = run.identity.model, run.provenance.stage
    return f"{model} ({STAGE_TITLES[stage]})" if stage and stage not in model else model


def _marks(run: Run, runs: Sequence[Run], but: Collection[str]) -> list[str]:
    own = fields(run)
    if own["prompt_style"] == "unknown":  # of an imported run
        but = [*but, "prompt_style"]
    if own["temperature"] is None:
        but = [*but, "temperature"]
    same = [fields(other) for other in runs if other.identity.model == run.identity.model]
    in_int8 = ["int8"] if own["dtype"] == "int8" else []
    return in_int8 + [
        show(own[key])
        for key, show in _MARKS.items()
        if key not in but and (own[key] != USUAL[key] if key in USUAL else any(o[key] != own[key] for o in same))
    ]


def run_title(run: Run) -> str:
    """A run in one line."""
    identity, status = run.identity, run.provenance.status
    stage = STAGE_TITLES[run.provenance.stage]
    parts = [
        f"{identity.model} ({stage})" if stage else identity.model,
        dataset_title(identity.dataset),
        counted(identity.n_questions, "question"),
        f"temperature {_temperature(run)}",
        "int8" if identity.dtype == "int8" else "",
        prompt_title(identity.prompt_style),
        status if status != "complete" else "imported" if run.is_imported and not run.provenance.study else "",
    ]
    return " · ".join(part for part in parts if part)


def titles(runs: Sequence[Run]) -> dict[str, str]:
    """One line for each run of a list to choose from, by id: its dataset, and what tells it from the others there.

    Runs of one question are from the Live lab, and say so.
    """
    found: dict[str, str] = {}
    for dataset in dict.fromkeys(run.identity.dataset for run in runs):
        same = [run for run in runs if run.identity.dataset == dataset]
        usual = Counter(run.identity.n_questions for run in same).most_common(1)[0][0]
        for key, name in names(same, but=["dataset"]).items():
            run = next(run for run in same if run.id == key)
            found[key] = " · ".join([dataset_title(dataset), name, *_remarks(run, usual)])
    return found


def _remarks(run: Run, usual: int) -> list[str]:
    """What else is unusual about a run; `usual` is the number of questions that most runs of its dataset have."""
    if run.identity.n_questions == 1:
        return [f"live, {run.provenance.created[:16].replace('T', ' ')}"]
    remarks = [counted(run.identity.n_questions, "question")] if run.identity.n_questions != usual else []
    if run.provenance.status != "complete":
        remarks.append(run.provenance.status)
    return [*remarks, "imported"] if run.is_imported and not run.provenance.study else remarks


def _temperature(run: Run) -> str:
    value = fields(run)["temperature"]
    return "not known" if value is None else given(value)


def prompt_title(style: str) -> str:
    """A style of prompt: few-shot prompt."""
    return f"{style.replace('_', '-')} prompt"


_MARKS: dict[str, Callable[[Any], str]] = {  # how a name writes what tells runs of one model apart
    "temperature": lambda value: f"T = {given(value)}",
    "prompt_style": prompt_title,
    "top_p": lambda value: f"top-p {given(value)}",
    "max_new_tokens": lambda value: "token limit not known" if value is None else f"{value} tokens",
    "seed": lambda value: f"seed {value}",
    "n_samples": lambda value: f"N = {value}",
    "dataset": dataset_title,
}
