"""A prompt → the question in it, so that the same question is found again under another model's template.

Known are the marks of common chat templates and of few-shot prompts; a prompt with none of them is the question.
"""

import re
from collections.abc import Sequence
from typing import Any

# Before the question, and after it; the last place counts, since earlier ones are examples.
_MARKS = tuple(
    (re.compile(before), re.compile(after))
    for before, after in (
        (r"<\|im_start\|>user\s*", r"<\|im_end\|>"),
        (r"<start_of_turn>user\s*", r"<end_of_turn>"),
        (r"<\|start_header_id\|>user<\|end_header_id\|>\s*", r"<\|eot_id\|>"),
        (r"<\|user\|>\s*", r"</s>|<\|end\|>|<\|endoftext\|>|<\|assistant\|>"),
        (r"\[INST\](?:\s*<<SYS>>[\s\S]*?<</SYS>>)?\s*", r"\[/INST\]"),
        (r"(?:^|\n)# Query:\s*```\s*\n", r"\n\s*```\s*\n\s*# Answer:"),
        (r"(?:^|\n)### (?:Instruction|Question):\s*", r"\n\s*### (?:Response|Answer):\s*\Z"),
        (r"(?:^|\n)(?:Q|Question|Human|User):\s*", r"\n\s*(?:A|Answer|Assistant):\s*\Z"),
    )
)


def question_in(prompt: str) -> str:
    """The question that a prompt asks last, without template and examples."""
    for before, after in _MARKS:
        starts = list(before.finditer(prompt))
        if starts and (end := after.search(prompt, starts[-1].end())):
            return prompt[starts[-1].end() : end.start()].strip() or prompt
    return prompt


def question_of_messages(messages: Sequence[Any]) -> str:
    """The last message of a user; what the messages hold may be parts."""
    texts = [text_of_content(m.get("content")) for m in messages if isinstance(m, dict) and m.get("role") == "user"]
    return texts[-1] if texts else prompt_of_messages(messages)


def prompt_of_messages(messages: Sequence[Any]) -> str:
    """All messages as one text; a message alone without its role."""
    known = [message for message in messages if isinstance(message, dict)]
    if len(known) == 1:
        return text_of_content(known[0].get("content"))
    return "\n\n".join(f"{one.get('role', 'user')}: {text_of_content(one.get('content'))}" for one in known)


def text_of_content(content: Any) -> str:
    """The text of a message, which is a text or a list of parts; reasoning stands in tags before the answer."""
    if isinstance(content, str):
        return content
    pieces = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            pieces.append(part)
        elif isinstance(part, dict) and (thought := part.get("reasoning") or part.get("thinking")):
            pieces += [f"<think>{thought}</think>"] if isinstance(thought, str) else []
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            pieces.append(part["text"])
        elif isinstance(part, dict) and isinstance(part.get("content"), str | list):  # a message among its parts
            pieces.append(text_of_content(part["content"]))
    return "".join(pieces)
