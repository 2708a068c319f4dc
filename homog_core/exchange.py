"""Runs ↔ files of other tools: a stored run as one file, and samples that were produced elsewhere as a run.

A file that comes in was written by somebody else: it is read line by line and checked to its end before anything is
stored, and every complaint names the file and the line. Knows nothing of models and computes no scores.
"""

import csv
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.prompts import build_prompt
from homog_core.questions import own_question, question_ids_sha256
from homog_core.records import GREEDY, Decoding, FinishReason, Question, Response, ResponseSet, strip_reasoning
from homog_core.store import IMPORTED, Run, replacing, response_of, response_set, write_run
from homog_core.uncertainty import mean_logprob, mean_token_entropy

Format = Literal["parquet", "jsonl", "csv"]
Report = Callable[[str, int, int], None]  # what is being done, how many of them are done, of how many

MAX_BYTES = 512 << 20  # of a file that is imported
MAX_LINE = 32 << 20  # bytes; parsed, a line takes about ten times as much
MAX_QUESTIONS = 100_000
MAX_CHARACTERS = 100_000  # of an answer
MAX_ANSWERS = 500  # to a question; every two are compared
MAX_NAME = 100  # characters; both names stand in the name of a folder
EXAMPLE_JSONL = """\
{"question": "Which planet is red?", "answers": ["Mars.", "It is Mars.", "Venus."], "greedy_answer": "Mars."}
{"question": "How many legs has a spider?", "answers": ["Eight.", "8", "Six."], "references": ["eight", "8"]}
"""
EXAMPLE_CSV = """\
question,answer
Which planet is red?,Mars.
Which planet is red?,It is Mars.
"""
_MAX_LOGPROB = 1e-6  # what rounding leaves above 0; as much is allowed to an entropy below it
_MAX_NUMBER = 1e30  # fits the stored float32

# What a JSONL line says of each response: in lists over the samples, and of the greedy response.
_COLUMNS = {
    "text": ("answers", "greedy_answer"),
    "finish_reason": ("finish_reasons", "greedy_finish_reason"),
    "entropy_kind": ("entropy_kinds", "greedy_entropy_kind"),
    "tokens": ("tokens", "greedy_tokens"),
    "token_logprobs": ("token_logprobs", "greedy_token_logprobs"),
    "token_entropies": ("token_entropies", "greedy_token_entropies"),
}
_TEXTS = ("question", "category", "answer_type", "prompt", "greedy_answer")
_ROW_SCHEMA = pa.schema(
    [
        ("question_id", pa.string()),
        ("question", pa.string()),
        ("sample_index", pa.int32()),
        ("text", pa.string()),
        ("finish_reason", pa.string()),
        ("n_tokens", pa.int32()),
        ("mean_token_entropy", pa.float64()),
        ("mean_logprob", pa.float64()),
        ("tokens", pa.list_(pa.string())),
        ("token_entropies", pa.list_(pa.float32())),
        ("token_logprobs", pa.list_(pa.float32())),
    ]
)
_FORMULA = re.compile(r"[=+\-@＝＋－＠\t\r\n]")  # what a spreadsheet takes for the start of one


def export_run(run: Run, format: Format, target: Path) -> Path:
    """Write a stored run as one file that other tools open; return `target`.

    `jsonl`: one line a question, with all its answers, tokens and numbers, and where it was scored its grade and its
    scores; `import_samples` reads it. `parquet`: one row a response, sample_index −1 for the greedy one; `n_tokens` and
    both means are those of the answer's own tokens, a column `cluster:<clusterer>` holds its label. `csv`: the same
    without the lists; a text that a spreadsheet would run as a formula gets an apostrophe in front. Undefined numbers
    and questions whose text is not on this machine are null.

    A file of that name is replaced, at once and as a whole. Raises `InvalidInput` for another format or a place that
    cannot hold a file, `HomogError` for a run without answers or a file that cannot be written.
    """
    if format not in get_args(Format):
        raise InvalidInput(f"There is no export format {format!r}; use one of {', '.join(get_args(Format))}.")
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"{target} cannot be written; name a file in a folder that exists.")
    if not run.sampled_ids():
        raise HomogError(f"Run {run.id} has no answers yet; sample it before it is exported.")
    with replacing(target, str(target)) as stream:
        if format == "jsonl":
            for line in _lines_of(run):
                stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        elif format == "parquet":
            pq.write_table(_table(run), stream, compression="zstd")
        else:
            _spreadsheet(run).to_csv(stream, mode="wb", index=False, quoting=csv.QUOTE_NONNUMERIC)
    return target


