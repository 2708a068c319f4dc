"""The command `plan`: what two runs could have found, how many questions a study needs, how long it takes."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from homog_core.cli.output import print_result, say
from homog_core.errors import InvalidInput
from homog_core.typed import typed

if TYPE_CHECKING:
    from homog_core.analysis.plan import Cost
    from homog_core.runs.store import Run
    from homog_core.statistics.power import Design


def plan(options: argparse.Namespace) -> None:
    """Plan a study from two runs, or from figures."""
    from homog_core.statistics.power import check_target

    check_target(options.power)
    for name, value in (("--questions", options.questions), ("--samples", options.samples)):
        if value is not None and value < 1:
            raise InvalidInput(f"{name} is {value}; it must be at least 1.")
    figures = [name for name in ("scr", "clusters", "auroc") if getattr(options, name) is not None]
    if options.runs and (figures or options.model):
        raise InvalidInput("Name two runs, or give figures and --model, not both.")
    if options.dataset and not options.model:
        raise InvalidInput("--dataset says which answers of --model to measure; give --model too.")
    if options.runs:
        _plan_from_runs(options)
    elif figures or (options.model and options.questions):
        _plan_from_figures(options)
    else:
        raise InvalidInput(
            "Name two runs over the same questions, or a difference as in `plan --scr 0.02 0.10`, or a model and a "
            "number of questions."
        )


def _plan_from_runs(options: argparse.Namespace) -> None:
    from homog_core.analysis.comparable import obstacle
    from homog_core.analysis.compare import common_clusterers
    from homog_core.analysis.plan import detectable, needed
    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.runs.store import open_run
    from homog_core.wording import plan as wording
    from homog_core.wording.comparison import obstacle_sentence
    from homog_core.wording.recipes import clusterer_name
    from homog_core.wording.run_names import names

    stored = [open_run(run_id) for run_id in dict.fromkeys(options.runs)]
    if reason := obstacle(stored):
        raise InvalidInput(obstacle_sentence(reason))
    pair = [ScoredRun(run) for run in stored]
    known = {clusterer.key: clusterer for clusterer in common_clusterers(pair)}
    if not known:
        again = " and ".join(f"`{typed('score', run.id)}`" for run in stored)
        raise InvalidInput(f"These runs were scored at different thresholds; score both again: {again}.")
    key = options.clusterer or next(iter(known))
    if key not in known:
        raise InvalidInput(f"There is no clusterer {key!r} for both of these runs; use one of {', '.join(known)}.")
    found = detectable(pair, known[key], options.power)
    needs = needed(pair, known[key], found, options.power)
    n = options.questions or needs.rate.n
    costs = [] if math.isnan(n) else _costs(options, stored, n)
    if options.json:
        document = {"clusterer": key, "detectable": asdict(found), "needed": asdict(needs)}
        print_result(options, document | {"costs": [asdict(one) for one in costs]})
        return
    titles = [names(stored)[run.id] for run in stored]
    print(f"{' and '.join(titles)} · {clusterer_name(known[key])}\n\nWhat they could have found:")
    print("\n".join(wording.could_have_found(found, titles)))
    print(f"\nHow many questions find what they show, with a power of {options.power:g}:")
    print("\n".join(wording.would_find(found, needs, titles)))
    if found.budgets:
        print("\nSingle-cluster rates with fewer samples a question:")
        rows = zip(found.budgets, needs.budgets, strict=True)
        print("\n".join(wording.budget_sentence(one, design) for one, design in rows))
    if costs:
        print("\nWhat it costs:\n" + "\n".join(wording.cost_sentence(one) for one in costs))


def _plan_from_figures(options: argparse.Namespace) -> None:
    import numpy as np

    from homog_core.analysis.plan import newest_run
    from homog_core.runs import store
    from homog_core.wording import plan as wording

    run = newest_run(store.list_runs(), options.model, options.dataset) if options.model else None
    designs = _designs(options)
    n = options.questions or float(np.max([design.n for _, _, design in designs]))  # NaN where one of them is
    cost = None if run is None or math.isnan(n) else _costs(options, [run], n)[0]
    if options.json:
        rows = [{"statistic": name, "assumption": how, **asdict(design)} for name, how, design in designs]
        print_result(options, {"designs": rows, "cost": asdict(cost) if cost else None})
        return
    if designs:
        print_result(options, [_row(*one) for one in designs])
        print("".join(f"\n{sentence}" for sentence in wording.assumptions([how for _, how, _ in designs])))
    if cost:
        print(wording.cost_sentence(cost))
    elif run:
        print("No cost: even the most questions that are looked for are too few; give --questions.")


def _designs(options: argparse.Namespace) -> list[tuple[str, str, "Design"]]:
    """Statistic, assumption and design of every figure that was given."""
    from homog_core.analysis.plan import auroc_design, clusters_design, rate_designs

    n, target, found = options.questions, options.power, []
    if options.scr is not None:
        if len(options.scr) > 2:
            raise InvalidInput(f"--scr takes one or two rates; there are {len(options.scr)}.")
        found += [("single-cluster rate", how, one) for how, one in rate_designs(options.scr, n, target).items()]
    if options.clusters is not None:
        if len(options.clusters) > 2:
            raise InvalidInput(f"--clusters takes one or two numbers; there are {len(options.clusters)}.")
        deviation, *mean = options.clusters
        design = clusters_design(deviation, mean[0] if mean else None, n, target)
        found.append(("number of clusters", "normal differences", design))
    if options.auroc is not None:
        if len(options.auroc) > 2:
            raise InvalidInput(f"--auroc takes at most two AUROCs; there are {len(options.auroc)}.")
        design = auroc_design(options.auroc, n, options.accuracy, options.correlation, target)
        found.append(("AUROC", _auroc_assumption(options), design))
    return found


def _auroc_assumption(options: argparse.Namespace) -> str:
    from homog_core.wording.plan import auroc_assumption

    return auroc_assumption(options.accuracy, options.correlation if len(options.auroc) == 2 else None)


def _row(name: str, how: str, design: "Design") -> dict[str, Any]:
    from homog_core.wording.numbers import number, signed
    from homog_core.wording.plan import questions

    return {
        "statistic": name,
        "assumption": how,
        "questions": questions(design).removesuffix(" questions"),
        "difference": signed(design.effect, 3),
        "power": number(design.power),
    }


def _costs(options: argparse.Namespace, runs: Sequence["Run"], n_questions: float) -> list["Cost"]:
    from homog_core.analysis.plan import cost
    from homog_core.device import probe_device
    from homog_core.runs import store

    say("Looking at the device")
    device = probe_device().name
    n, stored = int(n_questions), store.list_runs()
    return [cost(run, n, options.samples or run.decoding.n_samples, device, stored) for run in runs]
