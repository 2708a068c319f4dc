"""The answer in one choice of a chat completion, which Inspect and OpenAI write alike."""

from typing import Any

from homog_core.runs.importers.templates import text_of_content


def choice_fields(choice: Any) -> dict[str, Any]:
    """text, finish_reason, tokens and token_logprobs of a choice, in our own fields; reasoning stands in tags."""
    if not isinstance(choice, dict):
        return {"text": None}
    message = choice.get("message")
    text = choice.get("text")
    if isinstance(message, dict):
        content = message.get("content")
        text = content if content is None or isinstance(content, str) else text_of_content(content)
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(reasoning, str) and isinstance(text, str):
            text = f"<think>{reasoning}</think>{text}"
    return {"text": text, "finish_reason": choice.get("finish_reason", choice.get("stop_reason"))} | _numbers(
        choice.get("logprobs")
    )


def _numbers(logprobs: Any) -> dict[str, Any]:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        return {}
    return {
        "tokens": [one.get("token") for one in content],
        "token_logprobs": [one.get("logprob") for one in content],
    }


def columns_of(answers: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The lists of our own JSONL, from what is known of each answer."""
    return {
        "answers": [answer.get("text") for answer in answers],
        "finish_reasons": [answer.get("finish_reason") for answer in answers],
        "tokens": [answer.get("tokens") for answer in answers],
        "token_logprobs": [answer.get("token_logprobs") for answer in answers],
    }
