"""The question sets that there are; data, in datasets.toml. How their columns are read is in `runs.dataset_formats`."""

from dataclasses import dataclass

from homog_core.catalogue.tables import Table


@dataclass(frozen=True, slots=True)
class HubSource:
    """Where the hub keeps a question set."""

    repository: str
    split: str
    configuration: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A question set: the file name it has on disk, and where the hub keeps it."""

    key: str
    title: str
    files: tuple[str, ...]  # first one found is read
    license: str
    hub: HubSource | None = None
    max_new_tokens: int = 32  # token limit of an answer, where nobody gives another
    stop: tuple[str, ...] = ()  # strings that end an answer; (): those of the prompt style


DATASETS = Table(DatasetSpec, "datasets.toml", "datasets")

FIRST_DATASET = "facts"  # the one that pages open with: ours, so that its sentences may be shown

TRAINING_DATASETS = Table(DatasetSpec, "datasets.toml", "training_datasets")
