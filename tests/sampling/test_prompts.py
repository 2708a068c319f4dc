import datetime

import pytest
from fakes import make_question, tiny_tokenizer
from transformers.utils import chat_template_utils

from homog_core.errors import InvalidInput
from homog_core.leftovers import Leftovers
from homog_core.records import Decoding
from homog_core.runs.manifest import identity_of, run_id_of
from homog_core.sampling.prompts import EXEMPLARS, build_prompt

# Templates written for these tests, in the manner of those that models come with.
TURN = "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|over|>\n{% endfor %}"
DATED = {
    "llama 3": "{% if date_string is not defined %}{% if strftime_now is defined %}"
    "{% set date_string = strftime_now('%d %b %Y') %}{% else %}{% set date_string = '26 Jul 2024' %}{% endif %}"
    "{% endif %}Today Date: {{ date_string }}\n" + TURN,
    "smollm 3": "{% set today = strftime_now('%d %B %Y') %}Today Date: {{ today }}\n" + TURN,
    "gpt-oss": "{{ 'Current date: ' + strftime_now('%Y-%m-%d') }}\n" + TURN,
}
OPENED = {
    "olmo 3 think": (TURN + "<|turn|>assistant\n<think>", "<think>"),
    "r1": (TURN + "{{ '<|Assistant|><think>\\n' }}", "<think>\n"),
    "qwen 3 thinking": (TURN + "{% if add_generation_prompt %}<|turn|>assistant\n<think>\n{% endif %}", "<think>\n"),
    "mistral": (TURN + "[THINK]", "[THINK]"),
    "switched off": (TURN + "<think>{% if not enable_thinking %}\n\n</think>\n\n{% endif %}", ""),
    "without": (TURN + "<|turn|>assistant\n", ""),
}


class FakeTokenizer:
    """A tokenizer with a chat template that writes down what it was asked."""

    def __init__(self, chat_template="…"):
        self.chat_template = chat_template
        self.options = None

    def get_chat_template(self):
        return self.chat_template

    def apply_chat_template(self, messages, **options):
        self.options = options
        return "".join(f"[{message['role']}]{message['content']}" for message in messages) + "[assistant]"


def test_plain_is_the_question_alone():
    prompt = build_prompt("Why?", "plain", tokenizer=None)

    assert prompt.text == "Q: Why?\nA:"
    assert prompt.stop == ("\n",)
    assert prompt.add_special_tokens


def test_few_shot_is_plain_after_the_exemplars():
    prompt = build_prompt("Why?", "few_shot", tokenizer=None)

    question, answer = EXEMPLARS[0]
    assert prompt.text.startswith(f"Q: {question}\nA: {answer}\n\nQ: ")
    assert prompt.text.endswith("\n\nQ: Why?\nA:")
    assert prompt.text.count("Q: ") == len(EXEMPLARS) + 1
    assert prompt.stop == ("\n",)
    assert prompt.add_special_tokens


def test_chat_is_the_models_own_template():
    prompt = build_prompt("Why?", "chat", FakeTokenizer())

    assert prompt.text == "[user]Why?[assistant]"
    assert prompt.stop == ()
    assert not prompt.add_special_tokens  # the template has written them


def test_chat_switches_reasoning_off():
    tokenizer = FakeTokenizer()

    build_prompt("Why?", "chat", tokenizer)

    assert tokenizer.options == {
        "chat_template": "…",
        "tokenize": False,
        "add_generation_prompt": True,
        "enable_thinking": False,
        "date_string": "26 Jul 2024",
    }


def tokenizer_with(template):
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def clock_at(moment):
    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return moment

    return Clock


@pytest.mark.parametrize("template", DATED)
def test_a_run_is_the_same_run_after_midnight(template, monkeypatch):
    tokenizer, ids, today = tokenizer_with(DATED[template]), set(), set()
    for moment in (datetime.datetime(2026, 12, 31, 23, 59), datetime.datetime(2027, 1, 1, 0, 1)):
        monkeypatch.setattr(chat_template_utils, "datetime", clock_at(moment))
        messages = [{"role": "user", "content": "Why?"}]
        today.add(tokenizer.apply_chat_template(messages, tokenize=False))
        prompt = build_prompt("Why?", "chat", tokenizer).text
        identity = identity_of(
            [(make_question("q", "Why?"), prompt)],
            model="m",
            revision="r",
            dtype="float32",
            dataset="test",
            decoding=Decoding(),
            prompt_style="chat",
        )
        ids.add(run_id_of(identity))
        assert any(date in prompt for date in ("Date: 26 Jul 2024\n", "Date: 26 July 2024\n", "date: 2024-07-26\n"))
    assert len(today) == 2  # what it would be without
    assert len(ids) == 1


def test_a_fixed_clock_leaves_the_rest_of_a_template_alone():
    body = "\n  {{ messages[0]['content'] }}\n{% set y = strftime_now(format='%A, %B %-d, %Y %H:%M') %}\n{{ y }} \n"
    whole = body.replace("strftime_now(format='%A, %B %-d, %Y %H:%M')", "'Friday, July 26, 2024 00:00'")
    found, expected = (build_prompt("Why?", "chat", tokenizer_with(template)).text for template in (body, whole))
    assert found == expected == "\n  Why?\nFriday, July 26, 2024 00:00 "


@pytest.mark.parametrize("template", OPENED)
def test_a_prompt_says_which_block_of_reasoning_it_has_opened(template):
    text, opened = OPENED[template]
    prompt = build_prompt("Why?", "chat", tokenizer_with(text))
    assert prompt.opened == opened
    assert prompt.text.endswith(opened)


def test_a_question_about_a_tag_opens_nothing():
    prompt = build_prompt("What is <think>", "plain", None)
    assert prompt.opened == ""
    assert build_prompt("What is <think>", "chat", tokenizer_with(TURN)).opened == ""


def test_a_template_may_open_reasoning_in_marks_that_the_model_s_entry_names():
    tokenizer = tokenizer_with(TURN + "<mull>")
    assert build_prompt("Why?", "chat", tokenizer, Leftovers((("<mull>", "</mull>"),))).opened == "<mull>"
    assert build_prompt("Why?", "chat", tokenizer).opened == ""


@pytest.mark.parametrize("template", [None, ""])
def test_chat_without_a_template_says_what_to_choose_instead(template):
    with pytest.raises(InvalidInput, match="no chat template; choose the prompt style 'plain' or 'few_shot'"):
        build_prompt("Why?", "chat", FakeTokenizer(template))


def test_an_unknown_style_is_named_beside_the_known_ones():
    with pytest.raises(InvalidInput, match="no prompt style 'poem'; use one of plain, few_shot, chat"):
        build_prompt("Why?", "poem", FakeTokenizer())
