"""Answers that were sampled elsewhere → a stored run, which everything after sampling then works on.

A file is read to its end before anything of it is stored, and read again when it is. What a file holds is found by its
content (`detect`); each format is a module of this package and gives records in the fields of our own JSONL.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from homog_core import files
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.progress import OnProgress
from homog_core.records import Decoding, Identity, Provenance, Setting
from homog_core.runs.importers.notes import About, Notes
from homog_core.runs.importers.responses import Sampled
from homog_core.runs.importers.survey import Survey, survey_of
from homog_core.runs.manifest import identity_of, read_manifest, run_id_of
from homog_core.runs.store import Run, runs_by_id
from homog_core.runs.write import write_run

MAX_BYTES = 512 << 20  # of a file that is imported
MOST_MODELS = 20  # of one file that become runs at once
MAX_NAME = 100  # characters; both names stand in the name of a folder
MAX_NEW_TOKENS = 1024  # what stands for the limit of an answer that neither a person nor the file says
_MOST = 10**15  # of a number that a file says of its decoding
_DECODING = ("temperature", "top_p", "top_k", "max_new_tokens", "stop", "seed")
_NOT_OF_QUESTIONS = ("model", "revision", "dtype", "dataset", "decoding", "prompt_style")  # of what a run's id is made
_OF_ONE_MODEL = ("stage", "parent", "n_parameters")
_LINEAGE = (*_OF_ONE_MODEL, "family", "study")


class SeveralModels(InvalidInput):
    """A file has answers of several models, and nobody has named the one that is meant."""

    def __init__(self, name: str, models: tuple[str, ...]) -> None:
        more = " …" if len(models) > MOST_MODELS else ""
        super().__init__(f"{name} has answers of several models; name one of {', '.join(models[:MOST_MODELS])}{more}.")
        self.models = models


def import_file(path: Path, about: About, on_progress: OnProgress = lambda what, done, total: None) -> Run:
    """Store the answers of a file as a run; what was left out or repaired is in its `provenance.import_notes`.

    The formats are `sources.FORMATS`. Our own JSONL has one line a question with `question` and `answers`; optionally
    the fields of our own question files, `prompt`, and what `export_run` writes of the responses; token_logprobs or
    token_entropies may be there alone, and the others are then stored as NaN. Our own CSV has one row an answer with
    `question` and `answer`, and optionally `sample_index` (−1: greedy). What is missing or damaged of a question counts
    as missing, and a question that cannot be read is left out; both are noted. Without a greedy answer the greedy
    response is an error, so that its scores are undefined.

    The dataset is named after the file, and the decoding is the default where neither `about` nor the file says it;
    `provenance.not_said` has the settings that are then not known. The
    same file under the same names and decoding is the same run; the same call goes on with an import that was
    interrupted. Raises `NotFound` for a missing file, `InvalidInput` with the line and the field for one of which
    nothing reads, and `HomogError` where the file changes meanwhile.
    """
    _check_file(path)
    version = files.version_of(path)
    revision = _revision(path, about)
    notes, about, found = _surveyed(path, about)
    model = next(iter(notes.models), None) if about.model is None else about.model
    if model is None:
        raise InvalidInput(
            f"{path.name} does not say which model gave the answers; name it (`--model NAME` on the command line)."
        )
    model = _name(model, "model")
    dataset = _dataset(path, about, notes)
    said = _said(about, notes)
    decoding = Decoding(n_samples=found.n_samples, **{"max_new_tokens": MAX_NEW_TOKENS} | said)
    identity = identity_of(
        found.questions,
        model=model,
        revision=revision,
        dtype="unknown",
        dataset=dataset,
        decoding=decoding,
        prompt_style=about.prompt_style or "unknown",
    )
    _check_unchanged(path, version)
    _check_is_no_study(path, identity, about)
    with write_run(identity, _provenance(about.origin or path.name, found.n_tokens), found.questions) as writer:
        if len(writer.sampled) < len(found.questions):
            # read again, since the answers of a large file are never held together
            again = found.kept(_unchanged(path, version, about))
            sets = (sampled.response_set(model, decoding) for sampled in again)
            writer.append_many(_counted(sets, len(found.questions), on_progress))
        writer.merge()
        lineage = {name: value for name in _LINEAGE if (value := getattr(about, name)) is not None}
        not_said = tuple(name for name in get_args(Setting) if name not in said)
        writer.update(status="complete", import_notes=notes.all(), not_said=not_said, **lineage)
        return writer.run


def of_each_model(import_one: Callable[[About], Run], about: About) -> list[Run]:
    """What `import_one` gives, for each model of a file in turn where it has several and `about` names none.

    Raises `SeveralModels` where something is said that is true of one model alone, and for more than `MOST_MODELS`.
    """
    try:
        return [import_one(about)]
    except SeveralModels as found:
        is_of_one = any(getattr(about, name) is not None for name in ("model", *_OF_ONE_MODEL))
        if is_of_one or len(found.models) > MOST_MODELS:
            raise
        return [import_one(replace(about, model=model)) for model in found.models]


def samples_of(path: Path, run: Run, about: About) -> list[Sampled]:
    """The questions and answers that a run was imported from, read again from the file.

    Raises `InvalidInput` where the file, read with `about`, does not give that run.
    """
    _check_file(path)
    notes, about, found = _surveyed(path, about)
    identity = identity_of(found.questions, **{name: getattr(run.identity, name) for name in _NOT_OF_QUESTIONS})
    if identity != run.identity or _revision(path, about) != run.identity.revision:
        raise InvalidInput(f"{path.name} does not hold the answers of run {run.id}.")
    return list(found.kept(_read(path, about, notes)))


def import_samples(
    path: Path,
    model: str,
    dataset: str | None = None,
    decoding: Decoding | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Run:
    """`import_file` where nothing is known but names and decoding, of which the number of samples is the file's."""
    return import_file(path, _about(model, dataset, decoding), on_progress)


