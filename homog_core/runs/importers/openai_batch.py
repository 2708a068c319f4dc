"""OpenAI's batch output with its input file, which holds the questions. The two are joined by `custom_id`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.files import named
from homog_core.runs.importers.chat import choice_fields, columns_of
from homog_core.runs.importers.notes import About, Notes, Record
from homog_core.runs.importers.sources import records as records_of
from homog_core.runs.importers.templates import prompt_of_messages, question_in, question_of_messages


def fits(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this record is one."""
    return "custom_id" in first and ("response" in first or "body" in first)


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a request; requests of the same messages are one question."""
    first = next(records)
    if "response" not in first.fields:
        raise InvalidInput(
            f"{first.where}: this is the input of a batch; import its output, and name this one as input."
        )
    if about.input is None:
        raise InvalidInput(
            f"{first.where}: the output of a batch does not hold the questions; name its input file too."
        )
    requests = _requests(named(about.input), notes)
    found: dict[str, Record] = {}
    answers: dict[str, list[dict[str, Any]]] = {}
    for where, row in [first, *records]:
        body = requests.get(str(row.get("custom_id")))
        if body is None:
            notes.add("answers to requests that the input file does not have, left out", where)
            continue
        said = _question(body)
        key = str(said["prompt"])
        if key in found:
            notes.add("requests of a prompt that came before, taken as more answers to it", where)
        found.setdefault(key, Record(where, {"id": str(row["custom_id"]), **said}))
        answers.setdefault(key, []).extend(_answers(row, where, notes))
    for key, (where, said) in found.items():
        yield Record(where, said | columns_of(answers[key]))


def _requests(path: Path, notes: Notes) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}; name the batch's input file.")
    bodies = {}
    for _, row in records_of(path, notes):
        body = row.get("body")
        if not isinstance(body, dict) or "custom_id" not in row:
            raise InvalidInput(f"{path.name} is not the input of a batch: it has no `custom_id` or no `body`.")
        bodies[str(row["custom_id"])] = body
        for name, own in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_new_tokens")):
            notes.say(own, body.get(name) or None)
        notes.say("max_new_tokens", body.get("max_completion_tokens"))
    return bodies


def _question(body: dict[str, Any]) -> dict[str, Any]:
    messages, prompt = body.get("messages"), body.get("prompt")
    if isinstance(messages, list):
        return {"question": question_of_messages(messages), "prompt": prompt_of_messages(messages)}
    return {"question": question_in(prompt) if isinstance(prompt, str) else None, "prompt": prompt}


def _answers(row: dict[str, Any], where: str, notes: Notes) -> list[dict[str, Any]]:
    response = row.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list):
        notes.add("requests that failed: they have no answers", f"{where}: {str(row.get('error'))[:100]}")
        return []
    if isinstance(body.get("model"), str):
        notes.models[body["model"]] = None
    return [choice_fields(choice) for choice in choices]
