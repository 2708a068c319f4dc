"""Inspect: a `.eval` archive (header.json, samples/<id>_epoch_<n>.json) or the same as one JSON.

A question's answers are its epochs, and the choices of each.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from homog_core.runs.importers.chat import choice_fields, columns_of
from homog_core.runs.importers.notes import About, Notes, Record
from homog_core.runs.importers.templates import prompt_of_messages, question_of_messages

_ATTACHED = "attachment://"


def fits(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this record is one."""
    return isinstance(first.get("eval"), dict) and {"status", "version", "samples", "plan"} & first.keys() != set()


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a sample id, with all its epochs. Scores, metadata and events are not read."""
    header = next(records)
    _say(header.fields, notes)
    epochs: defaultdict[str, list[Record]] = defaultdict(list)
    for record in [*records, *_inside(header)]:
        epochs[str(record.fields.get("id"))].append(record)
        if record.fields.get("scores"):
            notes.add("scores of Inspect are not read", record.where)
    for key, samples in epochs.items():
        samples.sort(key=_epoch)
        yield Record(samples[0].where, {"id": key, **_question(samples[0].fields), **_answers(samples, notes)})


def _inside(header: Record) -> Iterator[Record]:
    """The samples of a log that is one JSON."""
    listed = header.fields.get("samples")
    for number, sample in enumerate(listed if isinstance(listed, list) else (), start=1):
        if isinstance(sample, dict):
            yield Record(f"{header.where}, sample {number}", sample)


def _epoch(record: Record) -> float:
    epoch = record.fields.get("epoch")
    return epoch if isinstance(epoch, int | float) else math.inf


def _say(header: dict[str, Any], notes: Notes) -> None:
    task, plan = header["eval"], header.get("plan")
    if isinstance(model := task.get("model"), str):
        notes.models[model] = None
    notes.say("dataset", next((name for name in (task.get("task"),) if isinstance(name, str)), None))
    settings = task.get("model_generate_config") or (plan.get("config") if isinstance(plan, dict) else None)
    if not isinstance(settings, dict):
        return
    for name, own in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_new_tokens")):
        notes.say(own, settings.get(name) or None)


def _question(sample: dict[str, Any]) -> dict[str, Any]:
    asked, attached = sample.get("input"), sample.get("attachments")
    if isinstance(asked, list):
        said = {"question": question_of_messages(asked), "prompt": prompt_of_messages(asked)}
    else:
        said = {"question": asked, "prompt": asked}
    for name, text in said.items():
        if isinstance(text, str) and text.startswith(_ATTACHED) and isinstance(attached, dict):
            said[name] = attached.get(text.removeprefix(_ATTACHED))
    target = sample.get("target")
    return said | {"references": [target] if isinstance(target, str) and target else target or None}


def _answers(samples: list[Record], notes: Notes) -> dict[str, Any]:
    """The answers of all epochs; an epoch that failed is an empty answer that ended in an error."""
    found = []
    for where, sample in samples:
        output = sample.get("output")
        choices = output.get("choices") if isinstance(output, dict) else None
        if choices and isinstance(choices, list):
            found += [_attached(choice_fields(choice), sample.get("attachments")) for choice in choices]
        else:
            notes.add("epochs without an answer, kept as an error", where)
            found.append({"text": "", "finish_reason": "error"})
    return columns_of(found)


def _attached(answer: dict[str, Any], attached: Any) -> dict[str, Any]:
    text = answer["text"]
    if isinstance(text, str) and text.startswith(_ATTACHED) and isinstance(attached, dict):
        answer["text"] = attached.get(text.removeprefix(_ATTACHED))
    return answer
