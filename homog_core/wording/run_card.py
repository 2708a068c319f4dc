"""A stored run in words: its row in a list, and the card of what was sampled, how, with what, and what is missing.

It reads manifests and asks which files there are; answers and scores it leaves alone.
"""

import html
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from homog_core.catalogue import DATASETS, MODELS
from homog_core.catalogue.models import training_chain
from homog_core.errors import CorruptRun
from homog_core.records import ModelSpec
from homog_core.runs import store
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.manifest import manifest_json
from homog_core.runs.store import Run
from homog_core.sampling.weights import adapter_folder
from homog_core.wording import commands
from homog_core.wording.numbers import counted, duration, times
from homog_core.wording.titles import STAGE_TITLES, dataset_title

DAMAGED = "damaged"
_PROMPTS = {
    "plain": "plain: Q: … / A:, nothing before it",
    "few_shot": "few-shot: three examples, then Q: … / A:",
    "chat": "the chat template of the model",
}


# A list of runs


def run_rows() -> list[dict[str, Any]]:
    """One row a stored run, the newest first; one whose manifest does not read stands last, with status `DAMAGED`."""
    rows = []
    for run_id, folder in store.runs_by_id().items():
        try:
            rows.append(run_row(store.open_run(run_id)))
        except CorruptRun:
            rows.append(dict.fromkeys(_COLUMNS) | {"run": run_id, "model": folder.name, "status": DAMAGED})
    return sorted(rows, key=lambda row: (row["status"] != DAMAGED, row["created"] or ""), reverse=True)


_COLUMNS = (
    *("run", "model", "stage", "dataset", "n_questions", "n_samples", "temperature", "prompt", "created", "device"),
    *("n_tokens", "tokens_per_second", "status", "scored"),
)


