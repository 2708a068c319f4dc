"""manifest.json ↔ `RunManifest`: checked field by field when it is read, and upgraded from older formats.

The id of a run ends in a hash of its identity, so what is hashed must never change with the format.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from homog_core.errors import CorruptRun, InvalidInput
from homog_core.files import replacing
from homog_core.records import Decoding, Identity, PromptStyle, Question, RunManifest
from homog_core.runs.questions import question_ids_sha256

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 2
_IMPORTED = "imported:"  # how the revision of an imported run began in format 1, which had no field for it


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
        question_ids_sha256=question_ids_sha256(question for question, _ in questions),
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
    """The manifest of a run. Raises `CorruptRun` where it does not read, or a field has another type."""
    from pydantic import ValidationError

    try:
        content = _upgraded(json.loads((folder / "manifest.json").read_text(encoding="utf-8")), folder.name)
        return _reader().validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise CorruptRun(f"manifest.json of run {folder.name} is damaged ({place}: {first['msg']}).") from error
    except (OSError, ValueError, TypeError, AttributeError, InvalidInput) as error:
        raise CorruptRun(f"manifest.json of run {folder.name} is damaged ({error}).") from error


@cache
def _reader() -> "TypeAdapter[RunManifest]":
    from pydantic import TypeAdapter

    return TypeAdapter(RunManifest)


def _upgraded(content: dict[str, Any], run_id: str) -> dict[str, Any]:
    """The content of a manifest in today's format. Raises `CorruptRun` for a format that this version does not know."""
    known = content.get("format")
    if known not in (1, FORMAT):
        raise CorruptRun(f"Run {run_id} has format {known}; this version reads 1 to {FORMAT}.")
    if known == 1 and str(content["identity"].get("revision")).startswith(_IMPORTED):
        content["provenance"] = {**content["provenance"], "imported_from": content["provenance"].get("source")}
    return {name: value for name, value in content.items() if name != "format"}