def import_samples(
    path: Path,
    model: str,
    dataset: str | None = None,
    decoding: Decoding | None = None,
    report: Report = lambda what, done, total: None,
) -> Run:
    """Store samples that were produced elsewhere as a run, which everything after sampling then works on.

    `.jsonl`: one line a question with `question` and `answers`; optionally the fields of our own question files,
    `prompt`, and what `export_run` writes of the responses; token_logprobs or token_entropies may be there alone, and
    the others are then stored as NaN. `.csv`: one row an answer with `question` and `answer`, and
    optionally the fields of our own question files and `sample_index` (−1: greedy). `dataset` is named after the file
    unless given. Of `decoding` the number of samples is the file's; what nobody knows stays at its default. Without a
    greedy answer the greedy response is an error, so that its scores are undefined.

    The same file under the same names and decoding is the same run, and an import that was interrupted is gone on with.
    Raises `NotFound` for a missing file, `InvalidInput` with the line for one that does not read, before anything is
    stored, and `HomogError` where the file changes meanwhile.
    """
    _check_file(path)
    model = _name(model, "model")
    dataset = _name(_slug(path.stem if dataset is None else dataset), "dataset")
    version = _version(path)
    with path.open("rb") as stream:
        revision = f"{IMPORTED}{hashlib.file_digest(stream, 'sha256').hexdigest()[:16]}"
    survey = _survey(_read(path, dataset), path.name)
    decoding = replace(decoding or Decoding(), n_samples=survey.n_samples)
    identity = _identity(survey.questions, model, revision, dataset, decoding)
    _check_unchanged(path, version)
    with write_run(identity, _provenance(path, survey.n_tokens), survey.questions) as writer:
        if len(writer.sampled) < len(survey.questions):
            # read again, since the answers of a large file are never held together
            sets = (sampled.response_set(model, decoding) for sampled in _unchanged(path, version, dataset))
            writer.append_many(_counted(sets, len(survey.questions), report))
        writer.merge()
        writer.update(status="complete")
        return writer.run


