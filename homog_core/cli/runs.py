"""The commands about stored runs: `runs`, `show`, `delete`, `verify`, `export`, `import`, `strip`."""

import argparse
from pathlib import Path

from homog_core.cli.output import print_result, print_summary
from homog_core.cli.results import write_html
from homog_core.cli.scoring import score_new_run
from homog_core.errors import NotFound


def list_runs(options: argparse.Namespace) -> None:
    """List the runs."""
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
                "temperature": identity.decoding.temperature,
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


def delete_run(options: argparse.Namespace) -> None:
    """Delete runs of one's own, after a question."""
    from homog_core.errors import InvalidInput
    from homog_core.runs.delete import delete_run

    if not options.yes:
        try:
            answer = input(f"Delete {', '.join(options.runs)} for good? [y/N] ")
        except EOFError:
            raise InvalidInput("Nobody is there to answer; give --yes to delete without a question.") from None
        if answer.strip().lower() not in ("y", "yes"):
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
    target = Path(options.output or f"{run.id}.{options.format}")
    if options.format == "html":
        write_html(options, [run.id], target)
        return
    print_result(options, [{"run": run.id, "file": str(export.export_run(run, options.format, target))}])


def import_run(options: argparse.Namespace) -> None:
    """Make a run of answers from elsewhere."""
    from homog_core.records import Decoding
    from homog_core.runs.importers import import_samples

    decoding = Decoding(temperature=options.temperature, max_new_tokens=options.max_new_tokens)
    run = import_samples(Path(options.file), options.model, options.dataset, decoding)
    score_new_run(options, run.id)


def strip_run(options: argparse.Namespace) -> None:
    """Make a run fit to be shared."""
    from homog_core.runs import store
    from homog_core.runs.strip import strip

    run = strip(options.run)
    print_result(options, [{"run": run.id, "folder": str(store.runs_by_id()[options.run])}])
