"""A stored run → one file that other tools open: JSONL, Parquet or CSV. What is stored is not changed."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from homog_core.errors import HomogError, InvalidInput
from homog_core.files import replacing
from homog_core.measures.uncertainty import mean_logprob, mean_token_entropy
from homog_core.records import GREEDY, Response, ResponseSet
from homog_core.runs.importers.jsonl import RESPONSE_FIELDS
from homog_core.runs.spreadsheet import csv_bytes
from homog_core.runs.store import Run, require_answers
from homog_core.runs.tables import response_of, response_set

_REFERENCES = ("references", "incorrect_references")
Format = Literal["parquet", "jsonl", "csv"]
_ROW_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("question_id", pa.string()),
        ("question", pa.string()),
        ("references", pa.list_(pa.string())),
        ("incorrect_references", pa.list_(pa.string())),
        ("category", pa.string()),
        ("sample_index", pa.int32()),
        ("text", pa.string()),
        ("finish_reason", pa.string()),
        ("grade", pa.string()),
        ("n_tokens", pa.int32()),
        ("mean_token_entropy", pa.float64()),
        ("mean_logprob", pa.float64()),
        ("tokens", pa.list_(pa.string())),
        ("token_entropies", pa.list_(pa.float32())),
        ("token_logprobs", pa.list_(pa.float32())),
    ]
)


def export_run(run: Run, format: Format, target: Path) -> Path:
    """Write a stored run as one file that other tools open; return `target`.

    `jsonl`: one line a question, with all its answers, tokens and numbers, and where it was scored the grades of its
    answers and its scores; `import_samples` reads it. `parquet`: one row a response, sample_index −1 for the greedy one
    where an import had one; `n_tokens` and both means are those of the answer's own tokens, a column
    `cluster:<clusterer>` holds its label. `csv`: the same without the tokens, references as JSON; a text that a
    spreadsheet would run as a formula gets an apostrophe in front. Undefined numbers, numbers of tokens that nobody
    gave and questions whose text is not on this machine are null.

    A file of that name is replaced, at once and as a whole. Raises `InvalidInput` for another format or a place that
    cannot hold a file, `HomogError` for a run without answers or a file that cannot be written.
    """
    if format not in get_args(Format):
        raise InvalidInput(f"There is no export format {format!r}; use one of {', '.join(get_args(Format))}.")
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"{target} cannot be written; name a file in a folder that exists.")
    require_answers(run)
    if not run.sampled_ids():
        raise HomogError(f"Run {run.id} has no answers yet; sample it before it is exported.")
    with replacing(target, str(target)) as stream:
        if format == "jsonl":
            for line in _lines_of(run):
                stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        elif format == "parquet":
            pq.write_table(_table(run), stream, compression="zstd")
        else:
            frame = _frame(run).drop(columns=["tokens", "token_entropies", "token_logprobs"])
            stream.write(csv_bytes(frame.assign(**{name: frame[name].map(_as_json) for name in _REFERENCES})))
    return target


def _lines_of(run: Run) -> Iterator[dict[str, Any]]:
    rows = dict(tuple(run.responses().groupby("question_id", sort=False)))
    model, decoding, scores, grades = run.identity.model, run.decoding, _scores(run), _sample_grades(run)
    for question in run.questions().itertuples():
        if question.id in rows:
            answers = response_set(rows[question.id].itertuples(), question.prompt, model, decoding, run.leftovers)
            yield {
                "model": model,
                "id": question.id,
                "question": question.text or None,
                "references": list(question.references),
                "incorrect_references": list(question.incorrect_references),
                "category": question.category,
                "answer_type": question.answer_type,
                "prompt": question.prompt or None,
                **_columns(answers),
                **scores.get(question.id, {}),
                **({"sample_grades": grades[question.id]} if question.id in grades else {}),
            }


def _columns(answers: ResponseSet) -> dict[str, Any]:
    samples, greedy = [_plain(response) for response in answers.responses], _plain(answers.greedy)
    columns: dict[str, Any] = {}
    for name, (of_samples, of_greedy) in RESPONSE_FIELDS.items():
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


def _sample_grades(run: Run) -> dict[str, list[str]]:
    """The grades of the sampled answers of every graded question in their order, by its id."""
    table = run.table("grades")
    if table is None:
        return {}
    by_question = table.sort_values("sample_index").groupby("question_id", sort=False)["grade"]
    return by_question.agg(list).to_dict()


def _grades(run: Run) -> pd.DataFrame:
    """question_id, sample_index and grade of all graded answers, the greedy ones included."""
    columns = ["question_id", "sample_index", "grade"]
    samples, scores = run.table("grades"), run.table("scores")
    found = [samples[columns]] if samples is not None else []
    found += [scores.assign(sample_index=GREEDY)[columns]] if scores is not None and "grade" in scores else []
    return pd.concat(found) if found else pd.DataFrame(columns=columns).astype({"sample_index": int})


def _as_json(references: Sequence[str]) -> str | None:
    """References in a cell of CSV, where one may hold any sign; None where there are none."""
    return json.dumps(list(references), ensure_ascii=False) if len(references) else None


def _frame(run: Run) -> pd.DataFrame:
    """One row a response, in the order of the questions, with the columns of `_ROW_SCHEMA` and one per clusterer."""
    questions = run.questions().rename(columns={"id": "question_id", "text": "question"})
    questions = questions[["question_id", "question", *_REFERENCES, "category"]]
    frame = questions.assign(question=questions["question"].replace("", pd.NA)).merge(run.responses(), on="question_id")
    if run.is_imported:  # a greedy answer that the file did not have is stored as an error
        frame = frame[(frame["sample_index"] != GREEDY) | (frame["finish_reason"] != "error") | (frame["text"] != "")]
    frame = frame.merge(_grades(run), on=["question_id", "sample_index"], how="left")
    responses = [response_of(row, run.leftovers) for row in frame.itertuples()]
    frame = frame.assign(
        model=run.identity.model,
        n_tokens=pd.array([_n_tokens(response) for response in responses], dtype="Int64"),
        mean_token_entropy=[mean_token_entropy(r.token_entropies[r.own_tokens]) for r in responses],
        mean_logprob=[mean_logprob(r.token_logprobs[r.own_tokens]) for r in responses],
    )[_ROW_SCHEMA.names]
    clusters = run.table("clusters")
    if clusters is None:
        return frame
    rows = ["question_id", "sample_index"]
    labels = clusters.pivot_table("label", index=rows, columns="clusterer", aggfunc="first")
    return frame.join(labels.astype("Int64").add_prefix("cluster:"), on=rows)


def _n_tokens(response: Response) -> int | None:
    """How many tokens an answer has; None where it has a text and nobody gave its tokens."""
    return None if response.text and not len(response.tokens) else len(response.tokens[response.own_tokens])


def _table(run: Run) -> pa.Table:
    frame = _frame(run)
    labels = [pa.field(name, pa.int64()) for name in frame.columns if name not in _ROW_SCHEMA.names]
    return pa.Table.from_pandas(frame, schema=pa.schema([*_ROW_SCHEMA, *labels]), preserve_index=False)
