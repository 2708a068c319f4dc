"""The public studies that can be fetched: who sampled them, where they are, what is said of them; in studies.toml."""

from dataclasses import dataclass

from homog_core.catalogue.tables import Table
from homog_core.records import PromptStyle, Stage


@dataclass(frozen=True, slots=True)
class StudyFile:
    """One file of a study, which makes one run."""

    file: str  # its name in the folder of the study
    sha256: str
    model: str
    address: str | None = None  # None where it is published in no form that this program opens
    stage: Stage | None = None
    parent: str | None = None
    family: str | None = None
    n_parameters: int | None = None


@dataclass(frozen=True, slots=True)
class StudySpec:
    """Answers that others have sampled and published."""

    key: str
    title: str
    source: str  # where they were published, for people
    license: str
    note: str  # what else must be known of them: one sentence
    folder: str  # its name below a folder that somebody has
    dataset: str
    files: tuple[StudyFile, ...]
    temperature: float | None = None
    max_new_tokens: int | None = None
    prompt_style: PromptStyle | None = None
    n_samples: int | None = None  # answers of each question that are kept; None: the file's most common number


STUDIES = Table(StudySpec, "studies.toml", "studies")
