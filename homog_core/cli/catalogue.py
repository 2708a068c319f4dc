"""The commands `models` and `datasets`: what there is, and whether it is here."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from homog_core.cli.output import print_result
from homog_core.errors import InvalidInput

if TYPE_CHECKING:
    from homog_core.records import ModelSpec

_PROMPT = 128  # tokens of a prompt, for the estimate of memory


def list_models(options: argparse.Namespace) -> None:
    """List the models of the catalogue, or say all that is known of some."""
    from homog_core.catalogue.models import MODELS
    from homog_core.catalogue.servers import find_server, served_name
    from homog_core.sampling.remote import served_models
    from homog_core.sampling.weights import availability, find_model

    if options.model and options.server:
        raise InvalidInput("Give models or --server, not both; `homog models --server URL` lists what a server has.")
    if options.model:
        known = [_known(find_model(name)) for name in options.model]
        fields = [{"": field, **{one["key"]: one[field] for one in known}} for field in known[0]]
        print_result(options, known if options.json else fields)
        return
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


def _known(spec: "ModelSpec") -> dict[str, Any]:
    """What is known of a model before it is loaded, and what it takes here. Touches no network."""
    from homog_core.device import probe_device
    from homog_core.records import Decoding
    from homog_core.sampling.weights import availability, memory_of

    decoding = Decoding()
    needed = memory_of(spec, probe_device(), decoding.n_samples + 1, _PROMPT + decoding.max_new_tokens)
    return {
        **asdict(spec),
        "availability": availability(spec).sentence,
        "memory_gb": None if needed is None else round(needed / 1e9, 2),  # of one question with ten answers
    }


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
