"""A question, a style and a tokenizer → the exact prompt.

`plain` and `few_shot` are the same for every model, so that nothing but the training differs between a base model
and what was made from it; `chat` is the model's own template. Knows nothing about sampling.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.leftovers import USUAL, Leftovers, opened_block
from homog_core.records import PROMPT_STYLES, PromptStyle

# What a chat template is told when it asks for today's date: the day that Llama's own takes where it cannot ask. With
# the real date the same run would have other prompts, and so another identity, after midnight.
TEMPLATE_DATE = datetime(2024, 7, 26)
_CLOCK = "strftime_now"  # what templates ask for the date
_DIRECTIVES = ("%-d", "%-m", "%-H", "%-I", "%-M", *(f"%{letter}" for letter in "aAbBcdDFHIjmMpSTuUwWxXyYzZ"))

# Written for this project. Short sentences, because that is what the answers are compared as.
EXEMPLARS = (
    ("Which planet do astronauts call home?", "Astronauts come from the planet Earth."),
    ("How many sides does a hexagon have?", "A hexagon has six sides."),
    ("Is sea water safe to drink?", "No, sea water is too salty to drink safely."),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The exact text a model continues."""

    text: str
    stop: tuple[str, ...]  # strings that end the answer
    add_special_tokens: bool  # whether the tokenizer adds its own (a chat template has already written them)
    opened: str = ""  # the tag by which a template has begun the reasoning, and the white space after it


def build_prompt(question: str, style: PromptStyle, tokenizer: Any, rule: Leftovers = USUAL) -> Prompt:
    """The prompt for `question` in one of the three styles; `rule` says how a template may open reasoning.

    Raises `InvalidInput` for an unknown style, or for `chat` where the tokenizer has no chat template.
    """
    if style == "plain":
        return Prompt(f"Q: {question}\nA:", stop=("\n",), add_special_tokens=True)
    if style == "few_shot":
        shots = "".join(f"Q: {q}\nA: {a}\n\n" for q, a in EXEMPLARS)
        return Prompt(f"{shots}Q: {question}\nA:", stop=("\n",), add_special_tokens=True)
    if style == "chat":
        text = _chat(question, tokenizer)
        return Prompt(text, stop=(), add_special_tokens=False, opened=opened_block(text, rule))
    raise InvalidInput(f"There is no prompt style {style!r}; use one of {', '.join(PROMPT_STYLES)}.")


def _chat(question: str, tokenizer: Any) -> str:
    if not tokenizer.chat_template:
        raise InvalidInput("This model has no chat template; choose the prompt style 'plain' or 'few_shot'.")
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": question}],
        chat_template=_dated(tokenizer.get_chat_template()),
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,  # a template without that switch ignores it
        date_string=TEMPLATE_DATE.strftime("%d %b %Y"),
    )


def _dated(template: str) -> str:
    """The template with a clock that always shows `TEMPLATE_DATE`; transformers takes no function in its place."""
    if _CLOCK not in template:
        return template
    shown = "".join(f"|replace('{each}', '{TEMPLATE_DATE.strftime(each)}')" for each in _DIRECTIVES)
    clock = f"{{% macro {_CLOCK}(format) %}}{{{{ format{shown} }}}}{{% endmacro %}}"
    return f"{clock}{{{{ '' }}}}{template}"  # behind a block itself a line break would be trimmed
