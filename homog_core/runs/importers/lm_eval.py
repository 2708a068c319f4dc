"""lm-evaluation-harness, `samples_<task>_<time>.jsonl`: one line per document and filter, its repeats in `resps[0]`.

The lines of one document differ only in what a filter took from the same answers, so the first one counts.
"""

import re
from collections.abc import Iterator
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.runs.importers.notes import About, Notes, Record
from homog_core.runs.importers.templates import prompt_of_messages, question_in, question_of_messages

_QUESTION = ("question", "Question", "problem", "query", "input", "prompt", "text")
_SCORED = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash"}
_SCORED |= {"prompt_hash", "target_hash"}


def fits(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this record is one."""
    return {"doc", "resps"} <= first.keys()


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a document. What scores the harness has computed is not read."""
    seen: set[Any] = set()
    for where, row in records:
        key = str(row.get("doc_id", where))
        if key in seen:
            notes.add("lines of another filter on the same answers, not read", where)
            continue
        seen.add(key)
        for name in row.keys() - _SCORED:
            notes.add(f"the harness's `{name[:40]}` is not read", where)
        try:
            yield Record(where, _fields(row, where, notes))
        except InvalidInput as error:
            notes.left_out(error)


def task_of(stem: str) -> str:
    """The task in the name of a file of samples; another name as it is."""
    return re.sub(r"_\d{4}-\d\d-\d\dT[\d.:-]+$", "", stem.removeprefix("samples_"))


def _fields(row: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    resps, doc = row.get("resps"), row.get("doc")
    answers = resps[0] if isinstance(resps, list) and resps else None
    if not isinstance(answers, list):
        raise InvalidInput(f"{where}, `resps`: there is no list of answers in its first entry.")
    if any(isinstance(answer, list) for answer in answers) or len(resps) > 1:
        raise InvalidInput(f"{where}, `resps`: these are likelihoods of choices, not generated answers.")
    prompt, decoding = _arguments(row.get("arguments"))
    _say_decoding(decoding, where, notes)
    asked = (doc.get(name) for name in _QUESTION) if isinstance(doc, dict) else ()
    question = next((text for text in asked if isinstance(text, str) and text.strip()), None)
    if question is None and prompt is not None:
        question = question_of_messages(prompt) if isinstance(prompt, list) else question_in(prompt)
    prompt = prompt_of_messages(prompt) if isinstance(prompt, list) else prompt
    return {"question": question, "prompt": prompt, "answers": answers, **_references(row.get("target"))}


def _arguments(arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Prompt and settings of the first request; the harness writes objects, older versions wrote lists."""
    if isinstance(arguments, dict):
        first = next(iter(arguments.values()), None)
        arguments = list(first.values()) if isinstance(first, dict) else [first]
    elif isinstance(arguments, list) and arguments and isinstance(arguments[0], list):
        arguments = arguments[0]
    prompt, settings, *_ = [*(arguments if isinstance(arguments, list) else []), None, None]
    return prompt if isinstance(prompt, str | list) else None, settings if isinstance(settings, dict) else {}


def _say_decoding(settings: dict[str, Any], where: str, notes: Notes) -> None:
    temperature = settings.get("temperature")
    if settings.get("do_sample") is False or temperature == 0:
        notes.add("answers that were decoded greedily, not sampled, as the file says", where)
    else:
        notes.say("temperature", temperature)
    notes.say("top_p", settings.get("top_p"))
    notes.say("max_new_tokens", settings.get("max_gen_toks"))


def _references(target: Any) -> dict[str, Any]:
    """A target with a number after `####`, as of GSM8K, is that number."""
    if isinstance(target, str) and "####" in target:
        return {"references": [target.rpartition("####")[2].strip().replace(",", "")], "answer_type": "number"}
    if isinstance(target, str | int | float):
        return {"references": [target]}
    return {"references": target if isinstance(target, list) else None}