def run_row(run: Run) -> dict[str, Any]:
    """What a list shows of a run; None where its manifest does not say."""
    identity, provenance = run.identity, run.provenance
    tokens, seconds = provenance.n_tokens, provenance.wall_seconds
    values = (
        run.id,
        str(identity.model),
        STAGE_TITLES[provenance.stage],
        dataset_title(identity.dataset),
        identity.n_questions,
        run.decoding.n_samples,
        run.decoding.temperature,
        str(identity.prompt_style),
        str(provenance.created),
        provenance.device,
        tokens,
        tokens / seconds if tokens and seconds else None,
        str(provenance.status),
        scored_state(run),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def matching(rows: Sequence[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The rows in which every one of `words` occurs somewhere, whatever its case."""
    parts = words.lower().split()
    texts = [" ".join(str(value) for value in row.values() if value is not None).lower() for row in rows]
    return [row for row, text in zip(rows, texts, strict=True) if all(part in text for part in parts)]


def scored_state(run: Run) -> str:
    """Whether a run has been scored: "yes", "no", or "by an older version"."""
    there = [(run.folder / f"{name}.parquet").is_file() for name in store.TABLES]
    return "yes" if all(there) else "by an older version" if (run.folder / "scores.parquet").is_file() else "no"


# The card of one run


class Fact(NamedTuple):
    """One line of a card."""

    label: str
    text: str  # plain words, no markup


def card(run: Run) -> list[Fact]:
    """The manifest in words: what was sampled, how, of which model, when, where, and with which versions."""
    return [
        Fact("What", _what(run)),
        Fact("How", _how(run)),
        Fact("Model", _model(run)),
        *([Fact("Lineage", words)] if (words := lineage(run)) else []),
        Fact("When and where", _when(run)),
        *([] if run.is_imported else [Fact("Software", _software(run))]),
        Fact("Identity", _identity(run)),
    ]


def _what(run: Run) -> str:
    identity, decoding = run.identity, run.decoding
    n, source = identity.n_questions, dataset_title(identity.dataset)
    if run.is_imported:
        n_answers = counted(decoding.n_samples, "answer")
        return f"{counted(n, 'question')} of {source}, {n_answers} to each, by {identity.model}."
    return (
        f"{identity.model} was asked {counted(n, 'question')} of {source}, {times(decoding.n_samples)} each at "
        f"temperature {decoding.temperature:g}, and once greedily (at temperature 0)."
    )


def _how(run: Run) -> str:
    decoding, style = run.decoding, run.identity.prompt_style
    if run.is_imported:
        return (
            f"Temperature {decoding.temperature:g} and at most {decoding.max_new_tokens:,} tokens, as whoever imported "
            "it has said. The prompts are those of the file, or Q: … / A: where it has none."
        )
    parts = [
        f"Top-p {decoding.top_p:g}" if decoding.top_p < 1 else "From the whole distribution (top-p 1)",
        f"top-k {decoding.top_k}" if decoding.top_k else "",
        f"at most {counted(decoding.max_new_tokens, 'token')} an answer",
        f"seed {decoding.seed}",
        f"prompt {_PROMPTS.get(style, style)}",
        f"also stopped by {', '.join(map(repr, decoding.stop))}" if decoding.stop else "",
    ]
    return ", ".join(part for part in parts if part) + "."


def _model(run: Run) -> str:
    identity, provenance = run.identity, run.provenance
    if run.is_imported:
        return f"{identity.model}, as whoever imported it has called it. Nothing else is known of it."
    size = provenance.n_parameters
    parts = [
        str(provenance.family or identity.model),
        f"stage: {STAGE_TITLES[provenance.stage]}" if provenance.stage else "",
        f"{size / 1e6:,.0f} M parameters" if size else "",
        f"computed in {identity.dtype}" if identity.dtype else "",
        f"weights from {provenance.source}" if provenance.source else "",
        f"version {_short_hashes(identity.revision)}" if identity.revision else "",
    ]
    return ", ".join(part for part in parts if part) + "."


def _short_hashes(revision: Any) -> str:
    """A revision with its hashes cut to twelve digits."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", str(revision))


def lineage(run: Run) -> str:
    """The line of stages that a catalogue model stands in, as in `base gemma → SFT … (this run) → DPO …`; or ""."""
    spec = model_of(run)
    chain = training_chain(spec) if spec else ()
    if len(chain) < 2:
        parent = run.provenance.parent
        return f"Trained from {parent}." if parent else ""
    named = [f"{link.key} ({STAGE_TITLES[link.stage]}{', this run' if link == spec else ''})" for link in chain]
    return " → ".join(named) + "."


def model_of(run: Run) -> ModelSpec | None:
    """The catalogue's entry of a run's model; None for another one, and for an import: its name may be anything."""
    return None if run.is_imported else MODELS.get(run.identity.model)


def model_card(run: Run) -> str:
    """The model card (Markdown) of an adapter that this project has trained; "" where the model is none of ours."""
    spec = model_of(run)
    folder = adapter_folder(spec.adapter) if spec and spec.adapter else None
    path = folder / "README.md" if folder else None
    return path.read_text(encoding="utf-8", errors="replace") if path and path.is_file() else ""


def _when(run: Run) -> str:
    provenance = run.provenance
    if run.is_imported:
        return f"Imported {_date(provenance.created)} from the file {provenance.imported_from}; sampled elsewhere."
    parts = [f"Begun {_date(provenance.created)}."]
    parts += [f"Device: {provenance.device}."] if provenance.device else []
    tokens, seconds = provenance.n_tokens, provenance.wall_seconds
    if tokens and seconds:
        parts.append(f"{counted(tokens, 'token')} in {duration(seconds)}, {tokens / seconds:,.0f} tokens a second.")
    return " ".join(parts)


def _date(created: str) -> str:
    """A time as it stands in a manifest, for people; whatever does not read stays as it is."""
    try:
        when = datetime.fromisoformat(created)
    except (TypeError, ValueError):
        return str(created)
    return f"on {when.day} {when:%B %Y} at {when:%H:%M} {when.tzname() or ''}".rstrip()


def _software(run: Run) -> str:
    packages, commit = run.provenance.packages or {}, run.provenance.git_commit
    versions = ", ".join(f"{name} {version}" for name, version in packages.items()) or "No versions are recorded"
    return (
        f"{versions}; this project at commit {str(commit)[:12]}." if commit else f"{versions}; no commit is recorded."
    )


def _identity(run: Run) -> str:
    ids, prompts = run.identity.question_ids_sha256[:12], run.identity.prompts_sha256[:12]
    return (
        f"{run.id}. Its last ten digits are a hash of model, weights, questions, decoding and prompts: a run that "
        f"differs in any of them has another id. SHA-256 of the question ids {ids}…, of the prompts {prompts}…"
    )


def card_html(facts: Sequence[Fact]) -> str:
    """A card as HTML, all escaped."""
    rows = "".join(
        f'<div style="margin-bottom:.55rem;overflow-wrap:anywhere"><div style="font-size:.8rem;opacity:.8">'
        f"{html.escape(fact.label)}</div><div>{html.escape(fact.text)}</div></div>"
        for fact in facts
    )
    return f"<div>{rows}</div>"


# What is missing, and whether it reads


class Missing(NamedTuple):
    """Something that a run does not have, and how to get it."""

    what: str
    command: str  # to be typed; "" where there is none


def missing(run: Run) -> list[Missing]:
    """What a run does not have, the most important first; nothing where everything is there."""
    found = []
    status, state = run.provenance.status, scored_state(run)
    if status != "complete":
        found.append(_unfinished(run, status))
    if _lacks_sentences(run):
        spec = DATASETS[run.identity.dataset]
        found.append(
            Missing(
                f"The questions' sentences: they belong to {spec.title} and are not stored with the run. Name the "
                f"folder of {' or '.join(spec.files)} in HOMOG_DATA and they appear.",
                "",
            )
        )
    if state == "no":
        found.append(Missing("Clusters and scores: the run has not been scored.", commands.score(run.id)))
    elif state == "by an older version":
        found.append(
            Missing("Some tables: the run was scored by an older version of this program.", commands.score(run.id))
        )
    if state != "no" and not has_nli(run):
        what = "NLI scores: no model that judges entailment has read these answers. It is fetched from the hub once."
        found.append(Missing(what, commands.score_by_nli(run.id)))
    return found


def has_nli(run: Run) -> bool:
    """Whether an NLI model has read the answers of a scored run."""
    scores = run.table("scores")
    return scores is not None and any("nli/" in column for column in scores)


def _unfinished(run: Run, status: str) -> Missing:
    if status == "importing":
        return Missing("Answers: the import did not end. Import the same file under the same names again.", "")
    if status == "sampling":
        return Missing("Answers: the run is being sampled, or was killed; the same sample command goes on with it.", "")
    return Missing(f"Answers: the run is {status}; the same sample command goes on with it.", "")


def _lacks_sentences(run: Run) -> bool:
    """Whether the run is over a hub dataset that is not on this machine, and does not hold its sentences itself."""
    spec = DATASETS.get(run.identity.dataset)
    return bool(spec and spec.hub and not dataset_file(spec) and (run.questions()["text"] == "").any())


def verdict(run_id: str, problems: Sequence[str]) -> str:
    """What `store.verify` has found, in one sentence."""
    if problems:
        return f"{counted(len(problems), 'thing')} to look at in {run_id}:"
    return (
        f"Nothing is wrong with {run_id}: its identity hashes to its id, its questions are those that it names, "
        "every one has all its answers, all numbers read, and every table goes with the answers."
    )


def manifest_text(run: Run) -> str:
    """The manifest as it is stored."""
    return manifest_json(run.manifest)