def import_upload(
    name: str,
    content: bytes | memoryview,
    model: str,
    dataset: str | None = None,
    decoding: Decoding | None = None,
    report: Report = lambda what, done, total: None,
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
        return import_samples(path, model, dataset, decoding, report)


# Out


def _lines_of(run: Run) -> Iterator[dict[str, Any]]:
    rows = dict(tuple(run.responses().groupby("question_id", sort=False)))
    model, decoding, scores = run.manifest.identity["model"], run.decoding, _scores(run)
    for question in run.questions().itertuples():
        if question.id in rows:
            answers = response_set(rows[question.id], question.prompt, model, decoding)
            yield {
                "id": question.id,
                "question": question.text or None,
                "references": list(question.references),
                "incorrect_references": list(question.incorrect_references),
                "category": question.category,
                "answer_type": question.answer_type,
                "prompt": question.prompt or None,
                **_columns(answers),
                **scores.get(question.id, {}),
            }


def _columns(answers: ResponseSet) -> dict[str, Any]:
    samples, greedy = [_plain(response) for response in answers.responses], _plain(answers.greedy)
    columns: dict[str, Any] = {}
    for name, (of_samples, of_greedy) in _COLUMNS.items():
        values = [sample[name] for sample in samples]
        columns |= {of_samples: None if None in values else values, of_greedy: greedy[name]}
    return columns


def _plain(response: Response) -> dict[str, Any]:
    return {
        "text": response.text,
        "finish_reason": response.finish_reason,
        "entropy_kind": response.entropy_kind,
        "tokens": list(response.tokens),
        # by way of text: the shortest decimals that are the same float32 again
        "token_logprobs": _known([_finite(float(number)) for number in response.token_logprobs.astype(str)]),
        "token_entropies": _known([_finite(float(number)) for number in response.token_entropies.astype(str)]),
    }


def _known(numbers: list[float | None]) -> list[float | None] | None:
    """None for numbers that were not given when the run was imported."""
    return None if numbers and set(numbers) == {None} else numbers


def _finite(value: Any) -> Any:
    """None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _scores(run: Run) -> dict[str, dict[str, Any]]:
    """The grade and the scores of every scored question, by its id."""
    table = run.table("scores")
    found = {}
    for row in [] if table is None else table.to_dict("records"):
        values = {name: _finite(value) for name, value in row.items()}
        verdict = {name: values.pop(name) for name in ("grade", "grade_policy") if name in values}
        found[values.pop("question_id")] = {**verdict, "scores": values}
    return found


def _frame(run: Run) -> pd.DataFrame:
    """One row a response, in the order of the questions, with the columns of `_ROW_SCHEMA` and one per clusterer."""
    questions = run.questions().rename(columns={"id": "question_id", "text": "question"})[["question_id", "question"]]
    frame = questions.assign(question=questions["question"].replace("", pd.NA)).merge(run.responses(), on="question_id")
    responses = [response_of(row) for row in frame.itertuples()]
    frame = frame.assign(
        n_tokens=[len(response.tokens[response.own_tokens]) for response in responses],
        mean_token_entropy=[mean_token_entropy(r.token_entropies[r.own_tokens]) for r in responses],
        mean_logprob=[mean_logprob(r.token_logprobs[r.own_tokens]) for r in responses],
    )[_ROW_SCHEMA.names]
    clusters = run.table("clusters")
    if clusters is None:
        return frame
    rows = ["question_id", "sample_index"]
    labels = clusters.pivot_table("label", index=rows, columns="clusterer", aggfunc="first")
    return frame.join(labels.astype("Int64").add_prefix("cluster:"), on=rows)


def _table(run: Run) -> pa.Table:
    frame = _frame(run)
    labels = [pa.field(name, pa.int64()) for name in frame.columns if name not in _ROW_SCHEMA.names]
    return pa.Table.from_pandas(frame, schema=pa.schema([*_ROW_SCHEMA, *labels]), preserve_index=False)


def _spreadsheet(run: Run) -> pd.DataFrame:
    """The frame for CSV. Answers are untrusted: none may run as a formula where somebody opens the file."""
    frame = _frame(run).drop(columns=["tokens", "token_entropies", "token_logprobs"])
    for name in ("question_id", "question", "text"):
        frame[name] = [f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in frame[name]]
    return frame


# In: the file


@dataclass(frozen=True, slots=True, eq=False)
class _Sampled:
    """What a file says of one question."""

    line: int
    question: Question
    prompt: str
    responses: tuple[Response, ...]
    greedy: Response

    def response_set(self, model: str, decoding: Decoding) -> ResponseSet:
        return ResponseSet(self.question.id, model, self.prompt, decoding, self.responses, self.greedy)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What of a checked file is known before anything of it is stored."""

    questions: list[tuple[Question, str]]  # with their prompts
    n_samples: int
    n_tokens: int


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder; give a .jsonl or .csv file.")
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    if not os.access(path, os.R_OK):
        raise InvalidInput(f"{path} may not be read by you; change its permissions.")
    if path.suffix.lower() not in (".jsonl", ".csv"):
        raise InvalidInput(f"{path.name} is neither a .jsonl nor a .csv file; name it after what it holds.")
    if (size := path.stat().st_size) > MAX_BYTES:
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


def _unchanged(path: Path, version: tuple[int, int, int], dataset: str) -> Iterator["_Sampled"]:
    for sampled in _read(path, dataset):
        _check_unchanged(path, version)
        yield sampled


def _counted(items: Iterable[Any], total: int, report: Report) -> Iterator[Any]:
    for number, item in enumerate(items, start=1):
        yield item
        report("Storing", number, total)


def _identity(
    questions: Sequence[tuple[Question, str]], model: str, revision: str, dataset: str, decoding: Decoding
) -> dict[str, Any]:
    """The same entries as those of a run that was sampled here."""
    prompts = {question.id: prompt for question, prompt in questions}
    return {
        "model": model,
        "revision": revision,
        "dtype": "unknown",
        "dataset": dataset,
        "question_ids_sha256": question_ids_sha256(question for question, _ in questions),
        "n_questions": len(questions),
        "decoding": asdict(decoding),
        "prompt_style": "unknown",
        "prompts_sha256": hashlib.sha256(json.dumps([prompts[key] for key in sorted(prompts)]).encode()).hexdigest(),
    }


def _provenance(path: Path, n_tokens: int) -> dict[str, Any]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": None,
        "packages": {},
        "device": "elsewhere",
        "source": path.name,  # no path: a manifest may be shared
        "family": "",
        "stage": None,
        "parent": None,
        "n_parameters": None,
        "wall_seconds": 0.0,
        "n_tokens": n_tokens,
        "status": "importing",
    }


