"""The command `study run`: all runs of a study file, of which those that are missing are sampled and scored."""

import argparse
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homog_core import files
from homog_core.cli.cluster import clustered
from homog_core.cli.output import print_result, say
from homog_core.cli.sampling import opened, sample_dataset
from homog_core.cli.scoring import score_new_runs
from homog_core.errors import HomogError, in_one_line
from homog_core.wording import numbers

if TYPE_CHECKING:
    from homog_core.analysis.study_progress import CellProgress
    from homog_core.runs.study_file import Cell
    from homog_core.sampling.cluster import Cluster


def run_study(options: argparse.Namespace) -> int:
    """Do what is missing of a study, and print how it stands; exit status 1 where a cell has failed."""
    from homog_core.analysis.study_progress import study_progress
    from homog_core.runs.study_file import read_cells

    progress = study_progress(read_cells(files.named(options.file)))
    if not options.dry_run:
        _print_plan(progress)
        progress = _done(options, progress)
    print_result(options, [_document(one) if options.json else _row(one) for one in progress])
    if not options.json:
        print(f"\n{_left(progress)}")
    return int(any(one.problem for one in progress))


def _done(options: argparse.Namespace, progress: list["CellProgress"]) -> list["CellProgress"]:
    """Sample and score what is missing; how all cells stand afterwards, in their order."""
    if all(one.is_done or one.problem for one in progress):
        return progress
    with clustered(options) as cluster:
        found = {one.cell: one for group in _by_weights(progress) for one in _sampled(group, cluster)}
        return [_scored(options, found[one.cell], cluster) for one in progress]


def _by_weights(progress: list["CellProgress"]) -> Iterable[list["CellProgress"]]:
    """The cells that one loaded model can sample, a group each."""
    groups: dict[tuple[str, str | None], list[CellProgress]] = {}
    for one in progress:
        groups.setdefault((one.cell.model, one.cell.settings.dtype), []).append(one)
    return groups.values()


def _sampled(group: list["CellProgress"], cluster: "Cluster | None") -> list["CellProgress"]:
    """The cells of one model after sampling. One that fails does not stop the others."""
    from homog_core.device import free_memory

    missing = [one for one in group if not one.is_sampled and not one.problem]
    if not missing:
        return group
    found = _sampled_by_one_model(missing, cluster)
    free_memory()  # the next model takes its place
    return [found.get(one.cell, one) for one in group]


def _sampled_by_one_model(missing: list["CellProgress"], cluster: "Cluster | None") -> dict["Cell", "CellProgress"]:
    """The cells after sampling. Nothing refers to the model any more."""
    from homog_core.sampling.weights import find_model

    first, found = missing[0].cell, {}
    try:
        with opened(find_model(first.model), first.settings.dtype, cluster) as sampler:
            for one in missing:
                say(f"Sampling {one.cell.model} over {one.cell.dataset} ({one.cell.chosen})")
                try:
                    run = sample_dataset(sampler, one.cell.dataset, one.cell.settings)
                    found[one.cell] = replace(one, run=run, n_done=one.n_total, cost=None)
                except Exception as error:
                    found[one.cell] = _failed(one, error)
    except Exception as error:  # the model does not load: none of its cells can be sampled
        found = {one.cell: found.get(one.cell, _failed(one, error)) for one in missing}
    return found


def _scored(options: argparse.Namespace, one: "CellProgress", cluster: "Cluster | None") -> "CellProgress":
    """The cell after scoring, where its answers are there."""
    if one.problem or one.is_scored or not one.is_sampled:
        return one
    try:
        score_new_runs(options, [one.run.id], cluster)
    except Exception as error:
        return _failed(one, error)
    return replace(one, is_scored=True)


def _failed(one: "CellProgress", error: Exception) -> "CellProgress":
    """The cell with what went wrong, as one sentence."""
    words = (str(error).strip() or "no more is known").splitlines()[0]
    problem = str(error) if isinstance(error, HomogError) else in_one_line(f"{type(error).__name__}: {words}")
    say(f"Failed: {problem}")
    return replace(one, problem=problem)


def _state(one: "CellProgress") -> str:
    if one.problem:
        return "failed"
    if one.is_sampled:
        return "done" if one.is_scored else "sampled, not scored"
    return f"{one.n_done} of {numbers.counted(one.n_total, 'question')}" if one.n_done else "not begun"


def _row(one: "CellProgress") -> dict[str, Any]:
    is_open = not (one.is_sampled or one.problem)
    unknown = "not known" if is_open else ""
    return {
        "model": one.cell.model,
        "dataset": one.cell.dataset,
        "settings": one.cell.chosen,
        "state": _state(one),
        "tokens to come": numbers.whole(one.cost.tokens) if one.cost else unknown,
        "time to come": _time(one) if one.cost else unknown,
        "run": one.run.id if one.run else "",
        "what failed": one.problem,
    }


def _time(one: "CellProgress") -> str:
    if math.isnan(one.cost.seconds_there):
        return "not known"
    return f"{numbers.duration(one.cost.seconds_there)} on {one.cost.measured_on}"


def _document(one: "CellProgress") -> dict[str, Any]:
    return {
        "model": one.cell.model,
        "dataset": one.cell.dataset,
        "settings": one.cell.chosen,
        "state": _state(one),
        "questions_done": one.n_done,
        "questions": one.n_total,
        "tokens_to_come": one.cost.tokens if one.cost else None,
        "seconds_to_come": one.cost.seconds_there if one.cost else None,
        "measured_on": one.cost.measured_on if one.cost else None,
        "run": one.run.id if one.run else None,
        "problem": one.problem or None,
    }


def _left(progress: list["CellProgress"]) -> str:
    """What is left to do, as a sentence."""
    n_done, n_failed = sum(one.is_done for one in progress), sum(bool(one.problem) for one in progress)
    found = [f"{n_done} of {numbers.counted(len(progress), 'run')} are done"]
    if n_failed:
        found.append(f"{n_failed} failed; the same command tries them again")
    missing = [one for one in progress if not (one.is_sampled or one.problem)]
    costs = [one.cost for one in missing if one.cost]
    if costs:
        words = f"{numbers.counted(len(costs), 'run')} will take {numbers.whole(sum(c.tokens for c in costs))} tokens"
        seconds = sum(cost.seconds_there for cost in costs)
        words += "" if math.isnan(seconds) else f", {numbers.duration(seconds)} at the speed that was measured"
        found.append(words)
    if len(costs) < len(missing):
        found.append(f"nobody knows what {numbers.counted(len(missing) - len(costs), 'run')} will take")
    return f"{'; '.join(found)}."


def _print_plan(progress: list["CellProgress"]) -> None:
    say(_left(progress).rstrip("."))
