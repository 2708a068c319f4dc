"""The commands about what runs found: `compare` and `report`, and the HTML file that `export` writes too."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from homog_core import files
from homog_core.cli.output import Bar, print_defined, print_result, printable, say
from homog_core.errors import InvalidInput


def compare_runs(options: argparse.Namespace) -> None:
    """Compare runs."""
    from homog_core.analysis.comparable import obstacle
    from homog_core.analysis.compare import compare
    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.runs.store import open_run
    from homog_core.wording.comparison import differences, left_out_tests, obstacle_sentence
    from homog_core.wording.run_names import names

    stored = [open_run(run_id) for run_id in dict.fromkeys(options.runs)]
    if reason := obstacle(stored):
        raise InvalidInput(obstacle_sentence(reason))
    runs = [ScoredRun(run) for run in stored]
    known = {clusterer.key: clusterer for clusterer in runs[0].clusterers()}
    key = options.clusterer or next(iter(known))
    if key not in known:
        raise InvalidInput(f"There is no clusterer {key!r} for run {runs[0].run.id}; use one of {', '.join(known)}.")
    threshold = known[key].threshold if options.threshold is None else options.threshold
    found = compare(runs, replace(known[key], threshold=threshold))
    if options.json:
        print_result(options, asdict(found))
        return
    titles = names(stored)
    print(f"{found.n_questions} questions · {key}, τ = {threshold:g}")
    print(printable(f"{differences(found.differing, stored)}\n"))
    print_defined(options, [row | {"run": titles[row["run"]]} for row in found.estimates])
    print()
    tests = [row | {"from": titles[row["from"]], "to": titles[row["to"]]} for row in found.tests]
    print_defined(options, tests, value="difference")
    if left_out := left_out_tests({row["statistic"] for row in found.tests}):
        print(left_out)


def report_runs(options: argparse.Namespace) -> None:
    """Print the tables of results, or write them into a document; or write one HTML file."""
    from homog_core.analysis.scored_run import ScoredRun
    from homog_core.reports import results_md
    from homog_core.reports.tables import markdown, update_document
    from homog_core.runs.store import open_run

    if options.html:
        if not options.runs:
            raise InvalidInput("Name the run, or the 2 to 4 runs, that --html is to be about.")
        write_html(options, list(dict.fromkeys(options.runs)), files.named(options.html))
        return
    runs = [ScoredRun(open_run(run_id)) for run_id in options.runs] or results_md.reportable_runs()
    tables = results_md.results_tables(runs)
    if options.json:
        print_result(options, [{"title": table.title, "rows": table.rows} for table in tables])
    elif options.update:
        update_document(files.named(options.update), tables)
        say(f"Updated {options.update}")
    else:
        print(markdown(tables))


def write_html(options: argparse.Namespace, run_ids: Sequence[str], target: Path) -> None:
    """Write one run, or a comparison of several, as one HTML file."""
    from homog_core.reports.html import write_report
    from homog_core.runs.store import open_run

    with Bar("Writing") as bar:
        path = write_report([open_run(run_id) for run_id in run_ids], target, on_progress=bar.update)
    print_result(options, [{"run": " ".join(run_ids), "file": str(path), "bytes": path.stat().st_size}])
