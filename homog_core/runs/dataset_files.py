"""Where the datasets lie: on this machine, or on the hub. What their columns mean is known to `dataset_formats`."""

from pathlib import Path

from homog_core import files
from homog_core.catalogue.datasets import DatasetSpec
from homog_core.errors import HomogError, NotFound
from homog_core.runs.rows import Rows, read_rows


def dataset_file(spec: DatasetSpec) -> Path | None:
    """Where a dataset lies on this machine, or None."""
    candidates = (folder / file for file in spec.files for folder in files.dataset_folders())
    return next((path for path in candidates if path.is_file()), None)


def dataset_rows(spec: DatasetSpec) -> tuple[Rows, str]:
    """The rows of a published dataset as they are, from its file or from the hub, and the name of where they are from.

    Raises `NotFound` where there is no file and the hub does not have it.
    """
    path = dataset_file(spec)
    if path:
        return read_rows(path), path.name
    if spec.hub is None:
        raise NotFound(
            f"The file of {spec.title} is missing: {' or '.join(spec.files)}. Name its folder in HOMOG_DATA."
        )
    return _hub_rows(spec), spec.hub.repository


def _hub_rows(spec: DatasetSpec) -> Rows:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise HomogError("Datasets from the hub need the package `datasets`; run `pip install datasets`.") from error
    try:
        rows = load_dataset(spec.hub.repository, spec.hub.configuration, split=spec.hub.split)
    except Exception as error:  # the library raises a dozen unrelated classes when it is offline
        raise HomogError(
            f"{spec.title} is not on this machine and could not be read from the hub ({type(error).__name__}). Put "
            f"{' or '.join(spec.files)} into a folder and name that folder in HOMOG_DATA, or connect to the network."
        ) from error
    yield from enumerate(rows, start=1)
