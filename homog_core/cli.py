"""The command line: `python -m homog_core …`.

Exit status 0: done; 1: the work failed; 2: the call was wrong. With `--json` the result goes to standard output as
one JSON document; progress and messages go to standard error.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from homog_core.errors import HomogError, InvalidInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options) or 0
    except InvalidInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except HomogError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was done is kept; the same command goes on with it.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m homog_core", description="Measure response homogenization in language models."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int | None], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=command)
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
        return sub

    add("models", models, "List the models of the catalogue and whether they can be sampled now.")
    add("datasets", datasets, "List the question sets and where they are.")
    sub = add("calibrate", calibrate, "Make the clusterers' report cards and default thresholds from references.")
    sub.add_argument("--dataset", default="starter", help="question set with incorrect references (default: starter)")
    _encoder_option(sub)

    sub = add("sample", sample, "Sample a model's answers to a question set into a run, and score it. Resumes.")
    sub.add_argument("--model", required=True, help="catalogue key, hub id, local folder or GGUF file")
    sub.add_argument("--dataset", required=True, help="catalogue key, or a CSV or JSONL file")
    sub.add_argument("--limit", type=int, help="only the first K questions")
    sub.add_argument("--shuffle", type=int, metavar="SEED", help="draw the order from this seed before --limit cuts")
    sub.add_argument(
        "--samples", type=int, default=10, help="answers per question, beside the greedy one (default: 10)"
    )
    sub.add_argument("--temperature", type=float, default=1.0, help="default: 1")
    sub.add_argument("--top-p", type=float, default=1.0, help="default: 1")
    sub.add_argument("--max-new-tokens", type=int, default=32, help="token limit of an answer (default: 32)")
    sub.add_argument("--prompt", choices=("plain", "few_shot", "chat"), help="default: the model's own style")
    sub.add_argument("--seed", type=int, default=0, help="default: 0")
    sub.add_argument("--batch-questions", type=int, default=4, help="questions decoded together (default: 4)")
    _encoder_option(sub)

    sub = add("score", score, "Score a stored run again, without sampling.")
    sub.add_argument("run", help="run id")
    _encoder_option(sub)
    sub.add_argument(
        "--threshold", action="append", default=[], metavar="CLUSTERER=T", help="e.g. embedding=0.85; may be repeated"
    )
    sub.add_argument("--rule", choices=("components", "first_member"), default="components", help="how jaccard assigns")

    sub = add("train", train, "Train one stage of the chain base → SFT → DPO (or its control) as an adapter. Resumes.")
    sub.add_argument("stage", choices=("sft", "dpo", "sft-continued"))
    sub.add_argument("--model", default="gemma-3-270m", help="the base (default: gemma-3-270m)")
    sub.add_argument("--name", help="the adapter's name (default: the model's and the stage's)")
    sub.add_argument("--learning-rate", type=float, help="default: the recipe's")
    sub.add_argument("--epochs", type=float, help="default: the recipe's")
    sub.add_argument("--beta", type=float, help="of dpo; default: the recipe's")
    sub.add_argument("--pairs", choices=("all", "clear"), help="of dpo and the control; default: the recipe's")
    sub.add_argument("--smoke", action="store_true", help="a handful of examples and steps, to see that it runs")

    add("runs", runs, "List the stored runs.")
    sub = add("show", show, "Show what a run found, or one of its questions.")
    sub.add_argument("run", help="run id")
    sub.add_argument("--question", help="id of a question: show its answers")
    sub = add("compare", compare, "Compare runs over the same questions: side by side, and paired tests of every two.")
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run id; two or more")
    sub.add_argument("--clusterer", help="e.g. embedding/minilm (default: the one with the best report card)")
    sub.add_argument("--threshold", type=float, help="default: the clusterer's own")
    sub = add("verify", verify, "Check that runs read back as what was written; all runs when none is named.")
    sub.add_argument("runs", nargs="*", metavar="RUN", help="run id")
    return parser


def _encoder_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", default="minilm", help="catalogue key, hub id or local folder (default: minilm)")


def models(options: argparse.Namespace) -> None:
    """List the models."""
    from homog_core.catalogue import MODELS
    from homog_core.weights import availability

    rows = [
        {
            "key": spec.key,
            "family": spec.family,
            "stage": spec.stage,
            "parent": spec.parent or "",
            "parameters": spec.n_parameters,
            "license": spec.license,
            "availability": availability(spec).sentence,
        }
        for spec in MODELS.values()
    ]
    _print(options, rows)


def datasets(options: argparse.Namespace) -> None:
    """List the question sets."""
    from homog_core.catalogue import DATASETS
    from homog_core.questions import dataset_file

    rows = []
    for spec in DATASETS.values():
        path = dataset_file(spec)
        where = str(path) if path else f"hub: {spec.hub[0]}" if spec.hub else "missing"
        rows.append({"key": spec.key, "title": spec.title, "license": spec.license, "where": where})
    _print(options, rows)


def calibrate(options: argparse.Namespace) -> None:
    """Make report cards."""
    from homog_core import pipeline
    from homog_core.encoders import SentenceEncoder
    from homog_core.questions import load_questions

    cards = pipeline.calibrate(load_questions(options.dataset), SentenceEncoder(options.encoder))
    _print(options, [asdict(card) for card in cards])


def sample(options: argparse.Namespace) -> None:
    """Sample and score a run."""
    from homog_core import pipeline
    from homog_core.encoders import SentenceEncoder
    from homog_core.questions import load_questions
    from homog_core.records import Decoding
    from homog_core.sampling import TorchSampler
    from homog_core.weights import find_model

    spec = find_model(options.model)
    questions = load_questions(options.dataset, limit=options.limit, shuffle_seed=options.shuffle)
    decoding = Decoding(
        n_samples=options.samples,
        temperature=options.temperature,
        top_p=options.top_p,
        max_new_tokens=options.max_new_tokens,
        seed=options.seed,
    )
    if options.batch_questions < 1:
        raise InvalidInput(f"--batch-questions is {options.batch_questions}; it must be at least 1.")
    sampler = TorchSampler.from_pretrained(spec, report=_say)
    style = options.prompt or spec.prompt_style
    with _Bar("Sampling") as bar:
        run = pipeline.sample_run(
            sampler,
            questions,
            decoding,
            style,
            batch_questions=options.batch_questions,
            on_step=lambda p: bar.update(p.n_done, p.n_total, f"{p.n_tokens / max(p.seconds, 1e-9):.0f} tokens/s"),
        )
    _score_and_print(options, run.id, SentenceEncoder(options.encoder), clusterers=None)


def score(options: argparse.Namespace) -> None:
    """Score a run again."""
    from dataclasses import replace

    from homog_core import pipeline
    from homog_core.encoders import SentenceEncoder

    encoder = SentenceEncoder(options.encoder)
    thresholds = dict(_threshold(text) for text in options.threshold)
    clusterers = pipeline.default_clusterers(encoder.key)
    if unknown := set(thresholds) - {clusterer.method for clusterer in clusterers}:
        raise InvalidInput(
            f"There is no clusterer {sorted(unknown)[0]!r}; use one of {', '.join(c.method for c in clusterers)}."
        )
    clusterers = [replace(c, threshold=thresholds.get(c.method, c.threshold), rule=options.rule) for c in clusterers]
    _score_and_print(options, options.run, encoder, clusterers)


def _threshold(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise InvalidInput(f"--threshold {text!r} is not of the form CLUSTERER=NUMBER.") from error


def _score_and_print(options: argparse.Namespace, run_id: str, encoder: Any, clusterers: Any) -> None:
    from homog_core import pipeline

    with _Bar("Scoring") as bar:
        run = pipeline.score_run(run_id, encoder, clusterers, on_question=bar.update)
    _print_summary(options, pipeline.summarise(run))


def train(options: argparse.Namespace) -> None:
    """Train an adapter."""
    from dataclasses import replace

    from homog_core import train as recipes

    changes = {name: getattr(options, name) for name in ("learning_rate", "epochs", "beta", "pairs")}
    changes = {name: value for name, value in changes.items() if value is not None}
    recipe = replace(recipes.RECIPES[options.stage], **changes)
    folder = recipes.train(recipe, options.model, options.name, smoke=options.smoke, report=_say)
    _print(options, [{"adapter": folder.name, "folder": str(folder)}])


def runs(options: argparse.Namespace) -> None:
    """List the runs."""
    from homog_core.store import list_runs

    rows = []
    for run in list_runs():
        identity, provenance = run.manifest.identity, run.manifest.provenance
        rows.append(
            {
                "run": run.id,
                "model": identity["model"],
                "dataset": identity["dataset"],
                "questions": identity["n_questions"],
                "samples": identity["decoding"]["n_samples"],
                "temperature": identity["decoding"]["temperature"],
                "prompt": identity["prompt_style"],
                "created": provenance["created"],
                "status": provenance["status"],
            }
        )
    _print(options, rows)


def show(options: argparse.Namespace) -> None:
    """Show a run or one of its questions."""
    from homog_core import pipeline
    from homog_core.errors import NotFound
    from homog_core.store import open_run

    run = open_run(options.run)
    if options.question is None:
        _print_summary(options, pipeline.summarise(run))
        return
    responses = run.responses()
    rows = responses[responses["question_id"] == options.question]
    if rows.empty:
        raise NotFound(f"Run {run.id} has no question {options.question!r}.")
    _print(options, rows[["sample_index", "finish_reason", "text"]].to_dict("records"))


def compare(options: argparse.Namespace) -> None:
    """Compare runs."""
    from dataclasses import replace

    from homog_core import report
    from homog_core.pipeline import ScoredRun
    from homog_core.store import open_run

    runs = [ScoredRun(open_run(run_id)) for run_id in dict.fromkeys(options.runs)]
    known = {clusterer.key: clusterer for clusterer in runs[0].clusterers()}
    key = options.clusterer or next(iter(known))
    if key not in known:
        raise InvalidInput(f"There is no clusterer {key!r} for run {runs[0].run.id}; use one of {', '.join(known)}.")
    threshold = known[key].threshold if options.threshold is None else options.threshold
    found = report.compare(runs, replace(known[key], threshold=threshold))
    if options.json:
        _print(options, asdict(found))
        return
    models = [scored.run.manifest.identity["model"] for scored in runs]
    names = {s.run.id: model if models.count(model) == 1 else s.run.id for s, model in zip(runs, models, strict=True)}
    print(f"{found.n_questions} questions · {key}, τ = {threshold:g} · differing: {', '.join(found.differing)}\n")
    _print(options, [row | {"run": names[row["run"]]} for row in found.estimates])
    print()
    _print(options, [row | {"from": names[row["from"]], "to": names[row["to"]]} for row in found.tests])


def verify(options: argparse.Namespace) -> int:
    """Check runs."""
    from homog_core import store

    rows = [
        {"run": run_id, "problem": problem}
        for run_id in options.runs or store.runs_by_id()
        for problem in store.verify(run_id) or ["none"]
    ]
    _print(options, rows)
    return int(any(row["problem"] != "none" for row in rows))


def _print_summary(options: argparse.Namespace, summary: dict[str, Any]) -> None:
    if options.json:
        _print(options, summary)
        return
    estimates = summary.pop("estimates")
    print("  ".join(f"{name}: {value}" for name, value in summary.items()))
    _print(options, [{"statistic": name, **estimate} for name, estimate in estimates.items()])


def _print(options: argparse.Namespace, result: Any) -> None:
    if options.json:
        print(json.dumps(_json_ready(result), indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not result:
        print("none")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in result[0]:
        table.add_column(name, overflow="fold")
    for row in result:
        table.add_row(*(Text(_cell(value)) for value in row.values()))  # Text: model output is not markup
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _json_ready(value: Any) -> Any:
    """NaN as null: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_ready(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _say(words: str) -> None:
    print(f"{words} …", file=sys.stderr)


class _Bar:
    """A progress bar on standard error, on a terminal only."""

    def __init__(self, title: str) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=title, unit="question", file=sys.stderr, disable=None)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self, done: int, total: int, note: str = "") -> None:
        """Move to `done` of `total` questions."""
        self._bar.total = total
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)
