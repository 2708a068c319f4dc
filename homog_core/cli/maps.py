"""The command `map`: all answers of some runs on one map, computed and stored for the page Map."""

import argparse

from homog_core.cli.output import Bar, print_result


def map_runs(options: argparse.Namespace) -> None:
    """Compute and store a map."""
    from homog_core.analysis.answer_map import make_map
    from homog_core.catalogue.encoders import DEFAULT_ENCODER
    from homog_core.measures.encoders import SentenceEncoder
    from homog_core.runs.answer_maps import write_map
    from homog_core.runs.store import open_run

    runs = [open_run(run_id) for run_id in dict.fromkeys(options.runs)]
    with Bar("Mapping") as bar:
        found = make_map(runs, SentenceEncoder(options.encoder or DEFAULT_ENCODER), bar.update)
    path, header = write_map(found), found.header
    row = {
        "map": header.id,
        "runs": len(header.sources),
        "points": len(found.places),
        "different texts": header.n_texts,
        "encoder": header.encoder,
        "trustworthiness": header.trustworthiness,
        "file": str(path),
    }
    print_result(options, [row])
