"""One row an answer → one record a question. The rows of a question may stand anywhere in the file."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY
from homog_core.runs.importers.notes import Notes, Record
from homog_core.runs.rows import MAX_UNPACKED

# What a row says of its answer, and the list and the greedy field of our own JSONL that it goes to.
PER_ANSWER = {
    "answer": ("answers", "greedy_answer"),
    "finish_reason": ("finish_reasons", "greedy_finish_reason"),
    "entropy_kind": ("entropy_kinds", "greedy_entropy_kind"),
    "tokens": ("tokens", "greedy_tokens"),
    "token_logprobs": ("token_logprobs", "greedy_token_logprobs"),
    "token_entropies": ("token_entropies", "greedy_token_entropies"),
    "sample_index": ("sample_index", "sample_index"),
}
_QUESTION = ("id", "question", "prompt")
_ABOUT = ("references", "incorrect_references", "category", "answer_type")


@dataclass(slots=True)
class _Group:
    """The rows of one question."""

    where: str  # of the first
    fields: dict[str, Any]
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # by sample index
    unnumbered: list[dict[str, Any]] = field(default_factory=list)


def grouped(records: Iterator[Record], notes: Notes) -> Iterator[Record]:
    """One record a question; its answers in the order of `sample_index`, then of the file. −1 is the greedy one."""
    kept = list(_bounded(records))
    names = _QUESTION if _ids_are_of_questions(kept, notes) else _QUESTION[1:]
    groups: dict[tuple[str, ...], _Group] = {}
    for where, row in kept:
        if "answer" not in row:
            raise InvalidInput(f"{where}: there is no `answer`; it must be there, or name the column that holds it.")
        if not row.get("question"):
            notes.left_out(InvalidInput(f"{where}: the question is empty."))
            continue
        key = tuple(str(row.get(name) or "").strip() for name in names)
        group = groups.setdefault(key, _Group(where, {name: row.get(name) for name in (*names, *_ABOUT)}))
        _note_differences(group, row, where, notes)
        _put(group, row, where, notes)
    for group in groups.values():
        yield Record(group.where, _fields(group))


def _bounded(records: Iterator[Record]) -> Iterator[Record]:
    size = 0
    for where, row in records:
        size += sum(len(value) for value in row.values() if isinstance(value, str))
        if size > MAX_UNPACKED:
            raise InvalidInput(
                f"{where}: the file unpacks to more than {MAX_UNPACKED:,} characters; import it in parts."
            )
        yield Record(where, row)


def _ids_are_of_questions(kept: Sequence[Record], notes: Notes) -> bool:
    """Whether the ids group the rows; where each row has another and questions come again, they number the rows."""
    ids = [str(row.get("id")) for _, row in kept if row.get("id") not in (None, "")]
    questions = {(str(row.get("question")), str(row.get("prompt"))) for _, row in kept}
    if len(ids) > 1 and len(set(ids)) == len(kept) > len(questions):
        notes.add("ids that number the answers, not the questions: not read", kept[0].where, len(ids))
        return False
    return True


def _note_differences(group: _Group, row: dict[str, Any], where: str, notes: Notes) -> None:
    for name in _ABOUT:
        if group.fields[name] in (None, ""):
            group.fields[name] = row.get(name)
        elif row.get(name) not in (None, "", group.fields[name]):
            notes.add(f"`{name}` that differs between rows of a question: the first one counts", where)


def _put(group: _Group, row: dict[str, Any], where: str, notes: Notes) -> None:
    answer = {name: row[name] for name in PER_ANSWER if name in row and name != "sample_index"}
    index = row.get("sample_index")
    if index in (None, ""):
        group.unnumbered.append(answer)
    elif not re.fullmatch(r"-1|\d{1,6}", str(index).strip()):
        notes.add(
            "sample indices that are none: their answers come last",
            f"{where}, `sample_index`: it is {str(index)[:24]!r}; give 0, 1, …, or -1 for the greedy answer",
        )
        group.unnumbered.append(answer)
    elif int(index) in group.answers:
        notes.add("answers whose sample index came before, left out", f"{where}: sample {index} is there twice")
    else:
        group.answers[int(index)] = answer


def _fields(group: _Group) -> dict[str, Any]:
    samples = [group.answers[i] for i in sorted(group.answers.keys() - {GREEDY})] + group.unnumbered
    fields = dict(group.fields)
    for name, (of_samples, of_greedy) in PER_ANSWER.items():
        if name == "sample_index":
            continue
        if any(answer.get(name) not in (None, "") for answer in samples) or name == "answer":
            fields[of_samples] = [answer.get(name) for answer in samples]
        if GREEDY in group.answers:
            fields[of_greedy] = group.answers[GREEDY].get(name)
    return fields
