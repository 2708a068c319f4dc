"""HELM, `scenario_state.json`: requests with their completions."""

from collections.abc import Iterator
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.runs.importers.chat import columns_of
from homog_core.runs.importers.notes import About, Notes, Record


def fits(first: dict[str, Any]) -> bool:
    """Whether a file that begins with this record is one."""
    return isinstance(first.get("request_states"), list)


def read(records: Iterator[Record], about: About, notes: Notes) -> Iterator[Record]:
    """One record a request. Embeddings, and references that are not marked correct, are told apart or not read."""
    for where, content in records:
        spec = content.get("adapter_spec")
        if isinstance(spec, dict):
            if isinstance(spec.get("model"), str):
                notes.models[spec["model"]] = None
            for name, own in (("temperature", "temperature"), ("max_tokens", "max_new_tokens")):
                notes.say(own, spec.get(name) or None)
        for number, state in enumerate(content["request_states"], start=1):
            place = f"{where}, request {number}"
            try:
                yield Record(place, _fields(state, place))
            except InvalidInput as error:
                notes.left_out(error)


def _fields(state: Any, where: str) -> dict[str, Any]:
    try:
        instance, result = state["instance"], state["result"]
        completions, question = result["completions"], instance["input"]["text"]
        answers = [_answer(one) for one in completions]
        marked = [(ref["output"]["text"], "correct" in ref["tags"]) for ref in instance.get("references") or ()]
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"{where}: it has no instance or no result as HELM writes it ({error!r}).") from error
    request = state.get("request")
    return {
        "id": instance.get("id"),
        "question": question,
        "prompt": request.get("prompt") or None if isinstance(request, dict) else None,
        "references": [text for text, is_right in marked if is_right],
        "incorrect_references": [text for text, is_right in marked if not is_right],
        **columns_of(answers),
    }


def _answer(completion: dict[str, Any]) -> dict[str, Any]:
    reason, tokens = completion.get("finish_reason"), completion.get("tokens") or None
    return {
        "text": completion["text"],
        "finish_reason": reason.get("reason") if isinstance(reason, dict) else reason,
        "tokens": tokens and [token["text"] for token in tokens],
        "token_logprobs": tokens and [token["logprob"] for token in tokens],
    }
