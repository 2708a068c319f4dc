"""The commands about stored runs: `runs`, `show`, `delete`, `verify`, `export`, `import`, `push`, `pull`, `strip`."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homog_core import files
from homog_core.cli.output import Bar, confirmed, print_result, print_summary, printable
from homog_core.cli.results import write_html
from homog_core.cli.scoring import leftovers_said, score_new_run, score_new_runs
from homog_core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from homog_core.leftovers import Leftovers
    from homog_core.runs.importers.notes import About
    from homog_core.runs.store import Run


def list_runs(options: argparse.Namespace) -> None:
    """List the runs."""
    from homog_core.analysis.comparable import fields
    from homog_core.runs import store

    rows = []
    for run in store.list_runs():
        identity, provenance = run.identity, run.provenance
        rows.append(
            {
                "run": run.id,
                "model": identity.model,
                "dataset": identity.dataset,
                "questions": identity.n_questions,
                "samples": identity.decoding.n_samples,
                "temperature": fields(run)["temperature"],
                "prompt": identity.prompt_style,
                "created": provenance.created,
                "status": provenance.status,
            }
        )
    print_result(options, rows)


def show_run(options: argparse.Namespace) -> None:
    """Show a run or one of its questions."""
    from homog_core.runs.store import open_run

    run = open_run(options.run)
    if options.question is None:
        print_summary(options, run)
        return
    responses = run.responses()
    rows = responses[responses["question_id"] == options.question]
    if rows.empty:
        raise NotFound(f"Run {run.id} has no question {options.question!r}.")
    print_result(options, rows[["sample_index", "finish_reason", "text"]].to_dict("records"))


def verify_runs(options: argparse.Namespace) -> int:
    """Check runs; exit status 1 where one has a problem."""
    from homog_core.runs import store
    from homog_core.runs.verify import verify

    problems = {run_id: verify(run_id) for run_id in options.runs or store.runs_by_id()}
    print_result(
        options,
        [{"run": run_id, "problem": problem} for run_id, found in problems.items() for problem in found or ["none"]],
    )
    return int(any(problems.values()))


def seal_runs(options: argparse.Namespace) -> None:
    """Write hashes into the manifests of runs of older versions."""
    from homog_core.runs.verify import seal

    print_result(options, [{"run": run_id, "files": len(seal(run_id).manifest.files)} for run_id in options.runs])


def delete_run(options: argparse.Namespace) -> None:
    """Delete runs of one's own, after a question."""
    from homog_core.runs.delete import delete_run, own_folder

    for run_id in options.runs:
        own_folder(run_id)  # complain before anybody is asked
    if not (options.yes or confirmed(f"Delete {', '.join(options.runs)} for good?")):
        print_result(options, [{"run": run_id, "deleted": "no"} for run_id in options.runs])
        return
    for run_id in options.runs:
        delete_run(run_id)
    print_result(options, [{"run": run_id, "deleted": "yes"} for run_id in options.runs])


def export_run(options: argparse.Namespace) -> None:
    """Write a run as one file."""
    from homog_core.runs import export
    from homog_core.runs.store import open_run

    run = open_run(options.run)
    target = files.named(options.output or f"{run.id}.{options.format}")
    if options.format == "html":
        write_html(options, [run.id], target)
        return
    print_result(options, [{"run": run.id, "file": str(export.export_run(run, options.format, target))}])


def import_run(options: argparse.Namespace) -> None:
    """Make runs of answers from elsewhere: of a file, each of its models, or each file of a folder."""
    from homog_core.runs.importers import MAX_BYTES, hub
    from homog_core.runs.importers.notes import About
    from homog_core.runs.importers.study import KEYS, entries

    rule = leftovers_said(options)
    columns = dict(_column(text) for text in options.column)
    about = About(**{name: getattr(options, name) for name in KEYS if name != "columns"}, columns=columns)
    path = files.named(options.file)
    if name := hub.hub_name(options.file):
        found = hub.fetch(name, MAX_BYTES)
        dataset = about.dataset or name.repository.partition("/")[2]
        path, about = found.path, replace(about, origin=found.origin, dataset=dataset)
    imported = []
    for file, said in entries(path, about) if path.is_dir() else [(path, about)]:
        for run in _imported(file, said, rule):
            _say_notes(run)
            imported.append(run)
    if not path.is_dir() and len(imported) == 1:
        score_new_run(options, imported[0].id)
        return
    score_new_runs(options, [run.id for run in imported])
    rows = [_imported_row(run) for run in imported]
    if options.json:  # on standard error they stand already
        for row, run in zip(rows, imported, strict=True):
            row["import_notes"] = [asdict(note) for note in run.provenance.import_notes]
    print_result(options, rows)


def _imported(path: Path, about: "About", rule: "Leftovers | None") -> "list[Run]":
    """The run of a file, or one of each of its models, with the rule for leftovers that was given."""
    from homog_core.runs.importers import import_file, of_each_model
    from homog_core.runs.leftovers import set_leftovers

    runs = of_each_model(lambda said: import_file(path, said), about)
    return runs if rule is None else [set_leftovers(run.id, rule) for run in runs]


def push_run(options: argparse.Namespace) -> None:
    """Copy a run to a folder or an address."""
    from homog_core.runs.transfer import push_run

    with Bar("Pushing") as bar:
        address = push_run(options.run, options.target, bar.update)
    print_result(options, [{"run": options.run, "pushed to": address}])


def pull_run(options: argparse.Namespace) -> None:
    """Copy a run from a folder or an address."""
    from homog_core.runs.transfer import pull_run

    with Bar("Pulling") as bar:
        run = pull_run(options.source, bar.update)
    print_result(options, [{"run": run.id, "folder": str(run.folder)}])


def _column(text: str) -> tuple[str, str]:
    field, mark, column = text.partition("=")
    if not mark:
        raise InvalidInput(f"--column {text!r} is not of the form FIELD=COLUMN, as answers=generations.")
    return field.strip(), column


def _say_notes(run: "Run") -> None:
    """Print what an import has left out, repaired, guessed or found missing."""
    for note in run.provenance.import_notes:
        print(printable(f"{run.provenance.imported_from}: {note.kind}: {note.count:,} ({note.first})"), file=sys.stderr)


def _imported_row(run: "Run") -> dict[str, Any]:
    identity, provenance = run.identity, run.provenance
    return {
        "run": run.id,
        "file": provenance.imported_from,
        "model": identity.model,
        "stage": provenance.stage or "",
        "parent": provenance.parent or "",
        "dataset": identity.dataset,
        "questions": identity.n_questions,
        "samples": identity.decoding.n_samples,
        "remarks": len(provenance.import_notes),
    }


def strip_run(options: argparse.Namespace) -> None:
    """Make a run fit to be shared."""
    from homog_core.runs import store
    from homog_core.runs.strip import strip

    run = strip(options.run)
    print_result(options, [{"run": run.id, "folder": str(store.runs_by_id()[options.run])}])
