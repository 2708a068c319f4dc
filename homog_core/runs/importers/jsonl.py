"""Our own JSONL: one line a question, with all its answers and what is known of them. `export` writes the same.

Every other format is first put into these fields.
"""

from collections.abc import Sequence
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.records import Response
from homog_core.runs.dataset_formats import own_question
from homog_core.runs.importers import repairs
from homog_core.runs.importers.fields import QuestionRow, checked
from homog_core.runs.importers.notes import Notes, Record
from homog_core.runs.importers.responses import MAX_ANSWERS, Sampled, no_greedy, prompt_for, response_from
from homog_core.runs.rows import kind_of

EXAMPLE_JSONL = """\
{"question": "Which planet is red?", "answers": ["Mars.", "It is Mars.", "Venus."], "greedy_answer": "Mars."}
{"question": "How many legs has a spider?", "answers": ["Eight.", "8", "Six."], "references": ["eight", "8"]}
"""

# What a line says of each response: in lists over the samples, and of the greedy response.
RESPONSE_FIELDS = {
    "text": ("answers", "greedy_answer"),
    "finish_reason": ("finish_reasons", "greedy_finish_reason"),
    "entropy_kind": ("entropy_kinds", "greedy_entropy_kind"),
    "tokens": ("tokens", "greedy_tokens"),
    "token_logprobs": ("token_logprobs", "greedy_token_logprobs"),
    "token_entropies": ("token_entropies", "greedy_token_entropies"),
}
FIELDS = (*QuestionRow.model_fields, *(name for pair in RESPONSE_FIELDS.values() for name in pair))
EXPORTED = ("grade", "grade_policy", "sample_grades", "scores")  # what `export` writes and scoring computes again
_FENCE = "```"
_SHORTEST_PROMPT = 8  # characters of one that is looked for at the beginning of answers


def sampled(record: Record, dataset: str, notes: Notes) -> Sampled:
    """What a record in our own fields says of its question.

    Raises `InvalidInput` for one without a question or a list of answers. Whatever else is wrong is noted and counts
    as missing.
    """
    where, row = record
    said = checked(row, where, notes)
    known = {name: row[name] for name in said.model_fields_set if getattr(said, name) is not None}
    question = own_question(known, dataset, where)
    answers = row.get("answers")
    if answers is None and "answers" not in row:
        raise InvalidInput(f"{where}: there is no `answers`; it must be there, or name the column that holds them.")
    if not isinstance(answers, list):
        raise InvalidInput(f"{where}, `answers`: it must be a list, not {kind_of(answers)}.")
    prompt = said.prompt or prompt_for(question)
    if len(answers) > MAX_ANSWERS:
        notes.add(
            f"questions with more than {MAX_ANSWERS} answers, of which so many are kept", f"{where}: {len(answers):,}"
        )
    row = _without_prompt(row, (prompt, question.text), where, notes)
    answers = row["answers"]
    columns = {"text": answers} | _columns(row, len(answers), where, notes)
    has_fence = prompt.rstrip().endswith(_FENCE)
    responses = tuple(
        _response({name: column[i] for name, column in columns.items()}, has_fence, f"{where}, answer {i + 1}", notes)
        for i in range(min(len(answers), MAX_ANSWERS))
    )
    return Sampled(where, question, prompt, responses, _greedy(row, has_fence, where, notes))


def _without_prompt(row: dict[str, Any], prompts: Sequence[str], where: str, notes: Notes) -> dict[str, Any]:
    """The row; where every answer begins with the prompt, as pipelines return it unless told otherwise, without it.

    Answers that are null say nothing about that. The greedy answer came the same way as the others.
    """
    texts = [answer for answer in row["answers"] if answer is not None]
    for prompt in prompts if texts else ():
        if len(prompt) >= _SHORTEST_PROMPT and all(isinstance(a, str) and a.startswith(prompt) for a in texts):
            notes.add("answers that all begin with their prompt, which is taken out", where, len(texts))
            answers = [answer and answer[len(prompt) :] for answer in row["answers"]]
            greedy = row.get("greedy_answer")
            rest = {"greedy_answer": greedy.removeprefix(prompt)} if isinstance(greedy, str) else {}
            return {**row, "answers": answers, **rest}
    return row


def _columns(row: dict[str, Any], n: int, where: str, notes: Notes) -> dict[str, list[Any]]:
    """What is said of the samples beside their text, by name of the response's field; only what is there."""
    columns = {}
    for name, (of_samples, _) in RESPONSE_FIELDS.items():
        values = row.get(of_samples)
        if values is None or name == "text":
            continue
        if isinstance(values, list) and len(values) == n:
            columns[name] = values
            continue
        said = f"has {len(values)} entries for {n} answers" if isinstance(values, list) else f"is {kind_of(values)}"
        notes.add(f"`{of_samples}` without one entry per answer, left out", f"{where}, `{of_samples}`: it {said}")
    return columns


def _response(values: dict[str, Any], has_fence: bool, where: str, notes: Notes) -> Response:
    """One response from what the file says of it; where that does not fit together, as much of it as does.

    Where the prompt ends with an opening code fence, the closing one ended the answer.
    """
    text = repairs.text_from(values.get("text"), where, notes)
    if has_fence and text.rstrip().endswith(_FENCE):
        notes.add("code fences that the prompt opens and the answer closes, taken out", where)
        text = text.rstrip().removesuffix(_FENCE).rstrip()
    known = {
        "text": text,
        "finish_reason": repairs.finish_reason_from(values.get("finish_reason"), where, notes),
        "entropy_kind": repairs.entropy_kind_from(values.get("entropy_kind"), where, notes),
        "tokens": repairs.tokens_from(values.get("tokens"), where, notes),
    }
    for name, allowed in (("token_logprobs", repairs.LOGPROBS), ("token_entropies", repairs.ENTROPIES)):
        known[name] = repairs.numbers_from(values.get(name), allowed, f"{where}, `{name}`", notes)
    has_numbers = any(known[name] is not None for name in ("token_logprobs", "token_entropies"))
    if not has_numbers and not (known["tokens"] is None and known["entropy_kind"] is None):
        if known["tokens"] and all(values.get(name) is None for name in ("token_logprobs", "token_entropies")):
            notes.add("tokens without numbers, left out", where)
        known |= {"tokens": None, "entropy_kind": None}
    if known["token_entropies"] is None:
        known["entropy_kind"] = None  # it says how exact they are
    try:
        return response_from(where, **known)
    except InvalidInput as error:
        notes.add("answers whose numbers do not fit together: these count as missing", str(error))
        return response_from(where, known["text"], finish_reason=known["finish_reason"])


def _greedy(row: dict[str, Any], has_fence: bool, where: str, notes: Notes) -> Response:
    values = {name: value for name, (_, of) in RESPONSE_FIELDS.items() if (value := row.get(of)) is not None}
    if "text" in values:
        return _response(values, has_fence, f"{where}, greedy answer", notes)
    if set(values) - {"finish_reason", "entropy_kind"}:
        notes.add("numbers of a greedy answer that is not there, left out", where)
    return no_greedy()
