"""Answers that were sampled elsewhere → a stored run, which everything after sampling then works on.

A file is checked to its end before anything of it is stored. Each format is a module of this package.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.progress import OnProgress
from homog_core.records import Decoding, Provenance, Question
from homog_core.runs.importers.responses import Sampled
from homog_core.runs.manifest import identity_of
from homog_core.runs.store import Run
from homog_core.runs.write import write_run

MAX_BYTES = 512 << 20  # of a file that is imported
MAX_QUESTIONS = 100_000
MAX_ANSWERS = 500  # to a question; every two are compared
MAX_NAME = 100  # characters; both names stand in the name of a folder


def import_samples(
    path: Path,
    model: str,
    dataset: str | None = None,
    decoding: Decoding | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Run:
    """Store the answers of a file as a run.

    `.jsonl`: one line a question with `question` and `answers`; optionally the fields of our own question files,
    `prompt`, and what `export_run` writes of the responses; token_logprobs or token_entropies may be there alone, and
    the others are then stored as NaN. `.csv`: one row an answer with `question` and `answer`, and
    optionally the fields of our own question files and `sample_index` (−1: greedy). `dataset` is named after the file
    unless given. Of `decoding` the number of samples is the file's; what nobody knows stays at its default. Without a
    greedy answer the greedy response is an error, so that its scores are undefined.

    The same file under the same names and decoding is the same run; the same call goes on with an import that was
    interrupted. Raises `NotFound` for a missing file, `InvalidInput` with the line and the field for one that does not
    read, and `HomogError` where the file changes meanwhile.
    """
    _check_file(path)
    model = _name(model, "model")
    dataset = _name(_slug(path.stem if dataset is None else dataset), "dataset")
    version = _version(path)
    with path.open("rb") as stream:
        revision = f"imported:{hashlib.file_digest(stream, 'sha256').hexdigest()[:16]}"
    survey = _survey(_read(path, dataset), path.name)
    decoding = replace(decoding or Decoding(), n_samples=survey.n_samples)
    identity = identity_of(
        survey.questions,
        model=model,
        revision=revision,
        dtype="unknown",
        dataset=dataset,
        decoding=decoding,
        prompt_style="unknown",
    )
    _check_unchanged(path, version)
    with write_run(identity, _provenance(path, survey.n_tokens), survey.questions) as writer:
        if len(writer.sampled) < len(survey.questions):
            # read again, since the answers of a large file are never held together
            sets = (sampled.response_set(model, decoding) for sampled in _unchanged(path, version, dataset))
            writer.append_many(_counted(sets, len(survey.questions), on_progress))
        writer.merge()
        writer.update(status="complete")
        return writer.run


def import_upload(
    name: str,
    content: bytes | memoryview,
    model: str,
    dataset: str | None = None,
    decoding: Decoding | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Run:
    """`import_samples` of a file that somebody has sent, under the name that they gave it.

    Nothing of the file is left but the run. Raises as `import_samples`, and `InvalidInput` for a name that is a path.
    """
    if re.search(r"[/\\]|^\.*$", name) or not name.isprintable() or len(name.encode()) > 2 * MAX_NAME:
        raise InvalidInput(f"{name[:MAX_NAME]!r} is not the plain name of a file; rename the file and send it again.")
    with TemporaryDirectory(prefix="homog-upload-") as folder:
        path = Path(folder) / name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise HomogError(f"{name} could not be kept for the import ({error.strerror or error}).") from error
        return import_samples(path, model, dataset, decoding, on_progress)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the first reading of a file keeps: everything but the answers."""

    questions: list[tuple[Question, str]]  # with their prompts
    n_samples: int
    n_tokens: int


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:  # a name may be too long for the disk, or hold a null character
        raise NotFound(f"There is no file {path}.") from error
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file; give a {' or '.join(_readers())} file.")
    if not os.access(path, os.R_OK):
        raise InvalidInput(f"{path} may not be read by you; change its permissions.")
    if path.suffix.lower() not in _readers():
        raise InvalidInput(f"{path.name} is not a {' or '.join(_readers())} file; name it after what it holds.")
    if size > MAX_BYTES:
        raise InvalidInput(f"{path.name} has {size:,} bytes and the limit is {MAX_BYTES:,}; import it in parts.")


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.lower()).strip("-.")


def _name(name: str, what: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidInput(f"{name!r} is no name for a {what}; give one of 1 to {MAX_NAME} printable characters.")
    return name


def _version(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _check_unchanged(path: Path, version: tuple[int, int, int]) -> None:
    if _version(path) != version:
        raise HomogError(f"{path.name} has changed while it was being imported; import it again.")


def _unchanged(path: Path, version: tuple[int, int, int], dataset: str) -> Iterator[Sampled]:
    for sampled in _read(path, dataset):
        _check_unchanged(path, version)
        yield sampled


def _counted(items: Iterable[Any], total: int, on_progress: OnProgress) -> Iterator[Any]:
    for number, item in enumerate(items, start=1):
        yield item
        on_progress("Storing", number, total)


def _provenance(path: Path, n_tokens: int) -> Provenance:
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        status="importing",
        device="elsewhere",
        n_tokens=n_tokens,
        imported_from=path.name,  # no path: a manifest may be shared
    )


def _survey(samples: Iterable[Sampled], source: str) -> _Survey:
    """Check what only a whole file can show, and keep of it what is not answers."""
    questions, n_tokens = [], 0
    first: Sampled | None = None
    by_id: dict[str, int] = {}
    by_text: dict[str, int] = {}
    for sampled in samples:
        where, question, n = f"{source}, line {sampled.line}", sampled.question, len(sampled.responses)
        if question.id in by_id:
            raise InvalidInput(f"{where}: the id {question.id!r} already stands in line {by_id[question.id]}.")
        if question.text in by_text:
            raise InvalidInput(f"{where}: the question already stands in line {by_text[question.text]}; keep one.")
        if not 0 < n <= MAX_ANSWERS:
            raise InvalidInput(f"{where}: the question has {n} answers; give 1 to {MAX_ANSWERS}.")
        first = first or sampled
        if n != len(first.responses):
            raise InvalidInput(
                f"{where}: the question has {n} answers, but that of line {first.line} has {len(first.responses)}; "
                "a run needs the same number for every question."
            )
        if len(questions) == MAX_QUESTIONS:
            raise InvalidInput(f"{where}: there are more than {MAX_QUESTIONS:,} questions; import them in parts.")
        by_id[question.id] = by_text[question.text] = sampled.line
        questions.append((question, sampled.prompt))
        n_tokens += sum(len(response.tokens) for response in (*sampled.responses, sampled.greedy))
    if first is None:
        raise InvalidInput(f"{source} has no rows; give at least one question with its answers.")
    return _Survey(questions, len(first.responses), n_tokens)


def _read(path: Path, dataset: str) -> Iterator[Sampled]:
    return _readers()[path.suffix.lower()](path, dataset)


def _readers() -> dict[str, Callable[[Path, str], Iterator[Sampled]]]:
    """The reader of each format, by the ending of a file's name."""
    from homog_core.runs.importers import csv_rows, jsonl  # here, since they import pydantic

    return {".jsonl": jsonl.read, ".csv": csv_rows.read}
