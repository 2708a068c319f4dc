"""A run directory ↔ records: Parquet shards and a manifest; atomic, resumable, verifiable.

Layout, one folder a run: `manifest.json`, `questions.parquet`, `responses-*.parquet` (samples, never changed), and
what is recomputed from them: `embeddings-<encoder>.parquet`, `nli-<model>.parquet`, `similarities.parquet`,
`clusters.parquet`, `scores.parquet`, `maps.parquet`. Every file is written under a temporary name, flushed to disk and
renamed. It knows nothing of models.

A run may lack the sentences of its dataset (`strip`): they are then read from the dataset where this machine has it.
"""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from homog_core import paths
from homog_core.catalogue import DATASETS
from homog_core.errors import CorruptRun, HomogError, InvalidInput, NotFound
from homog_core.questions import dataset_file, load_questions
from homog_core.records import GREEDY, Decoding, Question, Response, ResponseSet, RunManifest

FORMAT = 1
TABLES = ("similarities", "clusters", "scores", "maps")
IMPORTED = "imported:"  # how the revision of a run begins whose answers were sampled elsewhere
SHARD_QUESTIONS = 256  # questions that go into one file where many are stored at once
SHARD_BYTES = 64 << 20  # and no more than this in memory, whatever their number
_TEXTS = pa.list_(pa.string())
_NUMBERS = pa.list_(pa.float32())
_SCHEMAS = {
    "questions": pa.schema(
        [
            ("id", pa.string()),
            ("dataset", pa.string()),
            ("text", pa.string()),
            ("references", _TEXTS),
            ("incorrect_references", _TEXTS),
            ("category", pa.string()),
            ("answer_type", pa.string()),
            ("prompt", pa.string()),
        ]
    ),
    "responses": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int32()),
            ("text", pa.string()),
            ("finish_reason", pa.string()),
            ("entropy_kind", pa.string()),
            ("tokens", _TEXTS),
            ("token_entropies", _NUMBERS),
            ("token_logprobs", _NUMBERS),
        ]
    ),
    "embeddings": pa.schema(
        [
            ("question_id", pa.string()),
            ("sample_index", pa.int32()),
            ("view", pa.string()),  # answer, masked (without the question's words), question, greedy or reference
            ("vector", pa.list_(pa.float16())),
        ]
    ),
    "nli": pa.schema(
        [
            ("question_id", pa.string()),
            ("premise", pa.string()),  # both without the question that may stand before them
            ("hypothesis", pa.string()),
            ("entailment", pa.float32()),
            ("neutral", pa.float32()),
            ("contradiction", pa.float32()),
            ("truncated", pa.bool_()),
        ]
    ),
    "similarities": pa.schema(
        [
            ("question_id", pa.string()),
            ("clusterer", pa.string()),
            ("similarity", _NUMBERS),  # of valid responses i < j, row by row: N(N−1)/2 numbers
        ]
    ),
}
_QUESTION_PLACE = "{question}"  # stands in the prompts of a stripped run for the question
_MERGED = "responses-merged.parquet"
# What every page counts on finding in a manifest.
_IDENTITY, _PROVENANCE = ("model", "dataset", "n_questions", "decoding", "prompt_style"), ("created", "status")


def run_id_of(identity: dict[str, Any]) -> str:
    """The id of a run: model and dataset for people, and the hash of its whole identity."""
    digest = hashlib.sha256(_canonical(identity).encode()).hexdigest()
    readable = re.sub(r"[^a-z0-9.-]+", "-", f"{identity.get('model')}--{identity.get('dataset')}".lower())
    return f"{readable}--{digest[:10]}"


