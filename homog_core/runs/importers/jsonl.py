"""Our own JSONL: one line a question, with all its answers and what is known of them. `export` writes the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from homog_core.errors import InvalidInput
from homog_core.records import FinishReason, Response
from homog_core.runs.dataset_formats import own_question
from homog_core.runs.importers.fields import Entropies, Logprobs, QuestionRow, Several, Text, checked
from homog_core.runs.importers.responses import Sampled, no_greedy, prompt_for, response_from
from homog_core.runs.rows import read_rows

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
_EXPORTED = ("grade", "grade_policy", "scores")  # what `export` writes and scoring computes again


def _known_kind(kind: str) -> str:
    if not re.fullmatch(r"exact|none|top_k:[1-9][0-9]{0,8}", kind):
        said = {"said": repr(kind[:24])}
        raise PydanticCustomError(
            "kind", "it must be 'exact', 'none' or 'top_k:<k>', as in 'top_k:20', not {said}", said
        )
    return kind


_EntropyKind = Annotated[str, AfterValidator(_known_kind)]


class _Line(QuestionRow):
    prompt: Text | None = None
    answers: Several[Text]
    finish_reasons: Several[FinishReason] | None = None
    entropy_kinds: Several[_EntropyKind] | None = None
    tokens: Several[Several[Text]] | None = None
    token_logprobs: Several[Logprobs] | None = None
    token_entropies: Several[Entropies] | None = None
    greedy_answer: Text | None = None
    greedy_finish_reason: FinishReason | None = None
    greedy_entropy_kind: _EntropyKind | None = None
    greedy_tokens: Several[Text] | None = None
    greedy_token_logprobs: Logprobs | None = None
    greedy_token_entropies: Entropies | None = None


def read(path: Path, dataset: str) -> Iterator[Sampled]:
    """The questions of a JSONL file, line by line. Raises `InvalidInput` with the line of the first that is wrong."""
    for line, row in read_rows(path):
        where = f"{path.name}, line {line}"
        said = checked(row, _Line, where, _EXPORTED)
        question = own_question(row, dataset, where)
        columns = _columns(said, where)
        responses = tuple(
            response_from(f"{where}, answer {i + 1}", **{name: column[i] for name, column in columns.items()})
            for i in range(len(said.answers))
        )
        yield Sampled(line, question, said.prompt or prompt_for(question), responses, _greedy(said, where))


def _columns(said: _Line, where: str) -> dict[str, list[Any]]:
    """What is said of the samples, by name of the response's field; only what is there."""
    columns = {}
    for name, (of_samples, _) in RESPONSE_FIELDS.items():
        values = getattr(said, of_samples)
        if values is None:
            continue
        if len(values) != len(said.answers):
            raise InvalidInput(
                f"{where}, `{of_samples}`: it has {len(values)} entries for {len(said.answers)} answers; "
                "give one per answer."
            )
        columns[name] = values
    return columns


def _greedy(said: _Line, where: str) -> Response:
    fields = {name: value for name, (_, of) in RESPONSE_FIELDS.items() if (value := getattr(said, of)) is not None}
    if "text" in fields:
        return response_from(f"{where}, greedy answer", **fields)
    for name in fields:
        raise InvalidInput(f"{where}, `{RESPONSE_FIELDS[name][1]}`: there is no `greedy_answer`; give both or neither.")
    return no_greedy()
