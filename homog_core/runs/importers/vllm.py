"""vLLM: dumps of `RequestOutput`, one a line, with its `outputs`."""

from collections.abc import Iterator
from typing import Any

from homog_core.runs.importers.chat import columns_of
from homog_core.runs.importers.notes import About, Notes, Record
from homog_core.runs.importers.templates import question_in


def fits(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this record is one."""
    outputs = first.get("outputs")
    return "request_id" in first and isinstance(outputs, list) and all(isinstance(one, dict) for one in outputs)


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a prompt; requests of the same prompt are one question. A request's id is not the question's."""
    places: dict[str, str] = {}
    answers: dict[str, list[dict[str, Any]]] = {}
    for where, row in records:
        prompt = row.get("prompt")
        if not isinstance(prompt, str) or not isinstance(row.get("outputs"), list):
            notes.add("requests without the text of their prompt or without outputs, left out", where)
            continue
        if prompt in places:
            notes.add("requests of a prompt that came before, taken as more answers to it", where)
        places.setdefault(prompt, where)
        answers.setdefault(prompt, []).extend(_answer(output) for output in row["outputs"])
    for prompt, where in places.items():
        yield Record(where, {"question": question_in(prompt), "prompt": prompt, **columns_of(answers[prompt])})


def _answer(output: Any) -> dict[str, Any]:
    if not isinstance(output, dict):
        return {"text": None}
    found = {"text": output.get("text"), "finish_reason": output.get("finish_reason")}
    try:
        steps = [step[str(key)] for step, key in zip(output["logprobs"], output["token_ids"], strict=True)]
        return found | {
            "tokens": [step["decoded_token"] for step in steps],
            "token_logprobs": [step["logprob"] for step in steps],
        }
    except (KeyError, TypeError, ValueError):  # not asked for, or of another form
        return found
