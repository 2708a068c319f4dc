"""The commands `study list` and `study get`: answers that others sampled and published."""

import argparse

from homog_core import files
from homog_core.cli.output import Bar, print_result
from homog_core.errors import InvalidInput


def list_studies(options: argparse.Namespace) -> None:
    """List the public studies, and what of them is here."""
    from homog_core.catalogue.studies import STUDIES
    from homog_core.runs.studies import study_run

    rows = []
    for spec in STUDIES.values():
        runs = [run for run in map(study_run, spec.files) if run]
        rows.append(
            {
                "name": spec.key,
                "title": spec.title,
                "files": len(spec.files),
                "runs here": len(runs),
                "with sentences": sum(not run.lacks_answers for run in runs),
                "licence": spec.license,
                "source": spec.source,
                "note": spec.note,
            }
        )
    print_result(options, rows)


def get_study(options: argparse.Namespace) -> None:
    """Fetch a study, make its runs with their sentences, and score those that are new."""
    from homog_core.analysis.run_state import Scored, scored_state
    from homog_core.cli.scoring import score_new_runs
    from homog_core.runs.studies import get_run, study

    spec, folder = study(options.name), files.named(options.folder) if options.folder else None
    if folder and not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}; name one that has {spec.folder}/.")
    runs = []
    with Bar(spec.key) as bar:
        for file in spec.files:
            runs.append(get_run(spec, file, folder, bar.update))
    if new := [run.id for run in runs if scored_state(run) is not Scored.YES]:
        score_new_runs(options, new)
    print_result(
        options,
        [
            {
                "run": run.id,
                "model": run.identity.model,
                "questions": run.identity.n_questions,
                "samples": run.decoding.n_samples,
            }
            for run in runs
        ],
    )
