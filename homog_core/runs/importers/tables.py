"""Any table with answers → records in our own fields: lists in a column, or one row an answer. Columns are guessed.

A guess is noted, and whoever imports can name the columns instead. Our own JSONL and CSV are tables too.
"""

import ast
import json
import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import Any, NamedTuple

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY, Decoding
from homog_core.runs.importers.conversations import as_question
from homog_core.runs.importers.grouped import PER_ANSWER, grouped
from homog_core.runs.importers.jsonl import EXPORTED, FIELDS
from homog_core.runs.importers.notes import About, Notes, Record
from homog_core.runs.importers.sources import FORMATS
from homog_core.runs.importers.templates import question_in

EXAMPLE_CSV = """\
question,answer
Which planet is red?,Mars.
Which planet is red?,It is Mars.
"""
_QUESTIONS = ("question", "instruction", "query", "problem", "input_text", "input_texts", "input")
_LISTS = (
    "answers", "responses", "generations", "outputs", "sampled_responses", "samples", "completions", "predictions",
    "sample_texts",
)  # fmt: skip
_SINGLE = ("answer", "response", "output", "text", "generation", "completion", "generated_text", "prediction")
_OTHERS = {
    "question_id": "id", "qid": "id", "reference": "references", "reference_answers": "references",
    "correct_answers": "references", "gold": "references", "ground_truth": "references", "target": "references",
    "generator": "model", "greedy_texts": "greedy_answer", "target_texts": "references",
}  # fmt: skip
_DRAWN = {
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_new_tokens": "max_new_tokens",
    "max_tokens": "max_new_tokens",
}  # fmt: skip
_NUMBERED = re.compile(r"(?:answer|response|generation|output|sample|completion)_?(\d{1,3})")
_OUR_CSV = {"question_id", "sample_index", "text", "n_tokens", "mean_token_entropy", "mean_logprob"}
_FORMULA = re.compile(r"'(?=[=+\-@＝＋－＠\t\r\n])")  # the apostrophe that `export` puts before one in CSV
_MAX_LITERAL = 1 << 20  # characters of a list in Python's own notation
_LOOK = 50  # rows that a guess looks at
_SHOWN = 40
_CALL_IT = {  # what to do where a column is not found, on the page and on the command line
    "question": "Call the column `question`, or name it on the command line (--column question",
    "answers": "Call the column `answer`, or `answers` if it holds lists, or name it on the command line "
    "(--column answer",
}
_GUESSED = 60  # names of which it is guessed what they were meant for; a row may have hundreds of thousands


