"""What a command prints: tables or JSON on standard output, progress on standard error."""

import argparse
import json
import math
import sys
import time
from typing import TYPE_CHECKING, Any

from homog_core.errors import InvalidInput

if TYPE_CHECKING:
    from homog_core.runs.store import Run

_LINE_SECONDS = 60


def print_result(options: argparse.Namespace, result: Any) -> None:
    """Print as JSON where `--json` is given, otherwise as a table, for which `result` is a list of rows of one kind."""
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


def print_defined(
    options: argparse.Namespace, rows: list[dict[str, Any]], name: str = "statistic", value: str = "value"
) -> None:
    """Print a table without the rows that have no value; a sentence names them."""
    from homog_core.wording.run_summary import undefined

    of = lambda row: f"{row[name]} of {row['run']}" if "run" in row else row[name]
    left_out = dict.fromkeys(of(row) for row in rows if _is_undefined(row[value]))
    kept = [row for row in rows if not _is_undefined(row[value])]
    if kept:
        print_result(options, kept)
    if left_out:
        print(undefined(list(left_out)))


def _is_undefined(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _cell(value: Any) -> str:
    if _is_undefined(value):
        return ""
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def printable(text: str) -> str:
    """A text of somebody else without terminal codes."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _json_ready(value: Any) -> Any:
    """NaN as null: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_ready(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_summary(options: argparse.Namespace, run: "Run") -> None:
    """Print what a run found."""
    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.analysis.summary import summarise
    from homog_core.wording.run_summary import no_ranking, summary_document

    summary = summary_document(summarise(ScoredRun(run)))
    if options.json:
        print_result(options, summary)
        return
    summary.pop("import_notes")  # an import says them on standard error
    tables = {name: summary.pop(name) for name in ("sampler", "texts", "estimates", "scores", "cascade")}
    shown = {name: value for name, value in summary.items() if value != "" and not _is_undefined(value)}
    print(printable("  ".join(f"{name}: {value}" for name, value in shown.items())))
    print(printable(f"\nModel or sampler: {tables['sampler']['verdict']}. {tables['sampler']['sentence']}\n"))
    if said := tables["texts"]["sentence"]:
        print(printable(f"{said}\n"))
    print_defined(options, [{"statistic": name, **estimate} for name, estimate in tables["estimates"].items()])
    print("\nHow well each score tells incorrect from correct greedy answers (AUROC, DeLong 95 % interval):")
    if why := no_ranking(summary["grades"]):
        print(why)
        return
    print_defined(options, [_score_row(row) for row in tables["scores"]], "score", "AUROC")
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


def confirmed(question: str) -> bool:
    """Ask somebody at the terminal. Raises `InvalidInput` where nobody is there."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        raise InvalidInput("Nobody is there to answer; give --yes to do it without a question.") from None


class _Saying:
    """Prints what is being done. What follows a colon is a count: on a terminal the next one takes its place."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, words: str) -> None:
        what, counts, _ = words.partition(": ")
        again, self._last = bool(counts) and what == self._last, what
        if sys.stderr.isatty():
            over = "\033[F\033[K" if again else ""  # to the line before, which is emptied
            print(f"{over}{printable(words)} …", file=sys.stderr)
        elif not again:
            print(printable(f"{words} …"), file=sys.stderr)


say = _Saying()


class Bar:
    """Progress on standard error: a bar on a terminal, otherwise a line a minute."""

    def __init__(self, title: str) -> None:
        from tqdm import tqdm

        self._title, self._last = title, time.monotonic()
        form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {postfix}"  # its own rate counts resumed work
        self._bar = tqdm(desc=title, file=sys.stderr, disable=None, bar_format=form)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self, note: str, done: int, total: int) -> None:
        """Move to `done` of `total` (a `progress.OnProgress`)."""
        self._bar.total = total
        self._bar.set_postfix_str(printable(note), refresh=False)
        self._bar.update(done - self._bar.n)
        if self._bar.disable and time.monotonic() - self._last > _LINE_SECONDS:
            self._last = time.monotonic()
            print(printable(f"{self._title}: {done} of {total}, {note}"), file=sys.stderr)