def _survey(samples: Iterable[_Sampled], source: str) -> _Survey:
    """Check what only a whole file can show, and keep of it what is not answers."""
    questions, n_tokens = [], 0
    first: _Sampled | None = None
    by_id: dict[str, int] = {}
    by_text: dict[str, int] = {}
    for sampled in samples:
        where, question, n = f"{source}, line {sampled.line}", sampled.question, len(sampled.responses)
        if question.id in by_id:
            raise InvalidInput(f"{where}: the id {question.id!r} already stands in line {by_id[question.id]}.")
        if question.text in by_text:
            raise InvalidInput(f"{where}: the question already stands in line {by_text[question.text]}; keep one.")
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


def _read(path: Path, dataset: str) -> Iterator[_Sampled]:
    return (_read_csv if path.suffix.lower() == ".csv" else _read_jsonl)(path, dataset)


def _decoded(path: Path) -> Iterator[str]:
    """The lines of a text file, none of them longer than a machine can take."""
    with path.open("rb") as stream:
        for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
            if len(raw) > MAX_LINE:
                raise InvalidInput(f"{path.name}, line {number}: the line is longer than {MAX_LINE:,} bytes.")
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InvalidInput(f"{path.name}, line {number}: this is not UTF-8 text; save it as UTF-8.") from error


# In: JSONL


