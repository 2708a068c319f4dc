"""The commands `models` and `datasets`: what there is, and whether it is here."""

import argparse

from homog_core.cli.output import print_result


def list_models(options: argparse.Namespace) -> None:
    """List the models."""
    from homog_core.catalogue.models import MODELS
    from homog_core.catalogue.servers import find_server, served_name
    from homog_core.sampling.remote import served_models
    from homog_core.sampling.weights import availability

    rows = [
        {
            "key": spec.key,
            **({"served as": served_name(spec.source)[1]} if options.server else {}),
            "family": spec.family,
            "stage": spec.stage,
            "parent": spec.parent or "",
            "parameters": spec.n_parameters,
            "license": spec.license,
            "availability": availability(spec).sentence,
        }
        for spec in (served_models(find_server(options.server)) if options.server else MODELS.values())
    ]
    print_result(options, rows)


def list_datasets(options: argparse.Namespace) -> None:
    """List the question sets."""
    from homog_core.catalogue.datasets import DATASETS
    from homog_core.runs.dataset_files import dataset_file

    rows = []
    for spec in DATASETS.values():
        path = dataset_file(spec)
        where = str(path) if path else f"hub: {spec.hub.repository}" if spec.hub else "missing"
        rows.append({"key": spec.key, "title": spec.title, "license": spec.license, "where": where})
    print_result(options, rows)
