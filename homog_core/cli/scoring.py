"""The commands `score` and `calibrate`, and what `sample` and `import` end with: the models that compare answers."""

import argparse
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from homog_core.cli.cluster import clustered, spread_over
from homog_core.cli.output import Bar, print_result, print_summary, say
from homog_core.errors import InvalidInput, ModelUnavailable
from homog_core.leftovers import Leftovers
from homog_core.wording.numbers import counted

if TYPE_CHECKING:
    import pandas as pd

    from homog_core.measures.clustering import Clusterer
    from homog_core.measures.encoders import SentenceEncoder
    from homog_core.measures.judge import Judge
    from homog_core.measures.nli import NliCrossEncoder
    from homog_core.sampling.cluster import Cluster


def calibrate(options: argparse.Namespace) -> None:
    """Make report cards and the weights of the clusterer `combined`."""
    from homog_core.measures import report_cards
    from homog_core.runs.questions import load_questions
    from homog_core.runs.readings import pairs_judged_elsewhere, read_pairs

    judge = _judge(options)
    questions, nli = load_questions(options.dataset), _nli(options)
    pairs = [*read_pairs(), *pairs_judged_elsewhere()]
    cards = {
        card.clusterer: card
        for encoder in _encoders(options)
        for card in report_cards.calibrate(pairs, encoder, nli, questions, judge)
    }
    print_result(options, [asdict(card) for card in cards.values()])


def score(options: argparse.Namespace) -> None:
    """Score a run again, with the settings that were given."""
    from homog_core.measures.clustering import Clusterer
    from homog_core.runs.evidence import stored_entailments
    from homog_core.runs.leftovers import set_leftovers
    from homog_core.runs.shipped import check_is_own
    from homog_core.runs.store import open_run

    thresholds, rule = dict(_threshold(text) for text in options.threshold), leftovers_said(options)
    encoders, nli = _encoders(options), _nli_if_available(options)
    clusterers = _clusterers(options, thresholds, encoders, nli)
    if not options.shipped:
        check_is_own(open_run(options.run))  # before anything is loaded
    with clustered(options) as cluster:
        if rule is not None:
            set_leftovers(options.run, rule)
        stored = [key for key in stored_entailments(open_run(options.run)) if not nli or key != nli.key]
        clusterers += [Clusterer("nli", 0.0, key, options.rule, options.entailment) for key in stored]
        _score_and_print(options, options.run, encoders, nli, clusterers, cluster, options.shipped)


def leftovers_said(options: argparse.Namespace) -> Leftovers | None:
    """The rule by which leftovers are left out of texts, as it was given; None where nothing was."""
    if not (options.leftovers or options.reasoning or options.prefix):
        return None
    reasoning = tuple((opening, closing) for opening, closing in options.reasoning)
    return Leftovers(reasoning, tuple(options.prefix), are_kept=options.leftovers == "keep")


def score_new_run(options: argparse.Namespace, run_id: str, cluster: "Cluster | None" = None) -> None:
    """Score a run for the first time, with the default settings, and print what it found."""
    from homog_core.runs.shipped import ships
    from homog_core.runs.store import open_run

    run = open_run(run_id)
    if ships(run.folder):  # the same settings give a run that ships, which is scored
        print(f"Run {run_id} ships with the project; it is shown as it is stored.", file=sys.stderr)
        print_summary(options, run)
        return
    _score_and_print(options, run_id, _encoders(options), _nli_if_available(options), cluster=cluster)


def score_new_runs(options: argparse.Namespace, run_ids: list[str], cluster: "Cluster | None" = None) -> None:
    """Score runs for the first time, with the default settings, and print nothing of what they found."""
    from homog_core.analysis.ahead import prepare
    from homog_core.runs.score import score_run

    encoders, nli, judge = _encoders(options), _nli_if_available(options), _judge(options)
    for run_id in run_ids:
        with Bar(f"Scoring {run_id}") as bar:
            prepare([score_run(run_id, encoders, nli, None, judge, bar.update, spread_over(cluster))])


