"""The question in a prompt: between the marks of a template, after the examples, or the prompt itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.runs.importers.templates import prompt_of_messages, question_in, question_of_messages


@pytest.mark.parametrize(
    "prompt",
    [
        "Why?",
        "Q: Why?\nA:",
        "Q: Who?\nA: Me.\n\nQ: Why?\nA:",
        "Answer briefly.\nQuestion: Why?\nAnswer: ",
        "<s>[INST] Why? [/INST]",
        "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nWhy? [/INST]",
        "[INST] Who? [/INST] Me.</s>[INST] Why? [/INST]",
        "<|system|>\n</s>\n<|user|>\nWhy?</s>\n<|assistant|>\n",
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n",
        "<bos><start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\n",
        "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        "### Instruction:\nWhy?\n\n### Response:\n",
        "# Query:\n```\nWhy?\n```\n\n# Answer:\n```\n",
    ],
)
def test_a_template_is_taken_off(prompt):
    assert question_in(prompt) == "Why?"


@pytest.mark.parametrize(
    "prompt",
    ["What does Q: mean?", "Name a word with\nA: in it", "Compare [INST] and [/ INST]", "Q: Why?\nA: Since it is.", ""],
)
def test_a_prompt_that_only_looks_like_one_stays(prompt):
    assert question_in(prompt) == prompt


@given(st.text())
def test_a_question_is_always_part_of_its_prompt(prompt):
    assert question_in(prompt) in prompt
    assert not prompt or question_in(prompt)


def test_messages():
    parts = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Why?"}, {"type": "image"}]
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": parts}]
    assert question_of_messages(messages) == "<think>hm</think>Why?"
    assert prompt_of_messages(messages) == "system: Be kind.\n\nuser: <think>hm</think>Why?"
    assert prompt_of_messages([{"role": "user", "content": "Why?"}]) == "Why?"
