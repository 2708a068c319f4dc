"""manifest.json ↔ `RunManifest`: checked byte by byte and field by field when it is read; older formats are upgraded.

The id of a run ends in a hash of its identity, so what is hashed never changes with the format. The file holds a
checksum of itself: the SHA-256 of its bytes with zeros in the checksum's place.
"""

import errno
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from homog_core.errors import CorruptRun, InvalidInput
from homog_core.files import reason, remedy, replacing, version_of
from homog_core.records import Decoding, Identity, PromptStyle, Question, RunManifest
from homog_core.runs.questions import question_ids_sha256

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 3  # the first one with a checksum, and with the hashes of all files
_CHECKSUM = re.compile(rb'"checksum": "([0-9a-f]{64})"')
RESTORE = "restore its folder from a copy, or delete the run"
_FILE_NAME = re.compile(r"(?!\.)[^/\\\0]+\.parquet")
_ZEROS = "0" * 64
_IMPORTED = "imported:"  # how the revision of an imported run begins, by which format 1 told it from others


def run_id_of(identity: Identity) -> str:
    """The id of a run: model and dataset for people, and the hash of its whole identity."""
    canonical = json.dumps(asdict(identity), sort_keys=True, separators=(",", ":"))
    # a name that began with a dot would be hidden, and one with a dash would be an option on a command line
    readable = re.sub(r"[^a-z0-9.-]+", "-", f"{identity.model}--{identity.dataset}".lower()).lstrip(".-")
    return f"{readable}--{hashlib.sha256(canonical.encode()).hexdigest()[:10]}"


def identity_of(
    questions: Sequence[tuple[Question, str]],
    *,
    model: str,
    revision: str,
    dtype: str,
    dataset: str,
    decoding: Decoding,
    prompt_style: PromptStyle | Literal["unknown"],
) -> Identity:
    """The identity of a run over questions that come with their prompts. The order of the questions plays no part."""
    return Identity(
        model=model,
        revision=revision,
        dtype=dtype,
        dataset=dataset,
        question_ids_sha256=question_ids_sha256(question.id for question, _ in questions),
        n_questions=len(questions),
        decoding=decoding,
        prompt_style=prompt_style,
        prompts_sha256=prompts_sha256({question.id: prompt for question, prompt in questions}),
    )


def prompts_sha256(prompts: Mapping[str, str]) -> str:
    """Hash of the prompts of questions by their ids, independent of their order."""
    in_order = json.dumps([prompts[key] for key in sorted(prompts)])
    return hashlib.sha256(in_order.encode()).hexdigest()


def manifest_json(manifest: RunManifest) -> str:
    """The manifest as it is stored."""
    return with_checksum({"format": FORMAT, **asdict(manifest)})


def with_checksum(content: Mapping[str, Any]) -> str:
    """The text of a manifest with this content, its checksum included."""
    ordered = {"checksum": _ZEROS, **content}  # sorted it comes first too
    text = json.dumps(ordered, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.replace(_ZEROS, hashlib.sha256(text.encode()).hexdigest(), 1)


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Replace a run's manifest."""
    with replacing(folder / "manifest.json", f"manifest.json of run {folder.name}") as stream:
        stream.write(manifest_json(manifest).encode())


def read_manifest(folder: Path) -> RunManifest:
    """The manifest of a run, upgraded from older formats.

    Parsed again when the file has changed. Raises `CorruptRun` where it does not read, its checksum does not fit, a
    field is missing or of another type, or the format is not known.
    """
    path = folder / "manifest.json"
    try:
        return _parsed(path, version_of(path))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: OSError) -> CorruptRun:
    words = f"manifest.json of run {folder.name} could not be read ({reason(error)})"
    return CorruptRun(f"{words}; {remedy(error) if error.errno == errno.EACCES else RESTORE}.")


@lru_cache(maxsize=1024)
def _parsed(path: Path, version: tuple[int, ...]) -> RunManifest:
    """The content of a manifest; `version` changes when the file does."""
    from pydantic import ValidationError

    folder = path.parent
    damaged = f"manifest.json of run {folder.name} is damaged"
    try:
        raw = path.read_bytes()
        has_checksum = _fits_its_checksum(raw, damaged)
        text = raw.decode("utf-8")
        content = json.loads(text)
        known = content.get("format") if isinstance(content, dict) else FORMAT
        if known not in (1, 2, FORMAT):
            raise CorruptRun(f"Run {folder.name} has format {known}; this version reads 1 to {FORMAT}.")
        manifest = _reader().validate_json(text)
        if known == FORMAT and not has_checksum:
            raise CorruptRun(f"{damaged} (it has lost its checksum); {RESTORE}.")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise CorruptRun(f"{damaged} ({where}: {first['msg']}); {RESTORE}.") from error
    except OSError as error:
        raise _unreadable(folder, error) from error
    except (ValueError, RecursionError, InvalidInput) as error:
        raise CorruptRun(f"{damaged} ({error}); {RESTORE}.") from error
    _check_names(manifest.files or {}, damaged)
    return manifest if known == FORMAT else _upgraded(manifest, known)


def _fits_its_checksum(raw: bytes, damaged: str) -> bool:
    """Whether a stored manifest has a checksum, which fits. Raises `CorruptRun` where it does not."""
    found = _CHECKSUM.search(raw)
    if not found:
        return False
    blank = raw[: found.start(1)] + _ZEROS.encode() + raw[found.end(1) :]
    if hashlib.sha256(blank).hexdigest().encode() != found[1]:
        raise CorruptRun(f"{damaged} (its checksum does not fit); {RESTORE}.")
    return True


def _check_names(names: Iterable[str], damaged: str) -> None:
    """Raise `CorruptRun` for a file name that leads out of the folder."""
    if wrong := [name for name in names if not _FILE_NAME.fullmatch(name)]:
        raise CorruptRun(f"{damaged} ({wrong[0][:80]!r} is no name of a file of a run); {RESTORE}.")


def _upgraded(manifest: RunManifest, known: int) -> RunManifest:
    """A manifest of an older format, which kept no hashes.

    Format 1 wrote the name of an imported file where the source of the weights stands.
    """
    manifest = replace(manifest, files=None)
    if known > 1 or not manifest.identity.revision.startswith(_IMPORTED):
        return manifest
    provenance = replace(manifest.provenance, source="", imported_from=manifest.provenance.source)
    return replace(manifest, provenance=provenance)


@cache
def _reader() -> "TypeAdapter[RunManifest]":
    from pydantic import TypeAdapter

    return TypeAdapter(RunManifest)
