"""Token ids → texts: reasoning that a template has opened, channels whose marks are special tokens, tokens that end."""

from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, make_question, tiny_model, tiny_tokenizer

from homog_core.leftovers import USUAL
from homog_core.records import Decoding
from homog_core.sampling.engine import TorchSampler
from homog_core.sampling.prompts import Prompt
from homog_core.sampling.rows import Encoded, Row, hidden_ids

HARMONY = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>"]


def tokenizer_with(special):
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    return tokenizer


def answers_of(text, tokenizer, *, opened="", stop=(), end=None, end_ids=frozenset(), rule=USUAL):
    """Every state of an answer whose tokens are those of `text`, and the token `end` after them."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if end:
        ids.append(tokenizer.convert_tokens_to_ids(end))
    encoded = Encoded(make_question("q"), Prompt(f"Why?{opened}", stop, False, opened), [5], rule)
    decoding = Decoding(n_samples=1, max_new_tokens=len(ids))
    row = Row.of(encoded, decoding, tokenizer, hidden_ids(tokenizer, end_ids, rule))[0]
    return [
        row.push(key, 0.5, -0.5, ends=key in end_ids, last=at == len(ids) - 1)
        for at, key in enumerate(ids)
        if row.answer.finish_reason is None
    ]


def assert_consistent(answer):
    response = answer.response()
    assert "".join(response.tokens).startswith(response.text)
    own = "".join(response.tokens[response.own_tokens])
    assert response.answer in own and (response.answer or not own)


@pytest.mark.parametrize("opened", ["<think>", "<think>\n"])
def test_an_answer_whose_reasoning_the_template_has_opened(opened):
    *growing, whole = answers_of("It has fur.</think>\n\nA fox.", tiny_tokenizer(), opened=opened)
    assert whole.text == f"{opened}It has fur.</think>\n\nA fox."
    assert whole.answer == "A fox."
    assert {answer.answer for answer in growing if "</think>" not in answer.text} == {""}
    for answer in (*growing, whole):
        assert_consistent(answer)


@pytest.mark.parametrize("special", [[], ["<mull>", "</mull>"]])
def test_marks_of_reasoning_that_the_model_s_entry_names(special):
    spec = replace(FAKE_SPEC, reasoning=(("<mull>", "</mull>"),))
    tokenizer = tokenizer_with(special)
    whole = answers_of("<mull>It has fur.</mull> A fox.", tokenizer, rule=spec.leftovers)[-1]
    assert whole.answer == whole.response().answer == "A fox."
    assert_consistent(whole)
    if special:
        assert "mull" not in answers_of("<mull>It has fur.</mull> A fox.", tokenizer)[-1].text
    sampler = TorchSampler(tiny_model("llama"), tokenizer, spec)
    assert Encoded.of(sampler, make_question("q"), Decoding(max_new_tokens=2), "plain").leftovers == spec.leftovers


def test_reasoning_that_is_cut_before_its_end_leaves_no_answer():
    cut = answers_of("It has fur. A fox.", tiny_tokenizer(), opened="<think>\n")[-1]
    assert cut.finish_reason == "length"
    assert cut.answer == ""
    assert not cut.response().is_valid
    assert cut.response().tokens[cut.response().own_tokens] == ()
    assert answers_of("It has fur. A fox.", tiny_tokenizer())[-1].answer == "It has fur. A fox."


def test_a_stop_string_in_what_the_template_has_written_stops_nothing():
    answers = answers_of("fur</think>fox\nno", tiny_tokenizer(), opened="<think>\n", stop=("\n",))
    assert answers[-1].text == "<think>\nfur</think>fox"
    assert answers[-1].finish_reason == "stop"


def test_the_channels_of_harmony_are_told_apart():
    tokenizer = tokenizer_with(HARMONY)
    ends = frozenset([tokenizer.convert_tokens_to_ids("<|return|>")])
    text = "<|channel|>analysis<|message|>It has fur.<|end|><|start|>assistant<|channel|>final<|message|>A fox."
    answers = answers_of(text, tokenizer, end="<|return|>", end_ids=ends)
    whole = answers[-1]
    assert whole.text == text  # without the token that ends it
    assert whole.finish_reason == "stop"
    assert whole.answer == "A fox."
    assert next(answer.answer for answer in answers if answer.answer) == "A"
    for answer in answers:
        assert_consistent(answer)


def test_a_closing_mark_that_is_a_special_token_is_kept_and_others_are_not():
    tokenizer = tokenizer_with(["[THINK]", "[/THINK]", "[OTHER]"])
    assert answers_of("[THINK]fur[OTHER][/THINK] A fox.", tokenizer)[-1].text == "[THINK]fur[/THINK] A fox."
    plain = tokenizer_with(["[OTHER]"])
    assert answers_of("A[OTHER] fox.", plain)[-1].text == "A fox."


def test_a_mark_that_ends_the_answer_does_not_show():
    tokenizer = tokenizer_with(HARMONY)
    ends = frozenset([tokenizer.convert_tokens_to_ids("<|end|>")])
    assert answers_of("A fox.", tokenizer, end="<|end|>", end_ids=ends)[-1].text == "A fox."


def test_the_engine_begins_the_text_with_what_the_template_has_opened():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{{ messages[0]['content'] }}{{ '<think>\\n' }}"
    sampler = TorchSampler(tiny_model("llama"), tokenizer, FAKE_SPEC, "test")
    steps = sampler.sample([make_question("q", "Why?")], Decoding(n_samples=3, max_new_tokens=5), "chat", 1)
    (found,) = [done for step in steps for done in step.finished]
    for response in (*found.responses, found.greedy):
        assert response.text.startswith("<think>\n")
        assert "".join(response.tokens) == response.text
        assert len(response.tokens) <= 5
