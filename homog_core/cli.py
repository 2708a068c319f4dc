"""The command line: `homog …`, or `python -m homog_core …`.

Exit status 0: done; 1: the work failed; 2: the call was wrong. With `--json` the result goes to standard output as
one JSON document; progress and messages go to standard error.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from homog_core.errors import HomogError, InvalidInput, ModelUnavailable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options) or 0
    except InvalidInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except HomogError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was done is kept; the same command goes on with it.", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    found = argparse.ArgumentParser(prog="homog", description="Measure response homogenization in language models.")
    commands = found.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int | None], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=command)
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
        return sub

    add("models", models, "List the models of the catalogue and whether they can be sampled now.")
    add("datasets", datasets, "List the question sets and where they are.")
    sub = add("calibrate", calibrate, "Make the clusterers' report cards and default thresholds from references.")
    sub.add_argument("--dataset", default="starter", help="question set with incorrect references (default: starter)")
    _model_options(sub)
    _sample_options(
        add("sample", sample, "Sample a model's answers to a question set into a run, and score it. Resumes.")
    )
    _score_options(add("score", score, "Score a stored run again, without sampling."))
    _train_options(add("train", train, "Train one stage of the chain base → SFT → DPO (or its control). Resumes."))
    add("runs", runs, "List the stored runs.")
    sub = add("show", show, "Show what a run found, or one of its questions.")
    sub.add_argument("run", help="run id")
    sub.add_argument("--question", help="id of a question: show its answers")
    sub = add("compare", compare, "Compare runs over the same questions: side by side, and paired tests of every two.")
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run id; two or more")
    sub.add_argument("--clusterer", help="e.g. embedding/minilm (default: the one with the best report card)")
    sub.add_argument("--threshold", type=float, help="default: the clusterer's own")
    sub = add("report", report, "Print the tables of docs/results.md: every statistic of runs, published ones beside.")
    sub.add_argument("runs", nargs="*", metavar="RUN", help="run id; all complete runs when none is named")
    sub.add_argument("--update", metavar="FILE", help="replace the tables between the marks of this Markdown file")
    sub.add_argument("--html", metavar="FILE", help="write the named run, or a comparison of 2 to 4, as one HTML file")
    _exchange_options(add)
    sub = add("verify", verify, "Check that runs are whole and fit together; all runs when none is named.")
    sub.add_argument("runs", nargs="*", metavar="RUN", help="run id")
    return found


def _sample_options(sub: argparse.ArgumentParser) -> None:
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
    _model_options(sub)


def _score_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", help="run id")
    _model_options(sub)
    sub.add_argument(
        "--threshold", action="append", default=[], metavar="CLUSTERER=T", help="e.g. embedding=0.85; may be repeated"
    )
    sub.add_argument("--rule", choices=("components", "first_member"), default="components", help="how pairs cluster")
    sub.add_argument(
        "--entailment",
        choices=("bidirectional", "non_contradiction", "either"),
        default="bidirectional",
        help="what joins two answers under NLI",
    )


def _model_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--encoder",
        action="append",
        metavar="NAME",
        help="sentence encoder: catalogue key, hub id or local folder; may be repeated, the first one grades "
        "(default: all in the box)",
    )
    sub.add_argument(
        "--nli", metavar="NAME", help="NLI model, or `none` (default: the first of the catalogue on this machine)"
    )
    sub.add_argument("--no-context", action="store_true", help="judge answers by NLI without the question before them")


def _train_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("stage", choices=("sft", "dpo", "sft-continued"))
    sub.add_argument("--model", default="gemma-3-270m", help="the base (default: gemma-3-270m)")
    sub.add_argument("--name", help="the adapter's name (default: the model's and the stage's)")
    sub.add_argument("--learning-rate", type=float, help="default: the recipe's")
    sub.add_argument("--epochs", type=float, help="default: the recipe's")
    sub.add_argument("--beta", type=float, help="of dpo; default: the recipe's")
    sub.add_argument("--pairs", choices=("all", "clear"), help="of dpo and the control; default: the recipe's")
    sub.add_argument("--smoke", action="store_true", help="a handful of examples and steps, to see that it runs")


def _exchange_options(add: Callable[..., argparse.ArgumentParser]) -> None:
    sub = add("export", export, "Write a run as one file for pandas, DuckDB, a spreadsheet or `import`.")
    sub.add_argument("run", help="run id")
    sub.add_argument("--format", choices=("parquet", "jsonl", "csv", "html"), default="jsonl", help="default: jsonl")
    sub.add_argument("--output", metavar="FILE", help="default: the run's id in this folder")
    sub = add("import", import_, "Make a run of answers that were sampled elsewhere, and score it.")
    sub.add_argument("file", help="JSONL with `question` and `answers`, or CSV with `question` and `answer`")
    sub.add_argument("--model", required=True, help="the name of the model that gave the answers")
    sub.add_argument("--dataset", help="default: the file's name")
    sub.add_argument("--temperature", type=float, default=1.0, help="that they were sampled at (default: 1)")
    sub.add_argument("--max-new-tokens", type=int, default=1024, help="their token limit (default: 1024)")
    _model_options(sub)
    sub = add("strip", strip, "Make a run fit to be shared: without its dataset's sentences, without spare vectors.")
    sub.add_argument("run", help="run id")


def models(options: argparse.Namespace) -> None:
    """List the models."""
    from homog_core.catalogue.models import MODELS
    from homog_core.sampling.weights import availability

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
    from homog_core.catalogue.datasets import DATASETS
    from homog_core.runs.dataset_files import dataset_file

    rows = []
    for spec in DATASETS.values():
        path = dataset_file(spec)
        where = str(path) if path else f"hub: {spec.hub[0]}" if spec.hub else "missing"
        rows.append({"key": spec.key, "title": spec.title, "license": spec.license, "where": where})
    _print(options, rows)


def calibrate(options: argparse.Namespace) -> None:
    """Make report cards."""
    from homog_core.measures import report_cards
    from homog_core.runs.questions import load_questions

    questions, nli = load_questions(options.dataset), _nli(options)
    cards = {
        card.clusterer: card
        for encoder in _encoders(options)
        for card in report_cards.calibrate(questions, encoder, nli)
    }
    _print(options, [asdict(card) for card in cards.values()])


def sample(options: argparse.Namespace) -> None:
    """Sample and score a run."""
    from homog_core.records import Decoding
    from homog_core.runs.questions import load_questions
    from homog_core.runs.sample import sample_run
    from homog_core.sampling.engine import TorchSampler
    from homog_core.sampling.weights import find_model

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
    sampler = TorchSampler.from_pretrained(spec, say=_say)
    style = options.prompt or spec.prompt_style
    with _Bar("Sampling") as bar:
        run = sample_run(
            sampler,
            questions,
            decoding,
            style,
            batch_questions=options.batch_questions,
            on_step=lambda p: bar.update(p.n_done, p.n_total, _speed(p)),
        )
    _score_and_print(options, run.id)


def _speed(p: Any) -> str:
    left = "" if math.isnan(p.seconds_left) else f", {_duration(p.seconds_left)} left"
    return f"{p.n_tokens / max(p.seconds, 1e-9):.0f} tokens/s{left}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min" if minutes else "under 1 min"


def score(options: argparse.Namespace) -> None:
    """Score a run again."""
    _score_and_print(options, options.run, dict(_threshold(text) for text in options.threshold))


def _threshold(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise InvalidInput(f"--threshold {text!r} is not of the form CLUSTERER=NUMBER.") from error


def _encoders(options: argparse.Namespace) -> list[Any]:
    from homog_core.catalogue.encoders import ENCODERS
    from homog_core.measures.encoders import SentenceEncoder

    return [SentenceEncoder(name) for name in dict.fromkeys(options.encoder or ENCODERS)]


def _nli(options: argparse.Namespace) -> Any:
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


def _score_and_print(options: argparse.Namespace, run_id: str, thresholds: dict[str, float] | None = None) -> None:
    from homog_core.analysis import summary
    from homog_core.runs.score import score_run

    encoders = _encoders(options)
    try:
        nli = _nli(options)
    except ModelUnavailable as error:  # everything else is computed
        print(f"{error} NLI scores are left out.", file=sys.stderr)
        nli = None
    clusterers = _clusterers(options, encoders, nli, thresholds or {})
    with _Bar("Scoring") as bar:
        run = score_run(
            run_id, encoders, nli, clusterers, on_progress=lambda what, done, total: bar.update(done, total, what)
        )
    _print_summary(options, summary.summarise(run))


def _clusterers(options: argparse.Namespace, encoders: list[Any], nli: Any, thresholds: dict[str, float]) -> list[Any]:
    from dataclasses import replace

    from homog_core.measures import report_cards

    found = report_cards.default_clusterers([encoder.key for encoder in encoders], nli.key if nli else None)
    known = {name: None for c in found for name in (c.method, c.key)}
    if unknown := set(thresholds) - set(known):
        raise InvalidInput(f"There is no clusterer {sorted(unknown)[0]!r}; use one of {', '.join(known)}.")
    rule, entailment = getattr(options, "rule", "components"), getattr(options, "entailment", "bidirectional")
    return [
        replace(
            c,
            threshold=thresholds.get(c.key, thresholds.get(c.method, c.threshold)),
            rule=rule,
            entailment=entailment,
        )
        for c in found
    ]


def train(options: argparse.Namespace) -> None:
    """Train an adapter."""
    from dataclasses import replace

    from homog_core.training.recipe import RECIPES
    from homog_core.training.recipe import train as train_

    changes = {name: getattr(options, name) for name in ("learning_rate", "epochs", "beta", "pairs")}
    changes = {name: value for name, value in changes.items() if value is not None}
    recipe = replace(RECIPES[options.stage], **changes)
    folder = train_(recipe, options.model, options.name, smoke=options.smoke, say=_say)
    _print(options, [{"adapter": folder.name, "folder": str(folder)}])


def runs(options: argparse.Namespace) -> None:
    """List the runs."""
    from homog_core.runs.store import list_runs

    rows = []
    for run in list_runs():
        identity, provenance = run.identity, run.provenance
        rows.append(
            {
                "run": run.id,
                "model": identity.model,
                "dataset": identity.dataset,
                "questions": identity.n_questions,
                "samples": identity.decoding.n_samples,
                "temperature": identity.decoding.temperature,
                "prompt": identity.prompt_style,
                "created": provenance.created,
                "status": provenance.status,
            }
        )
    _print(options, rows)


def show(options: argparse.Namespace) -> None:
    """Show a run or one of its questions."""
    from homog_core.analysis import summary
    from homog_core.errors import NotFound
    from homog_core.runs.store import open_run

    run = open_run(options.run)
    if options.question is None:
        _print_summary(options, summary.summarise(run))
        return
    responses = run.responses()
    rows = responses[responses["question_id"] == options.question]
    if rows.empty:
        raise NotFound(f"Run {run.id} has no question {options.question!r}.")
    _print(options, rows[["sample_index", "finish_reason", "text"]].to_dict("records"))


def compare(options: argparse.Namespace) -> None:
    """Compare runs."""
    from dataclasses import replace

    from homog_core.analysis.compare import compare as compare_
    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.runs.store import open_run

    runs = [ScoredRun(open_run(run_id)) for run_id in dict.fromkeys(options.runs)]
    known = {clusterer.key: clusterer for clusterer in runs[0].clusterers()}
    key = options.clusterer or next(iter(known))
    if key not in known:
        raise InvalidInput(f"There is no clusterer {key!r} for run {runs[0].run.id}; use one of {', '.join(known)}.")
    threshold = known[key].threshold if options.threshold is None else options.threshold
    found = compare_(runs, replace(known[key], threshold=threshold))
    if options.json:
        _print(options, asdict(found))
        return
    models = [scored.run.identity.model for scored in runs]
    names = {s.run.id: model if models.count(model) == 1 else s.run.id for s, model in zip(runs, models, strict=True)}
    print(f"{found.n_questions} questions · {key}, τ = {threshold:g} · differing: {', '.join(found.differing)}\n")
    _print(options, [row | {"run": names[row["run"]]} for row in found.estimates])
    print()
    _print(options, [row | {"from": names[row["from"]], "to": names[row["to"]]} for row in found.tests])


def report(options: argparse.Namespace) -> None:
    """Print or update the tables of results."""
    from pathlib import Path

    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.reports import results_md
    from homog_core.runs.store import open_run

    if options.html:
        if not options.runs:
            raise InvalidInput("Name the run, or the 2 to 4 runs, that --html is to be about.")
        _html(options, list(dict.fromkeys(options.runs)), options.html)
        return
    runs = [ScoredRun(open_run(run_id)) for run_id in options.runs] or results_md.reportable_runs()
    tables = results_md.results_tables(runs)
    if options.json:
        _print(options, [{"title": table.title, "rows": table.rows} for table in tables])
    elif options.update:
        results_md.update_document(Path(options.update), tables)
        _say(f"Updated {options.update}")
    else:
        print(results_md.markdown(tables))


def export(options: argparse.Namespace) -> None:
    """Write a run as one file."""
    from pathlib import Path

    from homog_core.runs.export import export_run
    from homog_core.runs.store import open_run

    run = open_run(options.run)
    target = Path(options.output or f"{run.id}.{options.format}")
    if options.format == "html":
        _html(options, [run.id], str(target))
        return
    _print(options, [{"run": run.id, "file": str(export_run(run, options.format, target))}])


def _html(options: argparse.Namespace, run_ids: Sequence[str], target: str) -> None:
    from pathlib import Path

    from homog_core.reports.html import write_report
    from homog_core.runs.store import open_run

    with _Bar("Writing") as bar:
        path = write_report(
            [open_run(run_id) for run_id in run_ids],
            Path(target),
            on_progress=lambda what, done, total: bar.update(done, total, what),
        )
    _print(options, [{"run": " ".join(run_ids), "file": str(path), "bytes": path.stat().st_size}])


def import_(options: argparse.Namespace) -> None:
    """Make a run of answers from elsewhere."""
    from pathlib import Path

    from homog_core.records import Decoding
    from homog_core.runs.importers import import_samples

    decoding = Decoding(temperature=options.temperature, max_new_tokens=options.max_new_tokens)
    run = import_samples(Path(options.file), options.model, options.dataset, decoding)
    _score_and_print(options, run.id)


def strip(options: argparse.Namespace) -> None:
    """Make a run fit to be shared."""
    from homog_core.catalogue.encoders import DEFAULT_ENCODER
    from homog_core.runs import store
    from homog_core.runs.strip import strip as strip_

    _print(options, [{"run": strip_(options.run, DEFAULT_ENCODER).id, "folder": str(store.runs_by_id()[options.run])}])


def verify(options: argparse.Namespace) -> int:
    """Check runs."""
    from homog_core.runs import store
    from homog_core.runs.verify import verify as verify_

    rows = [
        {"run": run_id, "problem": problem}
        for run_id in options.runs or store.runs_by_id()
        for problem in verify_(run_id) or ["none"]
    ]
    _print(options, rows)
    return int(any(row["problem"] != "none" for row in rows))


def _print_summary(options: argparse.Namespace, summary: dict[str, Any]) -> None:
    if options.json:
        _print(options, summary)
        return
    tables = {name: summary.pop(name) for name in ("estimates", "scores", "cascade")}
    print("  ".join(f"{name}: {value}" for name, value in summary.items() if value != ""))
    _print(options, [{"statistic": name, **estimate} for name, estimate in tables["estimates"].items()])
    print("\nHow well each score tells incorrect from correct greedy answers (AUROC, DeLong 95 % interval):")
    _print(options, [_score_row(row) for row in tables["scores"]])
    print(f"\n{tables['cascade']['sentence']}")


def _score_row(row: dict[str, Any]) -> dict[str, Any]:
    found, half = row["auroc"], row["selective_accuracy"]
    return {
        "score": row["score"],
        "AUROC": "no signal: all scores tie" if row["no_signal"] else found["value"],
        "low": found["low"],
        "high": found["high"],
        "n": found["n"],
        "Cohen's d": row["cohens_d"]["value"],
        "accuracy at 50 % coverage": half["value"],
    }


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
    if isinstance(value, int):
        return f"{value:,}"
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in str(value))  # no terminal codes


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
    """Progress on standard error: a bar on a terminal, otherwise a line a minute."""

    def __init__(self, title: str) -> None:
        from tqdm import tqdm

        self._title, self._last = title, time.monotonic()
        form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {postfix}"  # its own rate counts resumed work
        self._bar = tqdm(desc=title, file=sys.stderr, disable=None, bar_format=form)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self, done: int, total: int, note: str = "") -> None:
        """Move to `done` of `total`."""
        self._bar.total = total
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)
        if self._bar.disable and time.monotonic() - self._last > _LINE_SECONDS:
            self._last = time.monotonic()
            print(f"{self._title}: {done} of {total}, {note}", file=sys.stderr)


_LINE_SECONDS = 60
