"""A stored run in words: its row in a list, and the card of what was sampled, how, with what, and what is missing.

It reads manifests, and of the answers only what kind of texts they are.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from homog_core.analysis import lineage
from homog_core.analysis.comparable import fields
from homog_core.analysis.run_state import Lack, Scored, lacks, scored_state
from homog_core.analysis.texts import run_texts
from homog_core.catalogue import DATASETS, MODELS
from homog_core.catalogue.models import training_chain
from homog_core.catalogue.studies import STUDIES
from homog_core.errors import CorruptRun
from homog_core.records import ModelSpec
from homog_core.runs import store
from homog_core.runs.manifest import manifest_json
from homog_core.runs.store import Run
from homog_core.sampling.weights import adapter_folder
from homog_core.wording import commands, studies
from homog_core.wording.labels import ROLE_TITLES, STAGE_TITLES, dataset_title, first_upper, no_greedy
from homog_core.wording.numbers import counted, duration, given, millions, percent, times, whole
from homog_core.wording.texts import outside_sentence, removed_sentence

DAMAGED = "damaged"  # the status, in a list, of a run whose manifest does not read
_SCORED = {Scored.YES: "yes", Scored.OLDER: "by an older version", Scored.NO: "no"}
_PROMPTS = {
    "plain": "plain: Q: … / A:, nothing before it",
    "few_shot": "few-shot: three examples, then Q: … / A:",
    "chat": "the chat template of the model",
}
_UNFINISHED = {
    "importing": "Answers: the import did not end. Import the same file under the same names again.",
    "sampling": "Answers: the run is being sampled, or was killed; the same sample command goes on with it.",
    "interrupted": "Answers: the run is interrupted; the same sample command goes on with it.",
}


# A list of runs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a list shows of a run, in this order; None where its manifest does not say."""

    run: str
    model: str
    stage: str | None = None
    dataset: str | None = None
    n_questions: int | None = None
    n_samples: int | None = None
    temperature: float | None = None
    prompt: str | None = None
    created: str | None = None
    device: str | None = None
    n_tokens: int | None = None
    tokens_per_second: float | None = None
    status: str
    scored: str | None = None


def run_rows() -> list[dict[str, Any]]:
    """One row a stored run, in the order of `lineage.offered`: by dataset, stage and model; live ones after them.

    A run whose manifest does not read stands last, with status `DAMAGED`.
    """
    rows: dict[str, _Row] = {}
    for run in lineage.offered(store.list_runs()):
        with suppress(CorruptRun):
            rows[run.id] = _row(run)
    for run_id, folder in store.runs_by_id().items():
        rows.setdefault(run_id, _Row(run=run_id, model=folder.name, status=DAMAGED))
    return [asdict(row) for row in rows.values()]


def _row(run: Run) -> _Row:
    identity, provenance = run.identity, run.provenance
    return _Row(
        run=run.id,
        model=identity.model,
        stage=ROLE_TITLES[lineage.roles([run])[0]],
        dataset=dataset_title(identity.dataset),
        n_questions=identity.n_questions,
        n_samples=run.decoding.n_samples,
        temperature=fields(run)["temperature"],
        prompt=identity.prompt_style.replace("_", "-"),
        created=provenance.created,
        device=provenance.device,
        n_tokens=provenance.n_tokens,
        tokens_per_second=_tokens_per_second(run),
        status=provenance.status,
        scored=_SCORED[scored_state(run)],
    )


def _tokens_per_second(run: Run) -> float | None:
    tokens, seconds = run.provenance.n_tokens, run.provenance.wall_seconds
    return tokens / seconds if tokens and seconds else None


