"""Public studies: their files on this machine, fetched or copied and checked by SHA-256, and the runs they make.

Nothing of a file is read before its hash is that of the catalogue.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from homog_core import files
from homog_core.catalogue.studies import STUDIES, StudyFile, StudySpec
from homog_core.errors import HomogError, NotFound
from homog_core.progress import OnProgress
from homog_core.runs import sentences, store
from homog_core.runs.importers import MAX_BYTES, import_file, samples_of
from homog_core.runs.importers.notes import About
from homog_core.runs.store import Run
from homog_core.runs.tables import questions_table, responses_table

_CHUNK = 1 << 16  # bytes
_PATIENCE = 30  # seconds that a server may be silent
_OF_STUDY = ("dataset", "temperature", "max_new_tokens", "prompt_style", "n_samples")
_OF_FILE = ("model", "stage", "parent", "family", "n_parameters")


def study(name: str) -> StudySpec:
    """A study of the catalogue. Raises `NotFound`, with what there is."""
    if name not in STUDIES:
        raise NotFound(f"There is no study {name!r}; there are {', '.join(STUDIES)}.")
    return STUDIES[name]


def about(spec: StudySpec, file: StudyFile) -> About:
    """What the catalogue says of a file of a study, as an import takes it."""
    said = {name: getattr(spec, name) for name in _OF_STUDY} | {name: getattr(file, name) for name in _OF_FILE}
    return About(**said, study=spec.key)


def study_run(file: StudyFile) -> Run | None:
    """The stored run that was made of a file of a study; None where there is none."""
    revision = f"imported:{file.sha256[:16]}"
    return next((run for run in store.list_runs() if run.provenance.study and run.identity.revision == revision), None)


def file_of(run: Run) -> tuple[StudySpec, StudyFile]:
    """The study that a run is of, and its file. Raises `NotFound` where the catalogue no longer has it."""
    spec = study(run.provenance.study or "")
    for file in spec.files:
        if run.identity.revision == f"imported:{file.sha256[:16]}":
            return spec, file
    raise NotFound(f"The study {spec.key} has no file for run {run.id}.")


def at_hand(spec: StudySpec, file: StudyFile, folder: Path | None = None) -> Path | None:
    """Where a file of a study lies: in `folder` alone if it is given, otherwise fetched before, or in `$HOMOG_DATA`."""
    roots = [folder] if folder else [_fetched(spec).parent, *(data / "public" for data in files.dataset_folders())]
    places = [root / name / file.file for root in roots for name in dict.fromkeys((spec.folder, spec.key, ""))]
    return next((place for place in places if place.is_file()), None)


def get_file(
    spec: StudySpec,
    file: StudyFile,
    folder: Path | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Path:
    """A file of a study whose content is the published one, fetched where it is not at hand.

    Raises `NotFound` where `folder` lacks it, and `HomogError` where it cannot be fetched or is another file.
    """
    path = at_hand(spec, file, folder)
    if path is None and folder:
        raise NotFound(f"{folder} has no {spec.folder}/{file.file} of the study {spec.key}; name the folder above it.")
    if path is None:
        return _fetch(spec, file, on_progress)
    with path.open("rb") as stream:
        _check(hashlib.file_digest(stream, "sha256").hexdigest(), file, str(path))
    return path


def get_run(
    spec: StudySpec,
    file: StudyFile,
    folder: Path | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Run:
    """The run of a file of a study with all its sentences: imported, or the stored one with the sentences beside it.

    Raises as `get_file` and `import_file`.
    """
    run = study_run(file)
    if run and run.provenance.status == "complete" and not run.lacks_answers:
        return run
    path = get_file(spec, file, folder, on_progress)
    if run is None or run.provenance.status != "complete":
        return import_file(path, about(spec, file), on_progress)
    found = samples_of(path, run, about(spec, file))
    answers = pa.concat_tables(responses_table(one.response_set(file.model, run.decoding)) for one in found)
    sentences.write_sentences(run.id, questions_table((one.question, one.prompt) for one in found), answers.to_pandas())
    return run


def _fetched(spec: StudySpec) -> Path:
    return files.cache() / "studies" / spec.key


def _fetch(spec: StudySpec, file: StudyFile, on_progress: OnProgress) -> Path:
    """Fetch a file to `<cache>/studies/`; nothing is left of one that is cut off or another one."""
    import requests

    remedy = f"give a folder that has it: `homog study get {spec.key} --from FOLDER`"
    if file.address is None:
        raise HomogError(f"{spec.source} has {file.file} of {spec.title} in no form that is opened; {remedy}.")
    target = _fetched(spec) / file.file
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(target, file.file) as stream:
        try:
            with requests.get(file.address, stream=True, timeout=_PATIENCE) as answer:
                answer.raise_for_status()
                total = int(answer.headers.get("Content-Length", 0))
                found = _received(answer.iter_content(_CHUNK), stream, file, total, on_progress)
        except requests.RequestException as error:  # an OSError too, which would read as one of the disk
            raise HomogError(
                f"{file.file} of {spec.title} could not be fetched from {spec.source} ({type(error).__name__}): "
                f"connect to the network, or {remedy}."
            ) from error
        _check(found, file, file.address)
    return target


def _received(chunks: Iterable[bytes], to: BinaryIO, file: StudyFile, total: int, on_progress: OnProgress) -> str:
    """Write what arrives, and return its SHA-256. Raises `HomogError` for more than an import takes."""
    hashed, done = hashlib.sha256(), 0
    for chunk in chunks:
        if done + len(chunk) > MAX_BYTES:
            raise HomogError(f"{file.file} is not the published file: it has more than {MAX_BYTES:,} bytes.")
        to.write(chunk)
        hashed.update(chunk)
        done += len(chunk)
        on_progress(f"Fetching {file.file}", done, max(total, done))
    return hashed.hexdigest()


def _check(found: str, file: StudyFile, where: str) -> None:
    if found != file.sha256:
        raise HomogError(
            f"{where} is not the published {file.file}: its SHA-256 is {found[:12]}…, not {file.sha256[:12]}…. Nothing "
            "of it was read; get it again from where it was published."
        )
