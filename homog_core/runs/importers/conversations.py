"""Rows that hold a conversation → rows with a question and its answers, as chat data sets and traces are written.

Known are lists of messages with roles ("messages", "conversations", "input"), the choices of a chat completion, and an
output that is a message or a list of its parts.
"""

from typing import Any

from homog_core.runs.importers.chat import choice_fields, columns_of
from homog_core.runs.importers.notes import Notes, Record
from homog_core.runs.importers.templates import prompt_of_messages, question_of_messages, text_of_content

_LISTS = ("messages", "conversations", "conversation", "input")
_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant"}


def as_question(record: Record, notes: Notes) -> Record:
    """The record with what its conversation asks and answers, unless it has a question of its own."""
    row, found = record.fields, {}
    name = next((name for name in _LISTS if _messages(row.get(name))), None)
    if name and not {"question", "prompt"} & row.keys():
        asked = _messages(row[name])
        said = asked.pop() if asked[-1].get("role") == "assistant" and len(asked) > 1 else None
        found = {"question": question_of_messages(asked), "prompt": prompt_of_messages(asked)}
        found |= {"answer": choice_fields({"message": said})["text"]} if said else {}
        notes.add(f"conversations in `{name}`: the last message of a user is the question", record.where)
    own = {key: value for key, value in row.items() if key != name or not found}
    if _are_objects(own.get("choices")) and "answers" not in own:
        found |= columns_of([choice_fields(choice) for choice in own.pop("choices")])
        found.pop("answer", None)
    elif is_message(own.get("output")):
        output = own.pop("output")
        found["answer"] = text_of_content(output if isinstance(output, list) else [output])
    return Record(record.where, own | found) if found else record


def is_message(value: Any) -> bool:
    """Whether a value is one message, or the parts of one, and no list of answers."""
    if isinstance(value, dict):
        return "content" in value
    return _are_objects(value) and all("type" in part for part in value)


def _messages(value: Any) -> list[dict[str, Any]]:
    """The messages of a list, with "role" and "content"; none where it is another one."""
    if not _are_objects(value):
        return []
    found = [{"role": one.get("from"), "content": one.get("value")} if "from" in one else one for one in value]
    known = [one | {"role": _ROLES.get(one["role"], one["role"])} for one in found if isinstance(one.get("role"), str)]
    return known if len(known) == len(value) else []


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