def _read_jsonl(path: Path, dataset: str) -> Iterator[_Sampled]:
    for number, line in enumerate(_decoded(path), start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # a ValueError: also a number of thousands of digits
            raise InvalidInput(f"{where}: this is not JSON ({getattr(error, 'msg', error)}).") from error
        if not isinstance(row, dict):
            raise InvalidInput(f"{where}: a line must be a JSON object, not {_kind(row)}.")
        yield _sampled(row, dataset, path.name, number)


def _sampled(row: dict[str, Any], dataset: str, source: str, line: int) -> _Sampled:
    where = f"{source}, line {line}"
    question = _question(row, "answers", dataset, source, line)
    answers = row["answers"]
    if not isinstance(answers, list):
        raise InvalidInput(f"{where}: `answers` must be a list of texts, not {_kind(answers)}.")
    if not 0 < len(answers) <= MAX_ANSWERS:
        raise InvalidInput(f"{where}: `answers` has {len(answers):,} entries; give 1 to {MAX_ANSWERS}.")
    columns = {name: _per_answer(row, of_samples, where) for name, (of_samples, _) in _COLUMNS.items()}
    responses = tuple(
        _response({name: column[i] for name, column in columns.items()}, f"{where}, answer {i + 1}")
        for i in range(len(answers))
    )
    prompt = row.get("prompt") or _prompt(question)
    return _Sampled(line, question, prompt, responses, _greedy(row, where))


def _question(row: dict[str, Any], answer_column: str, dataset: str, source: str, line: int) -> Question:
    """The question of a row, after a look at what a question file cannot get wrong."""
    where = f"{source}, line {line}"
    for name in ("question", answer_column):
        if name not in row:
            raise InvalidInput(f"{where}: there is no `{name}`; `question` and `{answer_column}` must be there.")
    for name in _TEXTS:
        if not isinstance(row.get(name), str | None) or (name == "question" and row[name] is None):
            raise InvalidInput(f"{where}: `{name}` must be a text, not {_kind(row[name])}.")
        _check_characters(row.get(name) or "", f"{where}, `{name}`")
    if type(row.get("id")) not in (str, int, type(None)):
        raise InvalidInput(f"{where}: `id` must be a text or a whole number, not {_kind(row['id'])}.")
    for name in ("id", "references", "incorrect_references"):
        values = row[name] if isinstance(row.get(name), list) else [row.get(name)]
        _check_characters("".join(value for value in values if isinstance(value, str)), f"{where}, `{name}`")
    if len(row["question"]) > MAX_CHARACTERS:
        raise InvalidInput(f"{where}: the question has {len(row['question']):,} characters; cut it.")
    return own_question(row, dataset, source, line)


def _per_answer(row: dict[str, Any], column: str, where: str) -> Sequence[Any]:
    """One entry an answer; None where the line does not have the column."""
    n, values = len(row["answers"]), row.get(column)
    if values is None:
        return [None] * n
    if not isinstance(values, list):
        raise InvalidInput(f"{where}: `{column}` must be a list with one entry per answer, not {_kind(values)}.")
    if len(values) != n:
        raise InvalidInput(f"{where}: `{column}` has {len(values)} entries for {n} answers; give one per answer.")
    if column != "answers" and None in values:
        raise InvalidInput(f"{where}: `{column}` has an entry that is null; give all of them or leave the field out.")
    return values


def _greedy(row: dict[str, Any], where: str) -> Response:
    fields = {name: row.get(of_greedy) for name, (_, of_greedy) in _COLUMNS.items()}
    if fields["text"] is not None:
        return _response(fields, f"{where}, greedy answer")
    for name, (_, of_greedy) in _COLUMNS.items():
        if fields[name] is not None:
            raise InvalidInput(f"{where}: there is a `{of_greedy}` without a `greedy_answer`; give both or neither.")
    return _response({"text": "", "finish_reason": "error"}, where)


def _response(fields: dict[str, Any], where: str) -> Response:
    """One response from what is known of it. Raises `InvalidInput` where that does not fit together."""
    text, tokens = _text(fields["text"], where), fields.get("tokens")
    logprobs, entropies = fields.get("token_logprobs"), fields.get("token_entropies")
    if tokens is not None and logprobs is None and entropies is None:
        raise InvalidInput(
            f"{where}: there are tokens and no numbers; give token_logprobs, token_entropies or both, or no tokens."
        )
    kind = _entropy_kind(fields.get("entropy_kind"), entropies, logprobs, where)
    logprobs = _numbers(logprobs, -_MAX_NUMBER, _MAX_LOGPROB, f"{where}, token_logprobs")
    entropies = _numbers(entropies, -_MAX_LOGPROB, _MAX_NUMBER, f"{where}, token_entropies")
    if fields.get("token_logprobs") is None:
        logprobs = np.full_like(entropies, math.nan)
    if fields.get("token_entropies") is None:
        entropies = np.full_like(logprobs, math.nan)
    tokens = _tokens([""] * len(logprobs) if tokens is None else tokens, where)
    if not len(tokens) == len(logprobs) == len(entropies):
        raise InvalidInput(
            f"{where}: there are {len(tokens)} tokens, {len(logprobs)} token_logprobs and {len(entropies)} "
            "token_entropies; give as many of each."
        )
    has_reasoning = strip_reasoning(text) != text.strip()
    if tokens and has_reasoning and not "".join(tokens).lstrip().startswith("<think>"):
        raise InvalidInput(
            f"{where}: the numbers of its reasoning cannot be told from its own; give the tokens as pieces of the text."
        )
    reason = _reason(fields.get("finish_reason"), where)
    if reason == "stop" and tokens and (fields.get("tokens") is None or _ends_with_the_answer(tokens, text)):
        reason = "unknown"  # the token that ended it was not given, so none is left out
    return Response(text, tokens, entropies, logprobs, reason, kind)


def _ends_with_the_answer(tokens: Sequence[str], text: str) -> bool:
    """Whether the last token belongs to the answer: servers differ in whether they return the one that ended it."""
    last = tokens[-1]
    return bool(last.strip()) and last == last.rstrip() and "".join(tokens).strip() == text.strip()


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: this must be a text, not {_kind(value)}.")
    if len(value) > MAX_CHARACTERS:
        raise InvalidInput(f"{where}: it has {len(value):,} characters and the limit is {MAX_CHARACTERS:,}; cut it.")
    _check_characters(value, where)
    return value


def _tokens(values: Any, where: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{where}: its tokens must be a list of texts.")
    _check_characters("".join(values), f"{where}, tokens")
    return tuple(values)


def _numbers(values: Any, low: float, high: float, where: str) -> np.ndarray:
    values = [] if values is None else values
    if not isinstance(values, list):
        raise InvalidInput(f"{where}: this must be a list of numbers, not {_kind(values)}.")
    for position, value in enumerate(values, start=1):
        if type(value) not in (int, float):
            raise InvalidInput(f"{where}: number {position} is {_kind(value)}; every token needs a number.")
        if not low <= value <= high:  # NaN is in no interval
            bound = "a log-probability is at most 0" if high < 1 else "an entropy is at least 0"
            raise InvalidInput(f"{where}: number {position} is {str(value)[:24]}; {bound}, and finite.")
    return np.array(values, dtype=np.float32)


def _reason(value: Any, where: str) -> FinishReason:
    value = "unknown" if value is None else value
    if value not in get_args(FinishReason):
        known = ", ".join(get_args(FinishReason))
        raise InvalidInput(f"{where}: its finish reason is not one of {known}; give one of them or leave it out.")
    return value


def _entropy_kind(value: Any, entropies: Any, logprobs: Any, where: str) -> str:
    """What is said of the entropies; "none" where there are log-probabilities alone."""
    has_none = entropies is None and logprobs is not None
    value = ("none" if has_none else "exact") if value is None else value
    if not isinstance(value, str) or not re.fullmatch(r"exact|none|top_k:[1-9]\d{0,8}", value):
        raise InvalidInput(
            f"{where}: its entropy kind is neither 'exact' nor 'top_k:<k>', as in 'top_k:20', nor 'none'."
        )
    if (value == "none" and entropies) or (value != "none" and has_none):
        raise InvalidInput(
            f"{where}: its entropy kind is {value!r} and token_entropies are {'' if entropies else 'not '}"
            "there; leave the kind out."
        )
    return value


def _check_characters(text: str, where: str) -> None:
    if "\0" in text:
        raise InvalidInput(f"{where}: it holds a null character; take that out.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{where}: it holds half of a surrogate pair; write the whole character.") from error


def _prompt(question: Question) -> str:
    return build_prompt(question.text, "plain", None).text


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


# In: CSV


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one question."""

    line: int  # of the first
    question: Question
    answers: dict[int, Response] = field(default_factory=dict)  # by sample index


def _read_csv(path: Path, dataset: str) -> Iterator[_Sampled]:
    """The questions of a CSV file. Its rows may come in any order, so its answers (texts alone) are held together."""
    groups: dict[str, _Group] = {}
    for line, row in _csv_rows(path):
        where = f"{path.name}, line {line}"
        question = _question(row, "answer", dataset, path.name, line)
        group = groups.setdefault(question.id, _Group(line, question))
        if question.text != group.question.text:
            raise InvalidInput(f"{where}: the id {question.id!r} stands for another question in line {group.line}.")
        if question != group.question:
            raise InvalidInput(
                f"{where}: references, category or answer_type of the question are not those of line {group.line}; "
                "repeat them in every row."
            )
        index = _sample_index(row.get("sample_index"), len(group.answers), where)
        if index in group.answers:
            raise InvalidInput(f"{where}: sample {index} of question {question.id!r} is there twice.")
        group.answers[index] = _response({"text": row["answer"]}, f"{where}, answer")
    for group in groups.values():
        yield _grouped(group, f"{path.name}, line {group.line}")


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(MAX_LINE)
    reader = csv.DictReader(_decoded(path), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                n_columns = len(reader.fieldnames)
                raise InvalidInput(
                    f"{path.name}, line {reader.line_num}: the row does not have the {n_columns} columns of the header."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise InvalidInput(f"{path.name}, line {reader.reader.line_num}: {error}.") from error


def _sample_index(cell: str | None, n_before: int, where: str) -> int:
    """The index of a row; without that column its place among the rows of its question."""
    if cell is None:
        return n_before
    if not re.fullmatch(r"-1|\d{1,6}", cell.strip()):
        raise InvalidInput(f"{where}: the sample_index is {cell[:24]!r}; give 0, 1, …, or -1 for the greedy answer.")
    return int(cell)


def _grouped(group: _Group, where: str) -> _Sampled:
    indices = sorted(index for index in group.answers if index != GREEDY)
    if not indices:
        raise InvalidInput(f"{where}: question {group.question.id!r} has a greedy answer and no sample; give one.")
    if indices != list(range(len(indices))):
        raise InvalidInput(
            f"{where}: question {group.question.id!r} has {len(indices)} samples and the last is number {indices[-1]}; "
            "number them 0, 1, … without gaps."
        )
    greedy = group.answers.get(GREEDY) or _response({"text": "", "finish_reason": "error"}, where)
    responses = tuple(group.answers[index] for index in indices)
    return _Sampled(group.line, group.question, _prompt(group.question), responses, greedy)