def _canonical(identity: dict[str, Any]) -> str:
    return json.dumps(identity, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, for reading. Every call reads the disk; whoever shows it caches."""

    folder: Path
    manifest: RunManifest

    @property
    def id(self) -> str:
        """The run's id, which is its folder's name."""
        return self.manifest.run_id

    @property
    def is_imported(self) -> bool:
        """Whether its answers were sampled elsewhere: its numbers are what a file says."""
        return str(self.manifest.identity.get("revision", "")).startswith(IMPORTED)

    @property
    def decoding(self) -> Decoding:
        """How its answers were drawn."""
        try:
            fields = self.manifest.identity["decoding"]
            return Decoding(**{**fields, "stop": tuple(fields["stop"])})
        except (KeyError, TypeError, InvalidInput) as error:
            raise CorruptRun(f"manifest.json of run {self.id} is damaged: its decoding does not read.") from error

    def questions(self) -> pd.DataFrame:
        """One row a question, with its exact prompt.

        Where the run was stored without the dataset's sentences they are read from the dataset; where this machine
        does not have it, `text` and `prompt` are "" and there are no references.
        """
        frame = _read(self.folder / "questions.parquet", self.id).to_pandas()
        return _with_sentences(frame) if frame["text"].isna().any() else frame

    def responses(self) -> pd.DataFrame:
        """One row a response; sample_index −1 is the greedy one. Sorted by question and sample."""
        shards = _shards(self.folder)
        if not shards:
            return _SCHEMAS["responses"].empty_table().to_pandas()
        table = pa.concat_tables(_read_shards(self.folder, self.id)).to_pandas()
        # A merge that was interrupted leaves shards whose rows are in the merged one already.
        table = table.drop_duplicates(["question_id", "sample_index"])
        return table.sort_values(["question_id", "sample_index"], ignore_index=True)

    def sampled_ids(self) -> set[str]:
        """Ids of the questions that have been sampled."""
        shards = _read_shards(self.folder, self.id, columns=["question_id"])
        return {value for shard in shards for value in shard["question_id"].to_pylist()}

    def table(self, name: str) -> pd.DataFrame | None:
        """One of `TABLES`, or None where the run has not been scored."""
        path = self.folder / f"{name}.parquet"
        return _read(path, self.id).to_pandas() if path.is_file() else None

    def encoders(self) -> list[str]:
        """Keys of the encoders whose embeddings are stored."""
        return sorted(path.stem.removeprefix("embeddings-") for path in self.folder.glob("embeddings-*.parquet"))

    def embeddings(self, encoder: str) -> pd.DataFrame | None:
        """question_id, sample_index, view, vector (d,); or None where they have not been computed."""
        path = self.folder / f"embeddings-{encoder}.parquet"
        if not path.is_file():
            return None
        table = _read(path, self.id)
        frame = table.drop_columns("vector").to_pandas()
        if frame.empty:  # no valid answer
            return frame.assign(vector=pd.Series(dtype=object))
        vectors = table["vector"].combine_chunks()
        matrix = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(frame), -1)
        frame["vector"] = list(matrix)
        return frame

    def nli(self, model: str) -> pd.DataFrame | None:
        """question_id, premise, hypothesis, entailment, neutral, contradiction, truncated; or None."""
        path = self.folder / f"nli-{model}.parquet"
        return _read(path, self.id).to_pandas() if path.is_file() else None

    def nli_models(self) -> list[str]:
        """Keys of the NLI models whose probabilities are stored."""
        return sorted(path.stem.removeprefix("nli-") for path in self.folder.glob("nli-*.parquet"))

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Replace one of the recomputable tables."""
        schema = next((_SCHEMAS[kind] for kind in ("embeddings", "nli", "similarities") if name.startswith(kind)), None)
        _write(self.folder / f"{name}.parquet", pa.Table.from_pandas(frame, schema=schema, preserve_index=False))


def runs_by_id() -> dict[str, Path]:
    """All folders that hold a manifest, by name; the user's before the shipped ones."""
    found: dict[str, Path] = {}
    for folder in reversed(paths.run_folders()):
        found |= {path.parent.name: path.parent for path in sorted(folder.glob("*/manifest.json"))}
    return found


def open_run(run_id: str) -> Run:
    """The run of that id. Raises `NotFound`, with what there is, or `CorruptRun` for a damaged manifest."""
    known = runs_by_id()
    if run_id not in known:  # never a path: an id may come from a URL
        raise NotFound(f"There is no run {run_id!r}. {_listing(known)}")
    return Run(known[run_id], _read_manifest(known[run_id]))


def list_runs() -> list[Run]:
    """All runs whose manifest reads, newest first."""
    runs = []
    for folder in runs_by_id().values():
        try:
            runs.append(Run(folder, _read_manifest(folder)))
        except CorruptRun:
            continue  # `verify` reports it
    return sorted(runs, key=lambda run: run.manifest.provenance.get("created", ""), reverse=True)


def strip(run_id: str, keep_encoder: str) -> Run:
    """Make a run fit to be shared: without its dataset's sentences, and without vectors that no page needs.

    The sentences of the catalogue's datasets are taken out of questions and prompts, those of our own set stay, and so
    do those of files of the user's. Of the embeddings those of the answers by `keep_encoder` stay; similarities,
    clusters, scores and grades are untouched. Raises `HomogError`, and changes nothing, where a prompt does not hold
    its question, and where the dataset is not on this machine or would not give the prompt back.
    """
    run = open_run(run_id)
    spec = DATASETS.get(run.manifest.identity["dataset"])
    if spec and spec.hub:
        rows = _read(run.folder / "questions.parquet", run.id).to_pylist()
        bare = [_without_sentences(row) if row["text"] is not None else row for row in rows]
        if bare != rows:
            if not dataset_file(spec):
                raise HomogError(
                    f"{spec.title} is not on this machine, so the run would lose its questions for good: name the "
                    f"folder of {' or '.join(spec.files)} in HOMOG_DATA."
                )
            _check_comes_back(rows, bare, spec.title)
        _write(run.folder / "questions.parquet", pa.Table.from_pylist(bare, schema=_SCHEMAS["questions"]))
    for key in run.encoders():
        path = run.folder / f"embeddings-{key}.parquet"
        if key != keep_encoder:
            path.unlink()
            continue
        table = _read(path, run.id)
        _write(path, table.filter(pc.is_in(table["view"], pa.array(["answer", "masked", "question"]))))
    return run


def _without_sentences(row: dict[str, Any]) -> dict[str, Any]:
    if row["text"] not in row["prompt"]:
        raise HomogError(f"The prompt of question {row['id']} does not hold its text, so the run cannot be stripped.")
    template = row["prompt"].replace(row["text"], _QUESTION_PLACE)
    return row | {"text": None, "references": [], "incorrect_references": [], "prompt": template}


def _check_comes_back(rows: Sequence[dict[str, Any]], bare: Sequence[dict[str, Any]], title: str) -> None:
    restored = _with_sentences(pd.DataFrame(bare))["prompt"]
    for row, prompt in zip(rows, restored, strict=True):
        if row["text"] is not None and row["prompt"] != prompt:
            raise HomogError(
                f"Question {row['id']} is not in the {title} on this machine, so stripping would lose its prompt."
            )


def _with_sentences(frame: pd.DataFrame) -> pd.DataFrame:
    """Question, references and prompt from the dataset; "" and none where it is not on this machine."""
    known: dict[str, Question] = {}
    for name in set(frame.loc[frame["text"].isna(), "dataset"]):
        if name in DATASETS and dataset_file(DATASETS[name]):
            known |= {question.id: question for question in load_questions(name)}
    rows = []
    for row in frame.to_dict("records"):
        if row["text"] is None or pd.isna(row["text"]):
            question = known.get(row["id"])
            text = question.text if question else ""
            row |= {
                "text": text,
                "references": question.references if question else (),
                "incorrect_references": question.incorrect_references if question else (),
                "prompt": row["prompt"].replace(_QUESTION_PLACE, text) if question else "",
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=frame.columns)


def response_set(rows: pd.DataFrame, prompt: str, model_key: str, decoding: Decoding) -> ResponseSet:
    """The record of one question from its rows of `Run.responses`."""
    by_index = {int(row.sample_index): response_of(row) for row in rows.itertuples()}
    greedy = by_index.pop(GREEDY)
    samples = tuple(by_index[i] for i in sorted(by_index))
    return ResponseSet(str(rows.iloc[0]["question_id"]), model_key, prompt, decoding, samples, greedy)


def question_of(row: Any) -> Question:
    """The record of one row of `Run.questions`."""
    return Question(
        row.id,
        row.dataset,
        row.text,
        tuple(row.references),
        tuple(row.incorrect_references),
        row.category,
        row.answer_type,
    )


def response_of(row: Any) -> Response:
    """The record of one row of `Run.responses`."""
    return Response(
        row.text,
        tuple(row.tokens),
        np.asarray(row.token_entropies, dtype=np.float32),
        np.asarray(row.token_logprobs, dtype=np.float32),
        row.finish_reason,
        row.entropy_kind,
    )


def _table_of(responses: ResponseSet) -> pa.Table:
    """One row a response."""
    samples = [*enumerate(responses.responses), (GREEDY, responses.greedy)]
    rows = [
        {
            "question_id": responses.question_id,
            "sample_index": index,
            "text": response.text,
            "finish_reason": response.finish_reason,
            "entropy_kind": response.entropy_kind,
            "tokens": list(response.tokens),
            "token_entropies": response.token_entropies,
            "token_logprobs": response.token_logprobs,
        }
        for index, response in samples
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMAS["responses"])


class RunWriter:
    """The one writer of a run. Open it with `write_run`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.sampled = run.sampled_ids()

    def append(self, responses: ResponseSet) -> None:
        """Store a question's answers; they survive whatever happens next. A question stored before is left alone."""
        self.append_many([responses])

    def append_many(self, responses: Iterable[ResponseSet]) -> None:
        """Store the answers to many questions that are there already, in shards of some hundreds of questions each.

        A shard is written whole or not at all. What stops the work loses the questions since the last one, and those
        alone; the same call stores them then.
        """
        shard: dict[str, pa.Table] = {}  # by question id
        size = 0
        for answers in responses:
            if answers.question_id in self.sampled or answers.question_id in shard:
                continue
            shard[answers.question_id] = table = _table_of(answers)
            size += table.nbytes
            if len(shard) == SHARD_QUESTIONS or size > SHARD_BYTES:
                self._write_shard(shard)
                shard, size = {}, 0
        if shard:
            self._write_shard(shard)

    def _write_shard(self, tables: dict[str, pa.Table]) -> None:
        """One file, named after the ids of its questions, so that no other shard has its name."""
        name = hashlib.sha256(json.dumps(list(tables)).encode()).hexdigest()[:12]
        _write(self.run.folder / f"responses-{name}.parquet", pa.concat_tables(tables.values()))
        self.sampled.update(tables)

    def update(self, **provenance: Any) -> None:
        """Change entries of the manifest's provenance."""
        merged = self.run.manifest.provenance | provenance
        manifest = RunManifest(self.run.id, self.run.manifest.identity, merged)
        _write_manifest(self.run.folder, manifest)
        self.run = Run(self.run.folder, manifest)

    def merge(self) -> None:
        """Put all shards into one file."""
        shards = _shards(self.run.folder)
        if len(shards) < 2:
            return
        rows = self.run.responses()
        merged = pa.Table.from_pandas(rows, schema=_SCHEMAS["responses"], preserve_index=False)
        _write(self.run.folder / _MERGED, merged)
        for shard in shards:
            if shard.name != _MERGED:
                shard.unlink()


@contextmanager
def write_run(
    identity: dict[str, Any], provenance: dict[str, Any], questions: Sequence[tuple[Question, str]]
) -> Iterator[RunWriter]:
    """Create a run, or open it again to go on, and hold its lock meanwhile.

    `questions` come with their prompts. Raises `HomogError` where another process is writing it.
    """
    from filelock import FileLock, Timeout

    run_id = run_id_of(identity)
    folder = runs_by_id().get(run_id, paths.cache() / "runs" / run_id)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            for leftover in folder.glob("*.partial"):
                leftover.unlink()
            if not (folder / "questions.parquet").is_file():
                rows = [{**asdict(question), "prompt": prompt} for question, prompt in questions]
                _write(folder / "questions.parquet", pa.Table.from_pylist(rows, schema=_SCHEMAS["questions"]))
            if not (folder / "manifest.json").is_file():
                _write_manifest(folder, RunManifest(run_id, identity, provenance))
            run = Run(folder, _read_manifest(folder))
            if _canonical(run.manifest.identity) != _canonical(identity):  # an id has 40 bits: one can be made to match
                raise HomogError(f"Another run is stored as {run_id}; give the model or the dataset another name.")
            yield RunWriter(run)
    except Timeout as error:
        raise HomogError(f"Run {run_id} is being written by another process; wait for it or stop it.") from error


def verify(run_id: str) -> list[str]:
    """What is wrong with a run, one sentence each; an empty list when nothing is. Raises `NotFound`."""
    known = runs_by_id()
    if run_id not in known:
        raise NotFound(f"There is no run {run_id!r}. {_listing(known)}")
    folder = known[run_id]
    try:
        run = Run(folder, _read_manifest(folder))
        questions, responses = run.questions(), run.responses()
        problems = [*_identity_problems(run, questions), *_response_problems(run, questions, responses)]
    except CorruptRun as error:
        return [str(error)]
    for name in (*TABLES, *(path.stem for kind in ("embeddings", "nli") for path in folder.glob(f"{kind}-*.parquet"))):
        problems += _table_problems(run, name, responses)
    return problems


def _identity_problems(run: Run, questions: pd.DataFrame) -> Iterator[str]:
    if run.id != run.folder.name or run.id != run_id_of(run.manifest.identity):
        yield f"The manifest's identity hashes to {run_id_of(run.manifest.identity)}, not to {run.folder.name}."
    ids = hashlib.sha256("\n".join(sorted(questions["id"])).encode()).hexdigest()
    if ids != run.manifest.identity.get("question_ids_sha256"):
        yield "The question ids are not those that the manifest names."
    status = run.manifest.provenance.get("status")
    if status == "importing":
        yield "The run is importing; import the same file under the same names again to go on with it."
    elif status != "complete":
        yield f"The run is {status}; `sample` with the same options goes on with it."


def _response_problems(run: Run, questions: pd.DataFrame, responses: pd.DataFrame) -> Iterator[str]:
    stored = sum(_read(shard, run.id, columns=["question_id"]).num_rows for shard in _shards(run.folder))
    if stored != len(responses):
        yield f"{stored - len(responses)} responses are stored twice."
    expected = [GREEDY, *range(run.decoding.n_samples)]
    by_question = responses.groupby("question_id")["sample_index"].apply(list).to_dict()
    missing = [qid for qid in questions["id"] if qid not in by_question]
    if missing and run.manifest.provenance.get("status") == "complete":
        yield f"{len(missing)} questions have no responses, the first is {missing[0]}."
    for question_id, indices in by_question.items():
        if indices != expected:
            yield f"Question {question_id} has the samples {indices}, not {expected}."
    if stray := set(by_question) - set(questions["id"]):
        yield f"There are responses to questions that the run does not have: {sorted(stray)[:3]}."
    for row in responses.itertuples():
        lengths = {len(row.tokens), len(row.token_entropies), len(row.token_logprobs)}
        if len(lengths) != 1:
            yield f"Question {row.question_id}, sample {row.sample_index}: tokens and numbers differ in length."
        elif not _numbers_read(row, run.is_imported):
            yield f"Question {row.question_id}, sample {row.sample_index}: a number is not finite."


def _numbers_read(row: Any, is_imported: bool) -> bool:
    """All numbers finite; of an imported run all entropies, or all log-probabilities, may be NaN: not known."""
    entropies, logprobs = np.isfinite(row.token_entropies), np.isfinite(row.token_logprobs)
    if is_imported and row.entropy_kind == "none":
        return bool(np.isnan(row.token_entropies).all() and logprobs.all())
    return bool(entropies.all() and (logprobs.all() or (is_imported and np.isnan(row.token_logprobs).all())))


def _table_problems(run: Run, name: str, responses: pd.DataFrame) -> Iterator[str]:
    try:
        frame = run.table(name)
    except CorruptRun as error:
        yield str(error)
        return
    if frame is None:
        yield f"There is no {name}.parquet; run `python -m homog_core score {run.id}`."
    elif stray := set(frame["question_id"]) - set(responses["question_id"]):
        yield f"{name}.parquet has questions that were not sampled: {sorted(stray)[:3]}."
    elif name in ("scores", "similarities") and (left := set(responses["question_id"]) - set(frame["question_id"])):
        yield f"{name}.parquet lacks {len(left)} questions; run `python -m homog_core score {run.id}`."


def _shards(folder: Path) -> list[Path]:
    shards = sorted(folder.glob("responses-*.parquet"))
    return sorted(shards, key=lambda path: path.name != _MERGED)


def _read_shards(folder: Path, run_id: str, columns: Sequence[str] | None = None) -> list[pa.Table]:
    """All shards; listed again where a merge has taken some away meanwhile."""
    shards = _shards(folder)
    try:
        return [_read(shard, run_id, columns) for shard in shards]
    except CorruptRun:
        if all(shard.exists() for shard in shards):
            raise
        return [_read(shard, run_id, columns) for shard in _shards(folder)]


def _read(path: Path, run_id: str, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        remedy = "sample" if path.name.startswith(("responses-", "questions")) else "score"
        if isinstance(error, FileNotFoundError):
            raise CorruptRun(f"Run {run_id} has no {path.name}; run `python -m homog_core {remedy}` again.") from error
        if isinstance(error, OSError) and error.errno:  # of the machine, not of the file
            raise HomogError(f"{path} could not be read ({error.strerror}).") from error
        raise CorruptRun(
            f"{path.name} of run {run_id} is damaged. Delete that file and run `python -m homog_core {remedy}` again, "
            "or `import` where the answers came from a file: only what was in it is done again."
        ) from error


def _write(path: Path, table: pa.Table) -> None:
    with replacing(path, f"{path.name} of run {path.parent.name}") as stream:
        pq.write_table(table, stream, compression="zstd")


def _write_manifest(folder: Path, manifest: RunManifest) -> None:
    content = {"format": FORMAT, **asdict(manifest)}
    with replacing(folder / "manifest.json", f"manifest.json of run {folder.name}") as stream:
        stream.write(json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")


@contextmanager
def replacing(path: Path, name: str) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of `path` once it is on the disk. `HomogError` on a full disk.

    `name` is what the message calls the file.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise HomogError(
            f"{name} could not be written ({error.strerror or error}). What was stored before is kept: make room and "
            "give the same command again."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _read_manifest(folder: Path) -> RunManifest:
    try:
        content = json.loads((folder / "manifest.json").read_text())
        if content["format"] != FORMAT:
            raise CorruptRun(f"Run {folder.name} has format {content['format']}; this version reads {FORMAT}.")
        manifest = RunManifest(content["run_id"], content["identity"], content["provenance"])
        _ = [manifest.identity[key] for key in _IDENTITY], [manifest.provenance[key] for key in _PROVENANCE]
        _ = Run(folder, manifest).decoding
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise CorruptRun(f"manifest.json of run {folder.name} is damaged ({what}).") from error
    return manifest


def _listing(known: Iterable[str]) -> str:
    names = list(known)
    return f"There are: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}." if names else "There are none yet."