class Columns(NamedTuple):
    """Which column is what."""

    own: dict[str, str]  # column → our own field
    drawn: dict[str, str]  # column → the field of `Decoding` that it says
    numbered: tuple[str, ...]  # columns with one answer each, in their order
    lists: bool  # whether a row has all answers to a question; otherwise it has one
    escaped: bool  # whether it is our own CSV, in which an apostrophe stands before what looks like a formula


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a question."""
    records = (_older(as_question(record, notes)) for record in records)
    head = list(islice(records, _LOOK))
    columns = _columns(head, about, notes)
    rows = _of_one_decoding(chain(head, records), columns, _wanted(head, columns, about), notes)
    renamed = _renamed(rows, columns, about, notes)
    return renamed if columns.lists else grouped(renamed, notes)


def _columns(head: Sequence[Record], about: About, notes: Notes) -> Columns:
    names = {str(name): _plain(str(name)) for record in head for name in record.fields}
    own = {name: plain for name, plain in names.items() if plain in (*FIELDS, *PER_ANSWER, "model", *EXPORTED)}
    own |= {
        name: _OTHERS[plain] for name, plain in names.items() if plain in _OTHERS and _OTHERS[plain] not in own.values()
    }
    if "question" not in own.values():
        by_rank = sorted((_QUESTIONS.index(plain), name) for name, plain in names.items() if plain in _QUESTIONS)
        own |= {name: "question" for _, name in by_rank[:1]}
    for field, column in about.columns.items():
        if field not in (*FIELDS, "answer", "model"):
            raise InvalidInput(f"There is no field {field!r}; name columns for {', '.join(FIELDS)}, answer or model.")
        if column not in names:
            raise InvalidInput(f"{head[0].where}: there is no column {column!r}; there are {', '.join(names)}.")
        own = {name: to for name, to in own.items() if to != field and name != column} | {column: field}
    answers, is_list = _answer_column(head, names, own)
    numbered = _numbered(names) if answers is None else ()
    if answers is not None:
        if is_list and names[answers] == "sampled_responses":
            own |= {name: "greedy_answer" for name, plain in names.items() if plain == "response"}
        own = {name: to for name, to in own.items() if to not in ("answers", "answer")}
        own[answers] = "answers" if is_list else "answer"
    for name, field in own.items():
        if name != field:
            notes.add(f"the column `{name[:_SHOWN]}` is read as `{field}`", head[0].where)
    if numbered:
        notes.add(
            f"the columns `{numbered[0][:_SHOWN]}` to `{numbered[-1][:_SHOWN]}` are read as `answers`", head[0].where
        )
    _check_found(head, own | dict.fromkeys(numbered, "answers"))
    drawn = {name: _DRAWN[plain] for name, plain in names.items() if plain in _DRAWN and name not in own}
    _note_unread(head, {n: plain for n, plain in names.items() if n not in {*drawn, *numbered}}, own, notes)
    is_our_csv = set(names.values()) >= _OUR_CSV and "tokens" not in names.values()
    return Columns(own, drawn, numbered, is_list or bool(numbered), is_our_csv)


def _numbered(names: dict[str, str]) -> tuple[str, ...]:
    """The columns `answer_1`, `answer_2` … of a table with a row a question; () where there are not at least two."""
    found = {name: int(match[1]) for name, plain in names.items() if (match := _NUMBERED.fullmatch(plain))}
    return tuple(sorted(found, key=found.get)) if len(found) > 1 else ()


def _wanted(head: Sequence[Record], columns: Columns, about: About) -> dict[str, Any]:
    """How the answers were drawn that are read: as a person says where a row has that, else as the first row says.

    What no sample can be drawn with does not count: a row at temperature 0 is a greedy answer among the samples.
    """
    wanted: dict[str, Any] = {}
    for name, field in columns.drawn.items():
        found = [value for record in head if (value := _number(record.fields.get(name))) is not None]
        said = [value for value in found if _can_be(field, value)] or found
        if said:
            named = getattr(about, field)
            wanted.setdefault(field, named if named in said else said[0])
    return wanted


def _can_be(field: str, value: float) -> bool:
    """Whether samples can be drawn so."""
    try:
        Decoding(**{field: value})
    except InvalidInput:
        return False
    return True


def _of_one_decoding(
    records: Iterator[Record], columns: Columns, wanted: dict[str, Any], notes: Notes
) -> Iterator[Record]:
    """The rows whose answers were drawn as `wanted`, that do not say how, or that are greedy. The others are noted."""
    index = next((name for name, field in columns.own.items() if field == "sample_index"), None)
    for name, value in wanted.items():
        notes.say(name, value)
    for record in records:
        said = {field: _number(record.fields.get(name)) for name, field in columns.drawn.items()}
        for name, field in columns.drawn.items():
            if said[field] is None and record.fields.get(name) not in (None, ""):
                notes.add(
                    f"`{field}` that is no number, left out", f"{record.where}: {str(record.fields[name])[:40]!r}"
                )
        if _number(record.fields.get(index)) == GREEDY:
            said = {}
        other = next((name for name, value in said.items() if value not in (None, wanted.get(name, value))), None)
        if other is None:
            yield record
        else:
            notes.add(
                f"answers with another `{other}` than {wanted[other]}, left out; import them as a run of their own",
                f"{record.where}: it is {said[other]}",
            )


def _number(value: Any) -> float | int | None:
    """A number, also one in a cell of CSV, with a decimal comma too; None for what is none."""
    if isinstance(value, str) and len(value) < _SHOWN:
        try:
            value = json.loads(re.sub(r"(?<=\d),(?=\d+\Z)", ".", value.strip()))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value


def _answer_column(head: Sequence[Record], names: dict[str, str], own: dict[str, str]) -> tuple[str | None, bool]:
    """The column that holds the answers, and whether as lists."""

    def holds_lists(name: str) -> bool:
        return any(as_list(record.fields.get(name)) is not None for record in head)

    named = [name for name, field in own.items() if field in ("answers", "answer") and name != field]
    taken = {name for name, field in own.items() if field not in ("answers", "answer", *PER_ANSWER)}
    free = {plain: name for name, plain in names.items() if name not in taken}
    order = [*named, *(free[plain] for plain in (*_LISTS, *_SINGLE) if plain in free)]
    lists = next((name for name in order if holds_lists(name)), None)
    return (lists, True) if lists is not None else (next(iter(order), None), "answers" in names.values())


def _note_unread(head: Sequence[Record], names: dict[str, str], own: dict[str, str], notes: Notes) -> None:
    if set(names.values()) >= _OUR_CSV:
        names = {n: plain for n, plain in names.items() if plain not in _OUR_CSV and not plain.startswith("cluster:")}
    unread = (
        (name, plain)
        for name, plain in names.items()
        if name not in own and (plain or any(record.fields.get(name) for record in head))  # no empty column
    )
    for number, (name, plain) in enumerate(unread):
        near = _nearest(plain[:_SHOWN], own.values()) if number < _GUESSED else None
        remedy = f"; did you mean `{near}`?" if near else ""
        first = next(record for record in head if name in record.fields)
        notes.add(f"{name[:_SHOWN]!r} is not a field that an import reads{remedy}", first.where)


def _nearest(name: str, taken: Collection[str]) -> str | None:
    """The field that a column may have been meant for."""
    fields = (*FIELDS, *_DRAWN) if "answers" in taken else (*FIELDS, *_DRAWN, "answer")
    begun = [field for field in fields if field.startswith(name) and len(name) > 2]
    found = get_close_matches(name, fields, n=1, cutoff=0.8) or begun or get_close_matches(name, fields, n=1)
    return next(iter(found), None)


def _check_found(head: Sequence[Record], own: dict[str, str]) -> None:
    """Raise `InvalidInput` for a table in which neither a guess nor a person has found what must be there."""
    found = {field for name, field in own.items() if any(name in record.fields for record in head)}
    missing = [] if found & {"question", "prompt"} else ["question"]
    missing += [] if found & {"answers", "answer"} else ["answers"]
    if missing:
        names = list(dict.fromkeys(str(name)[:_SHOWN] for record in head for name in record.fields))
        meant = {name: _nearest(_plain(name), found) or "" for name in names[:_GUESSED]}
        near = [f"`{name}`" for name, field in meant.items() if field.startswith(missing[0][:6])]
        guess = f"; is it {near[0]}?" if near else "."
        raise InvalidInput(
            f"{head[0].where}: there is no `{missing[0]}` among {', '.join(map(repr, names[:12]))}{guess} "
            f"{_CALL_IT[missing[0]]}=COLUMN); or give one of: {FORMATS}."
        )


def _renamed(records: Iterator[Record], columns: Columns, about: About, notes: Notes) -> Iterator[Record]:
    for where, row in records:
        fields: dict[str, Any] = {}
        for name, value in row.items():
            field = columns.own.get(str(name))
            if field is not None and field not in EXPORTED and fields.get(field) is None:
                fields[field] = _unescaped(value) if columns.escaped else value
        model = fields.pop("model", None)
        if isinstance(model, str) and model:
            if about.rows_of is not None and model != about.rows_of:
                continue
            notes.models[model] = None
        if columns.numbered:
            fields["answers"] = _without_empty_end([row.get(name) for name in columns.numbered])
        elif columns.lists and (found := as_list(fields.get("answers"))) is not None:
            fields |= _entries(found)
        for name in ("references", "incorrect_references"):
            if isinstance(references := fields.get(name), str) and references.lstrip().startswith("["):
                fields[name] = as_list(references) or references
        if fields.get("question") is None and isinstance(fields.get("prompt"), str):
            fields["question"] = question_in(fields["prompt"])
        yield Record(where, fields)


def _without_empty_end(answers: list[Any]) -> list[Any]:
    """The answers of a row of a spreadsheet, in which a question with fewer of them ends in empty cells."""
    last = max((i for i, answer in enumerate(answers) if answer not in (None, "")), default=-1)
    return answers[: last + 1]


def _unescaped(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and _FORMULA.match(value) else value


def as_list(value: Any) -> list[Any] | None:
    """A list, also one that a cell of CSV or an object's `text` holds; None for what is none."""
    if isinstance(value, dict):
        value = value.get("text")
    if isinstance(value, str) and value.lstrip().startswith("["):
        # Neither runs anything; the second takes a hundred times the memory of the text.
        for parse in (json.loads, ast.literal_eval) if len(value) <= _MAX_LITERAL else (json.loads,):
            try:
                value = parse(value.strip())
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    return value if isinstance(value, list) else None


def _entries(answers: list[Any]) -> dict[str, Any]:
    """The answers; the older repositories wrote each as a list of its text and its log-probabilities."""
    if not answers or not all(isinstance(one, list) and one and isinstance(one[0], str) for one in answers):
        return {"answers": answers}
    numbers = [one[1] if len(one) > 1 and isinstance(one[1], list) else None for one in answers]
    return {"answers": [one[0] for one in answers], "token_logprobs": numbers}


def _older(record: Record) -> Record:
    """A record of the older uncertainty repositories with its likeliest answer and its references as our own."""
    row, likeliest = record.fields, record.fields.get("most_likely_answer")
    found = {"references": as_list(r["answers"])} if _has(r := row.get("reference"), "answers") else {}
    if _has(likeliest, "response"):
        found["greedy_answer"] = likeliest["response"]
        found["greedy_token_logprobs"] = likeliest.get("token_log_likelihoods")
    kept = {name: value for name, value in row.items() if name not in ("most_likely_answer", "reference")}
    return Record(record.where, kept | found) if found else record


def _has(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
