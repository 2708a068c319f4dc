"""Forms of reasoning before an answer, of models, servers, chat programs and exports: closed, unclosed, closing alone.

Written down before the rules were changed for them. `C`: counts when it is closed; `U`: leaves nothing when it never
closes; `A`: its closing mark tells alone, since a template may have written the opening one.
"""

import pytest
from growth import LINEAR, growth

from homog_core.leftovers import answer_text, removed

FORMS = [
    ("<think>", "</think>", "CUA"),
    ("<think>\n", "\n</think>\n\n", "CUA"),
    ("<Think>", "</Think>", "CUA"),
    ("<THINKING>", "</THINKING>", "CUA"),
    ("<think >", "</think >", "CUA"),
    ('<think time="5">', "</think>", "CUA"),
    ('<thinking mode="deep" tokens="12">', "</thinking>", "CUA"),
    ("< think >", "< /think >", "CUA"),
    ("<thinking>", "</thinking>", "CUA"),
    ("<seed:think>", "</seed:think>", "CUA"),
    ("<longcat_think>", "</longcat_think>", "CUA"),
    ("<antThinking>", "</antThinking>", "CUA"),
    ("<mm:think>", "</mm:think>", "CUA"),
    ("&lt;think&gt;", "&lt;/think&gt;", "CUA"),
    ("&lt;thinking&gt;\n", "\n&lt;/thinking&gt;\n", "CUA"),
    ("&#60;think&#62;", "&#60;/think&#62;", "CUA"),
    ("\\u003cthink\\u003e", "\\u003c/think\\u003e", "CUA"),
    ("\\<think\\>", "\\</think\\>", "CUA"),
    ("＜think＞", "＜/think＞", "CUA"),
    ("<思考>", "</思考>", "CUA"),
    ("【思考】", "【/思考】", "CUA"),
    ("[THINK]", "[/THINK]", "CUA"),
    ("[think]", "[/think]", "CUA"),
    ("[thinking]", "[/thinking]", "CUA"),
    ("[Thinking]\n", "\n[/Thinking]\n", "CUA"),
    ("[REASONING]", "[/REASONING]", "CUA"),
    ("[reasoning]", "[/reasoning]", "CA"),
    ("◁think▷", "◁/think▷", "CUA"),
    ("<|think|>", "<|/think|>", "CUA"),
    ("<|thinking|>", "<|/thinking|>", "CUA"),
    ("<|begin_of_thought|>", "<|end_of_thought|>", "CUA"),
    ("<|thought_start|>", "<|thought_end|>", "CUA"),
    ("<|thinking_start|>", "<|thinking_end|>", "CUA"),
    ("<|reasoning_start|>", "<|reasoning_end|>", "CUA"),
    ("<|think_start|>", "<|think_end|>", "CUA"),
    ("<|START_THINKING|>", "<|END_THINKING|>", "CUA"),
    ("<|inner_prefix|>", "<|inner_suffix|>", "CUA"),
    ("<unused94>thought\n", "<unused95>", "CUA"),
    ("<|channel>thought\n", "<channel|>", "CUA"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>", "CU"),
    ("<|channel|>analysis<|message|>", "<|start|>assistant<|channel|>final<|message|>", "CU"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "CU"),
    (
        "<|channel|>commentary to=functions.look <|constrain|>json<|message|>",
        "<|call|><|start|>assistant<|channel|>final<|message|>",
        "CU",
    ),
    ("analysis", "assistantfinal", "C"),  # harmony, decoded without its special tokens
    ("<thought>", "</thought>", "CU"),
    ("<thoughts>\n", "\n</thoughts>\n", "CU"),
    ("<reasoning>", "</reasoning>", "CU"),
    ("<Reasoning>\n", "\n</Reasoning>\n", "CU"),
    ("<reasoning_content>", "</reasoning_content>", "CU"),
    ("<reason>", "</reason>", "CU"),
    ("<reflection>", "</reflection>", "CU"),
    ("<scratchpad>", "</scratchpad>", "CU"),
    ("<analysis>", "</analysis>", "CU"),
    ("<inner_monologue>", "</inner_monologue>", "CU"),
    ("<inner_thoughts>", "</inner_thoughts>", "CU"),
    ("<internal_thought>", "</internal_thought>", "CU"),
    ("<thought_process>", "</thought_process>", "CU"),
    ("<thinking_process>", "</thinking_process>", "CU"),
    ("<chain_of_thought>", "</chain_of_thought>", "CU"),
    ("<cot>", "</cot>", "CU"),
    ("<rationale>", "</rationale>", "CU"),
    (
        '<details type="reasoning" done="true" duration="5">\n<summary>Thought for 5 seconds</summary>\n',
        "\n</details>\n",
        "C",
    ),
    ("<details>\n<summary>Thinking</summary>\n", "\n</details>\n", "C"),
    ("```thinking\n", "\n```\n", "CU"),
    ("```think\n", "\n```\n", "CU"),
    ("```reasoning\n", "\n```\n", "CU"),
    ("**Thinking**\n", "\n**Answer**\n", "C"),
    ("**Thinking:** ", "\n\n**Answer:** ", "C"),
    ("**Reasoning:**\n", "\n**Final Answer:**\n", "C"),
    ("## Thinking\n", "\n## Answer\n", "C"),
    ("### Thought process\n", "\n### Response\n", "C"),
    ("Thinking...\n", "\n...done thinking.\n\n", "CA"),  # a command line that prints both
    ("Here is my thought process:\n", "\nHere is my response:\n", "C"),
    ("Here's my thought process:\n", "\nHere's my response:\n", "C"),
    ("\ufeff<think>", "</think>", "CUA"),
    ("\u200b<think>", "</think>", "CUA"),
    ("assistant\n<think>", "</think>", "CUA"),
    ("Assistant: <think>", "</think>", "CUA"),
    ("<think></think><think>", "</think>", "CUA"),
    ("<think>", "</think><answer>", "CUA"),
    ("<think>", "</think><response>", "CUA"),
    ("<think>", "</think>\n<output>\n", "CUA"),
]
# What is no reasoning, or is no mark of it there
STAYS = [
    "A fox.",
    "`<think>` opens reasoning and `</think>` closes it.",
    "The tags `<think>` and `</think>` hold reasoning.",
    "It ends with `</think>`, then the answer comes.",
    'It ends with "</think>", then the answer comes.',
    "Write '</think>' there.",
    "The tag is <think>, closed by </think>.",
    "```xml\n<think>hm</think>\n```",
    "```\n</think>\n```",
    'print("</think>")',
    "```python\nprint('thinking')\n```",
    "Thinking is hard.",
    "**Thinking** is what a fox does.",
    "**Thinking**\nA fox thinks of geese.",
    "Analysis of the text shows a fox.",
    "analysis",
    "Reasoning: it has fur. Answer: a fox.",
    "[reasoning] is a word in brackets",
    "[thinking out loud] a fox",
    "<details>\n<summary>Map</summary>\nA fox lives here.\n</details>",
    "Here is my response: a fox.",
    "A fox <thinking> of geese",
    "3 < think > 2",
    "&lt;b&gt;A fox.&lt;/b&gt;",
    "In HTML, &lt;think&gt; is no element.",
    "Thinking... a fox?",
    "<b>A fox.</b>",
    "<reasonable>A fox.</reasonable>",
    "The assistant\nsaid: a fox.",
    "assistant professor",
    "A thought: </thought> is no HTML.",
]
each_form = pytest.mark.parametrize(("opening", "closing", "counts"), FORMS, ids=[f"{o}…{c}" for o, c, _ in FORMS])


def end_of(closing):
    """What a frame that a closing mark opens ends with."""
    name = closing.strip().rpartition("<")[2]
    return f"</{name}" if name in ("answer>", "response>", "output>") else ""


@each_form
@pytest.mark.parametrize("thought", ["It has fur.", "\nA cat?\n\nNo, x < 3.\n"])
def test_closed_reasoning_goes_and_is_counted(opening, closing, counts, thought):
    text = f"{opening}{thought}{closing}A fox.{end_of(closing)}"
    assert answer_text(text) == "A fox."
    assert removed(text).reasoning


@each_form
def test_reasoning_that_never_closes_leaves_nothing_where_its_mark_is_certain(opening, closing, counts):
    text = f"{opening}It has fur. A fox."
    expected = "" if "U" in counts else text.strip()
    assert answer_text(text) == expected
    assert removed(text).reasoning == ("U" in counts)


@each_form
def test_a_closing_mark_alone_tells_where_it_is_certain(opening, closing, counts):
    text = f"It has fur.{closing}A fox.{end_of(closing)}"
    if "A" in counts:
        assert answer_text(text) == "A fox."
        assert removed(text).reasoning
    else:
        assert answer_text(text).startswith("It has fur.")
        assert not removed(text).reasoning


@pytest.mark.parametrize("text", STAYS)
def test_what_is_no_reasoning_stays(text):
    assert answer_text(text) == text
    assert not removed(text).reasoning


def test_an_answer_about_the_tags_that_begins_with_one_is_counted():
    """It cannot be told from reasoning; what goes is counted, and the card of the run says so."""
    text = "<think> is a tag that </think> closes."
    assert (answer_text(text), removed(text).reasoning) == ("closes.", True)


def test_a_quoted_mark_inside_reasoning_does_not_end_it():
    assert answer_text("<think>I close it with `</think>` later.</think>A fox.") == "A fox."
    assert answer_text('<think>print("</think>")\n</think>\nA fox.') == "A fox."


def test_twice_as_hostile_a_text_takes_twice_as_long():
    def read(opening: str, closing: str, n: int) -> None:
        for filler in ("\n", " ", "```\n", "`", "**", closing[:-1], opening[:-1], closing):
            answer_text(opening + filler * n)
            answer_text(filler * n + closing)

    grown = {(begin, end): growth(lambda n, tags=(begin, end): read(*tags, n), 500) for begin, end, _ in FORMS}
    assert {form: by for form, by in grown.items() if by > LINEAR} == {}
