import pytest

from homog_core.errors import InvalidInput
from homog_core.sampling.prompts import EXEMPLARS, build_prompt


class FakeTokenizer:
    """A tokenizer with a chat template that writes down what it was asked."""

    def __init__(self, chat_template="…"):
        self.chat_template = chat_template
        self.options = None

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

    assert tokenizer.options == {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}


@pytest.mark.parametrize("template", [None, ""])
def test_chat_without_a_template_says_what_to_choose_instead(template):
    with pytest.raises(InvalidInput, match="no chat template; choose the prompt style 'plain' or 'few_shot'"):
        build_prompt("Why?", "chat", FakeTokenizer(template))


def test_an_unknown_style_is_named_beside_the_known_ones():
    with pytest.raises(InvalidInput, match="no prompt style 'poem'; use one of plain, few_shot, chat"):
        build_prompt("Why?", "poem", FakeTokenizer())