def matching(rows: Sequence[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The rows in which every one of `words` occurs somewhere, whatever its case."""
    parts = words.lower().split()
    texts = [" ".join(str(value) for value in row.values() if value is not None).lower() for row in rows]
    return [row for row, text in zip(rows, texts, strict=True) if all(part in text for part in parts)]


# The card of one run


class Fact(NamedTuple):
    """One line of a card."""

    label: str
    text: str  # plain words, no markup


def card(run: Run) -> list[Fact]:
    """The manifest in words: what was sampled, how, of which model, when, where, and with which versions."""
    lines = {
        "What": _what(run),
        "Study": _study(run),
        "How": _how(run),
        "Model": _model(run),
        "Server": _server(run),
        "Lineage": _lineage(run),
        "Texts": _texts(run),
        "When and where": _when(run),
        "Software": _software(run),
        "Identity": _identity(run),
    }
    return [Fact(label, text) for label, text in lines.items() if text]


def _what(run: Run) -> str:
    identity, decoding = run.identity, run.decoding
    questions = f"{counted(identity.n_questions, 'question')} of {dataset_title(identity.dataset)}"
    if run.is_imported:
        return f"{questions}, {counted(decoding.n_samples, 'answer')} to each, by {identity.model}."
    return (
        f"{identity.model} was asked {questions}, {times(decoding.n_samples)} each at temperature "
        f"{given(decoding.temperature)}, and once greedily (at temperature 0)."
    )


def _texts(run: Run) -> str:
    """What was taken from the answers, and whether report cards hold for them; "" where there is nothing to say."""
    with suppress(CorruptRun):
        found = run_texts(run)
        return " ".join(filter(None, (removed_sentence(found), outside_sentence(found.domain))))
    return ""


def _study(run: Run) -> str:
    """Of a public study; "" for another run. The catalogue may have lost it."""
    key = run.provenance.study
    if key is None:
        return ""
    return studies.where_from(STUDIES[key]) if key in STUDIES else f"{studies.MARK}: {key}."


_SETTINGS = {"temperature": "temperature", "max_new_tokens": "token limit"}


def _how(run: Run) -> str:
    decoding, style = run.decoding, run.identity.prompt_style
    limit = f"at most {counted(decoding.max_new_tokens, 'token')}"
    if run.is_imported:
        unknown = run.provenance.not_said
        said = {"temperature": f"temperature {given(decoding.temperature)}", "max_new_tokens": limit}
        known = " and ".join(words for name, words in said.items() if name not in unknown)
        lacking = " and ".join(words for name, words in _SETTINGS.items() if name in unknown)
        return " ".join(
            [
                f"{first_upper(known)}, according to whoever imported it." if known else "",
                f"Nobody gave the {lacking}." if lacking else "",
                "The prompts are those of the file, or Q: … / A: where it has none.",
            ]
        ).strip()
    return _sentence(
        f"Top-p {given(decoding.top_p)}" if decoding.top_p < 1 else "From the whole distribution (top-p 1)",
        f"top-k {decoding.top_k}" if decoding.top_k else "",
        f"{limit} an answer",
        f"seed {decoding.seed}",
        f"prompt {_PROMPTS.get(style, style)}",
        f"stopped by {', '.join(map(repr, decoding.stop))}, not at the end of a line" if decoding.stop else "",
    )


def _model(run: Run) -> str:
    identity, provenance = run.identity, run.provenance
    size, stage = provenance.n_parameters, STAGE_TITLES[provenance.stage] if provenance.stage else ""
    known = [f"stage: {stage}" if stage else "", f"{millions(size)} parameters" if size else ""]
    if run.is_imported:
        known = [part for part in (provenance.family, *known) if part]
        called = f"{identity.model}, as whoever imported it has called it."
        return f"{called} They say: {_sentence(*known)}" if known else f"{called} Nothing else is known of it."
    return _sentence(
        provenance.family or identity.model,
        *known,
        f"computed in {identity.dtype}" if identity.dtype else "",
        f"weights from {provenance.source}" if provenance.source and not provenance.served else "",
        f"version {_short_hashes(identity.revision)}" if identity.revision else "",
    )


_NUMBERS = {  # what a server's log-probabilities are
    "before": "They are those before temperature",
    "after": "They are those after temperature, so that they are kept at temperature 1 and top-p 1 alone",
    "unknown": "Whether they are after temperature could not be told: they are kept at temperature 1 and top-p 1 alone",
}


def _server(run: Run) -> str:
    """Where a served model answered, and what its numbers are; "" for a model on this machine."""
    served = run.provenance.served
    if served is None:
        return ""
    prints = f", configuration {' and '.join(served.fingerprints)}" if served.fingerprints else ""
    whole = (
        "It took the order to leave out top-k, min-p and penalties of its own."
        if served.is_untruncated
        else "It takes no order to leave out top-k, min-p and penalties of its own, and may have some."
    )
    if served.logprobs == "none":
        numbers = "It gives no log-probabilities."
    else:
        known = f"{_NUMBERS[served.logprobs]} ({'as was tried out' if served.is_tested else 'as its entry says'})."
        mass = (
            f" Token entropies are lower bounds: the tokens that it lists hold {percent(served.covered_mass)} of the "
            "probability on average."
            if served.covered_mass is not None
            else ""
        )
        numbers = f"It gives log-probabilities. {known}{mass}"
    return f"{served.host}, which calls the model {served.model}{prints}. {whole} {numbers}"


def _sentence(*parts: str) -> str:
    return ", ".join(part for part in parts if part) + "."


def _short_hashes(revision: str) -> str:
    """A revision with its hashes cut to twelve digits."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", revision)


def _lineage(run: Run) -> str:
    """The stages that a model stands in, as in `gemma (base) → gemma-sft (SFT, this run) → …`; or "".

    Of a catalogue model they are the catalogue's, of any other those that have been imported or sampled.
    """
    spec, parent = _catalogue_model(run), run.provenance.parent
    if spec:
        links = [(link.key, link.stage, link == spec) for link in training_chain(spec)]
    else:
        chain = lineage.chain(run, store.list_runs())
        links = [(link.identity.model, link.provenance.stage, link.id == run.id) for link in chain]
        first = chain[0].provenance.parent
        links[:0] = [(first, None, False)] if len(chain) > 1 and first else []
    if len(links) < 2:
        return f"Trained from {parent}." if parent else ""
    named = []
    for model, stage, is_this in links:
        said = [part for part in (STAGE_TITLES[stage] if stage else "", "this run" if is_this else "") if part]
        named.append(f"{model} ({', '.join(said)})" if said else model)
    return " → ".join(named) + "."


def _catalogue_model(run: Run) -> ModelSpec | None:
    """The catalogue's entry of a run's model; None for another one, and for an import: its name may be anything."""
    return None if run.is_imported else MODELS.get(run.identity.model)


def _when(run: Run) -> str:
    provenance = run.provenance
    if run.is_imported:
        return f"Imported {_date(provenance.created)} from the file {provenance.imported_from}; sampled elsewhere."
    parts = [f"Begun {_date(provenance.created)}."]
    if provenance.device:
        parts.append(f"Device: {provenance.device}.")
    if provenance.batch_questions:
        parts.append(f"{counted(provenance.batch_questions, 'question')} at a time.")
    if speed := _tokens_per_second(run):
        took = f"{counted(provenance.n_tokens, 'token')} in {duration(provenance.wall_seconds)}"
        parts.append(f"{took}, {whole(speed)} tokens a second.")
    return " ".join(parts)


def _date(created: str) -> str:
    """A time as it stands in a manifest, for people; whatever does not read stays as it is."""
    try:
        when = datetime.fromisoformat(created)
    except (TypeError, ValueError):
        return str(created)
    return f"on {when.day} {when:%B %Y} at {when:%H:%M} {when.tzname() or ''}".rstrip()


def _software(run: Run) -> str:
    if run.is_imported:
        return ""
    packages, commit = run.provenance.packages, run.provenance.git_commit
    versions = ", ".join(f"{name} {version}" for name, version in packages.items()) or "No versions are recorded"
    return f"{versions}; {f'this project at commit {commit[:12]}' if commit else 'no commit is recorded'}."


def _identity(run: Run) -> str:
    ids, prompts = run.identity.question_ids_sha256[:12], run.identity.prompts_sha256[:12]
    return (
        f"{run.id}. Its last ten digits are a hash of model, weights, questions, decoding and prompts: a run that "
        f"differs in any of them has another id. SHA-256 of the question ids {ids}…, of the prompts {prompts}…"
    )


def model_card(run: Run) -> str:
    """The model card (Markdown) of an adapter that this project has trained; "" where the model is none of ours."""
    spec = _catalogue_model(run)
    folder = adapter_folder(spec.adapter) if spec and spec.adapter else None
    path = folder / "README.md" if folder else None
    return path.read_text(encoding="utf-8", errors="replace") if path and path.is_file() else ""


def manifest_text(run: Run) -> str:
    """The manifest as it is stored."""
    return manifest_json(run.manifest)


# What is missing, and whether it reads


class Missing(NamedTuple):
    """Something that a run does not have, and how to get it."""

    what: str
    command: str = ""  # to be typed; "" where there is none


def missing(run: Run) -> list[Missing]:
    """What a run does not have, in words, the most important first; nothing where everything is there."""
    return [_missing(lack, run) for lack in lacks(run)]


def _missing(lack: Lack, run: Run) -> Missing:
    match lack:
        case Lack.ANSWERS:
            return Missing(_UNFINISHED[run.provenance.status])
        case Lack.SENTENCES:
            spec = DATASETS[run.identity.dataset]
            return Missing(
                f"The questions' sentences: they belong to {spec.title} and are not stored with the run. Name the "
                f"folder of {' or '.join(spec.files)} in HOMOG_DATA and they appear."
            )
        case Lack.ANSWERS_TEXT:
            spec = STUDIES.get(run.provenance.study)
            if spec is None:
                return Missing("The sentences of its answers: no study of the catalogue has them.", "")
            return Missing(studies.sentences(spec), commands.study(spec.key))
        case Lack.SCORES:
            return Missing("Clusters and scores: the run has not been scored.", commands.score(run.id))
        case Lack.TABLES:
            what = "Some tables: the run was scored by an older version of this program."
            return Missing(what, commands.score(run.id))
        case Lack.GREEDY:
            return Missing(no_greedy("It"))
        case Lack.NLI:
            what = (
                "NLI scores: no model that judges entailment has read these answers. It is fetched from the hub once."
            )
            return Missing(what, commands.score_by_nli(run.id))


def verdict(run_id: str, problems: Sequence[str]) -> str:
    """What `store.verify` has found, in one sentence."""
    if problems:
        return f"{counted(len(problems), 'thing')} to look at in {run_id}:"
    return (
        f"Nothing is wrong with {run_id}: its identity hashes to its id, its questions are those that it names, "
        "every one has all its answers, all numbers read, and every table goes with the answers."
    )