def import_upload(
    name: str,
    content: bytes | memoryview,
    about: About,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Run:
    """`import_file` of a file that somebody has sent, under the name that they gave it.

    Nothing of the file is left but the run. Raises as `import_file`, and `InvalidInput` for a name that is a path.
    """
    check_plain_name(name)
    with TemporaryDirectory(prefix="homog-upload-") as folder:
        path = Path(folder) / name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise HomogError(f"{name} could not be kept for the import ({error.strerror or error}).") from error
        return import_file(path, about, on_progress)


def check_plain_name(name: str) -> None:
    """Raise `InvalidInput` for the name of a file that somebody has sent where it is a path, or none at all."""
    if re.search(r"[/\\]|^\.*$", name) or not name.isprintable() or len(name.encode()) > 2 * MAX_NAME:
        raise InvalidInput(f"{name[:MAX_NAME]!r} is not the plain name of a file; rename the file and send it again.")


def _surveyed(path: Path, about: About) -> tuple[Notes, About, Survey]:
    """What the first reading of a file finds, and what about it the second one needs to know."""
    notes = Notes()
    found = survey_of(_read(path, about, notes), path.name, notes, about.n_samples)
    if len(notes.models) < 2:
        return notes, about, found
    if about.model not in notes.models:
        raise SeveralModels(path.name, tuple(notes.models))
    about = replace(about, rows_of=about.model)
    notes = Notes()
    notes.add(f"only the rows of the model {about.model} are read", path.name)
    return notes, about, survey_of(_read(path, about, notes), path.name, notes, about.n_samples)


def _read(path: Path, about: About, notes: Notes) -> Iterator[Sampled]:
    """The questions of a file with their answers; one that cannot be read is noted and left out."""
    from homog_core.runs.importers import detect, jsonl  # here, since they import pydantic

    for record in detect.own_records(path, about, notes):
        try:
            yield jsonl.sampled(record, _dataset(path, about, notes), notes)
        except InvalidInput as error:
            notes.left_out(error)


def _dataset(path: Path, about: About, notes: Notes) -> str:
    from homog_core.runs.importers.lm_eval import task_of

    stem = re.sub(r"(\.jsonl?|\.[ct]sv|\.txt|\.parquet|\.eval|\.gz)+$", "", path.name, flags=re.IGNORECASE)
    return _name(_slug(about.dataset or notes.said.get("dataset") or task_of(stem)), "dataset")


def _said(about: About, notes: Notes) -> dict[str, Any]:
    """How the answers were drawn, as far as a person says it, or else the file: fields of `Decoding`."""
    said: dict[str, Any] = {}
    for name, value in notes.said.items():
        if name in _DECODING and getattr(about, name) is None:
            value = _of_its_type(name, value)
            try:
                Decoding(**{name: value})
            except (InvalidInput, TypeError, ValueError, OverflowError):
                notes.add(f"a `{name}` of the file that cannot be, not taken over", repr(notes.said[name])[:40])
            else:
                said[name] = value
                notes.add(f"`{name}` as the file says it", f"{value}")
    return said | {name: value for name in _DECODING if (value := getattr(about, name)) is not None}


def _of_its_type(name: str, value: Any) -> Any:
    """What a file says of a field of `Decoding`, in the type of that field; None for a value of another type."""
    if name == "stop":
        found = (value,) if isinstance(value, str) else value
        return tuple(found) if isinstance(found, list | tuple) and all(isinstance(s, str) for s in found) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < _MOST else None


def _about(model: str, dataset: str | None, decoding: Decoding | None) -> About:
    known = {} if decoding is None else {name: getattr(decoding, name) for name in _DECODING}
    return About(model, dataset, **known)


def _revision(path: Path, about: About) -> str:
    """The hash of a file, and of the columns that somebody has named: others hold other answers."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256")
    if about.columns:
        found.update(json.dumps(dict(about.columns), sort_keys=True).encode())
    return f"imported:{found.hexdigest()[:16]}"


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:  # a name may be too long for the disk, or hold a null character
        raise NotFound(f"There is no file {path}.") from error
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file.")
    if not os.access(path, os.R_OK):
        raise InvalidInput(f"{path} may not be read by you; change its permissions.")
    if size > MAX_BYTES:
        raise InvalidInput(f"{path.name} has {size:,} bytes and the limit is {MAX_BYTES:,}; import it in parts.")


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.lower()).strip("-.")


def _name(name: str, what: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidInput(f"{name!r} is no name for a {what}; give one of 1 to {MAX_NAME} printable characters.")
    return name


def _check_is_no_study(path: Path, identity: Identity, about: About) -> None:
    """Raise `InvalidInput` for the file of a public study under its own names: its run may be one that ships."""
    folder = runs_by_id().get(run_id_of(identity))
    study = read_manifest(folder).provenance.study if folder else None
    if study and about.study != study:
        raise InvalidInput(
            f"{path.name} is a file of the public study {study}, of which run {folder.name} was made. `homog study get "
            f"{study}` brings its sentences; give the model another name to have a run of your own."
        )


def _check_unchanged(path: Path, version: tuple[int, int, int]) -> None:
    if files.version_of(path) != version:
        raise HomogError(f"{path.name} has changed while it was being imported; import it again.")


def _unchanged(path: Path, version: tuple[int, int, int], about: About) -> Iterator[Sampled]:
    for sampled in _read(path, about, Notes()):
        _check_unchanged(path, version)
        yield sampled


def _counted(items: Iterable[Any], total: int, on_progress: OnProgress) -> Iterator[Any]:
    for number, item in enumerate(items, start=1):
        yield item
        on_progress("Storing", number, total)


def _provenance(source: str, n_tokens: int) -> Provenance:
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        status="importing",
        device="elsewhere",
        n_tokens=n_tokens,
        imported_from=source,
    )
