"""manifest.json ↔ `RunManifest`: checked field by field when it is read, and upgraded from older formats.

The id of a run ends in a hash of its identity, so what is hashed never changes with the format.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homog_core.errors import CorruptRun, InvalidInput
from homog_core.files import replacing
from homog_core.records import Decoding, Identity, PromptStyle, Question, RunManifest
from homog_core.runs.questions import question_ids_sha256

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 2
_IMPORTED = "imported:"  # how the revision of an imported run begins, by which format 1 told it from others


def run_id_of(identity: Identity) -> str:
    """The id of a run: model and dataset for people, and the hash of its whole identity."""
    canonical = json.dumps(asdict(identity), sort_keys=True, separators=(",", ":"))
    readable = re.sub(r"[^a-z0-9.-]+", "-", f"{identity.model}--{identity.dataset}".lower())
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
    prompts = {question.id: prompt for question, prompt in questions}
    in_order = json.dumps([prompts[key] for key in sorted(prompts)])
    return Identity(
        model=model,
        revision=revision,
        dtype=dtype,
        dataset=dataset,
        question_ids_sha256=question_ids_sha256(question.id for question, _ in questions),
        n_questions=len(questions),
        decoding=decoding,
        prompt_style=prompt_style,
        prompts_sha256=hashlib.sha256(in_order.encode()).hexdigest(),
    )


def manifest_json(manifest: RunManifest) -> str:
    """The manifest as it is stored."""
    return json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1, sort_keys=True, ensure_ascii=False)


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Replace a run's manifest."""
    with replacing(folder / "manifest.json", f"manifest.json of run {folder.name}") as stream:
        stream.write(f"{manifest_json(manifest)}\n".encode())


def read_manifest(folder: Path) -> RunManifest:
    """The manifest of a run, upgraded from older formats.

    Parsed again when the file has changed. Raises `CorruptRun` where it does not read, a field is missing or of another
    type, or the format is not known.
    """
    path = folder / "manifest.json"
    try:
        state = path.stat()
    except OSError as error:
        raise CorruptRun(f"manifest.json of run {folder.name} is damaged ({error}).") from error
    return _parsed(path, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=1024)
def _parsed(path: Path, version: tuple[int, ...]) -> RunManifest:
    """The content of a manifest; `version` changes when the file does."""
    from pydantic import ValidationError

    folder = path.parent
    damaged = f"manifest.json of run {folder.name} is damaged"
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        known = content.get("format") if isinstance(content, dict) else FORMAT
        if known not in (1, FORMAT):
            raise CorruptRun(f"Run {folder.name} has format {known}; this version reads 1 to {FORMAT}.")
        manifest = _reader().validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise CorruptRun(f"{damaged} ({'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}).") from error
    except (OSError, ValueError, RecursionError, InvalidInput) as error:
        raise CorruptRun(f"{damaged} ({error}).") from error
    return _upgraded(manifest) if known == 1 else manifest


def _upgraded(manifest: RunManifest) -> RunManifest:
    """A manifest of format 1, which wrote the name of an imported file where the source of the weights stands."""
    if not manifest.identity.revision.startswith(_IMPORTED):
        return manifest
    provenance = replace(manifest.provenance, source="", imported_from=manifest.provenance.source)
    return replace(manifest, provenance=provenance)


@cache
def _reader() -> "TypeAdapter[RunManifest]":
    from pydantic import TypeAdapter

    return TypeAdapter(RunManifest)