def _score_and_print(
    options: argparse.Namespace,
    run_id: str,
    encoders: "list[SentenceEncoder]",
    nli: "NliCrossEncoder | None",
    clusterers: "list[Clusterer] | None" = None,
    cluster: "Cluster | None" = None,
    even_shipped: bool = False,
) -> None:
    from homog_core.analysis.ahead import prepare
    from homog_core.runs.score import score_run

    judge = _judge(options)
    with Bar("Scoring") as bar:
        run = score_run(run_id, encoders, nli, clusterers, judge, bar.update, spread_over(cluster), even_shipped)
        prepare([run])
    if judge:
        _print_cost(run.judgements(judge.key), judge.key)
    print_summary(options, run)


def _print_cost(groups: "pd.DataFrame", judge: str) -> None:
    """What a judge has cost so far, and how often its replies could not be read."""
    calls, read, written = (int(groups[name].sum()) for name in ("n_calls", "prompt_tokens", "reply_tokens"))
    unread = int((groups["labels"].str.len() == 0).sum() - (groups["answers"].str.len() == 0).sum())
    print(
        f"{judge} was called {counted(calls, 'time')} ({read:,} tokens read, {written:,} written); "
        f"{unread} of {counted(len(groups), 'question')} got no reply that could be read.",
        file=sys.stderr,
    )


def _threshold(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise InvalidInput(f"--threshold {text!r} is not of the form CLUSTERER=NUMBER.") from error


def _clusterers(
    options: argparse.Namespace,
    thresholds: dict[str, float],
    encoders: "list[SentenceEncoder]",
    nli: "NliCrossEncoder | None",
) -> "list[Clusterer]":
    """The clusterers that the models allow. A threshold is given by a clusterer's key or for all of its method."""
    from homog_core.measures import report_cards

    found = report_cards.default_clusterers([encoder.key for encoder in encoders], nli.key if nli else None)
    known = {name: None for c in found for name in (c.method, c.key)}
    if unknown := set(thresholds) - set(known):
        raise InvalidInput(f"There is no clusterer {sorted(unknown)[0]!r}; use one of {', '.join(known)}.")
    return [
        replace(
            c,
            threshold=thresholds.get(c.key, thresholds.get(c.method, c.threshold)),
            rule=options.rule,
            entailment=options.entailment,
        )
        for c in found
    ]


def _encoders(options: argparse.Namespace) -> "list[SentenceEncoder]":
    from homog_core.catalogue.encoders import ENCODERS
    from homog_core.measures.encoders import SentenceEncoder

    return [SentenceEncoder(name) for name in dict.fromkeys(options.encoder or ENCODERS)]


def _judge(options: argparse.Namespace) -> "Judge | None":
    """The judge that was asked for."""
    from homog_core.sampling.chat import chat_model

    return chat_model(options.judge, say=say) if options.judge else None


def _nli_if_available(options: argparse.Namespace) -> "NliCrossEncoder | None":
    """The NLI model; None, and why, where it cannot be had: everything else is computed."""
    try:
        return _nli(options)
    except ModelUnavailable as error:
        print(f"{error} NLI scores are left out.", file=sys.stderr)
        return None


def _nli(options: argparse.Namespace) -> "NliCrossEncoder | None":
    """The NLI model that was asked for, or one that is on this machine; otherwise None, and how to get one."""
    from homog_core.catalogue.encoders import DEFAULT_NLI, NLI_MODELS
    from homog_core.measures.nli import NliCrossEncoder, is_on_this_machine

    if options.nli == "none":
        return None
    here = (name for name in (DEFAULT_NLI, *NLI_MODELS) if is_on_this_machine(name))
    name = options.nli or next(here, None)
    if name is None:
        print(f"NLI scores are left out; `--nli {DEFAULT_NLI}` fetches that model once.", file=sys.stderr)
        return None
    model = NliCrossEncoder(name, context=not options.no_context)
    model.load()
    return model
