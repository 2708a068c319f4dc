"""Exact probabilities of closed lists: against stepping token by token, and against what is drawn."""

import math

import numpy as np
import pytest
import torch
from fakes import make_question, tiny_adapter

from homog_core.errors import InvalidInput
from homog_core.records import Decoding
from homog_core.sampling import choices
from homog_core.sampling.choices import choice_probabilities

QUESTION = make_question("q", "Roll a die.")
OPTIONS = [["a"], ["b", "be"], ["cab"]]


def stepped(sampler, prompt_ids, ids, ends):
    """P of the tokens and of a word's end, by one full forward pass a token."""
    log_p = 0.0
    for position, token in enumerate([*ids, None]):
        with torch.no_grad():
            logits = sampler.activated()(input_ids=torch.tensor([prompt_ids + list(ids[:position])])).logits[0, -1]
        distribution = torch.log_softmax(logits.double(), dim=-1)
        log_p += float(distribution[token] if token is not None else torch.logsumexp(distribution[ends], 0))
    return math.exp(log_p)


def test_they_are_what_stepping_gives(tiny_sampler, monkeypatch):
    monkeypatch.setattr(choices, "FRAMES", ("", "It is"))
    monkeypatch.setattr(choices, "PRUNED", 0.0)
    found = choice_probabilities(tiny_sampler, QUESTION, OPTIONS, "plain").probabilities
    prompt = tiny_sampler.prompt(QUESTION.text, "plain")
    encode = lambda text: tiny_sampler.tokenizer(text, add_special_tokens=prompt.add_special_tokens)["input_ids"]
    prompt_ids = encode(prompt.text)
    ends = torch.from_numpy(choices._ends_word(tiny_sampler, tiny_sampler.model.config.vocab_size))
    expected = np.zeros(len(OPTIONS))
    for index, spellings in enumerate(OPTIONS):
        forms = {form for s in spellings for form in (s, s.capitalize())}
        texts = {
            f"{lead}{f'{frame} {form}'.strip()}" for frame in choices.FRAMES for form in forms for lead in ("", " ")
        }
        sequences = {tuple(encode(prompt.text + text)[len(prompt_ids) :]) for text in texts}
        expected[index] = sum(stepped(tiny_sampler, prompt_ids, ids, ends) for ids in sequences)
    assert found == pytest.approx(expected, rel=1e-4)
    assert 0 < found.sum() < 1


def test_they_are_those_of_the_sampler_that_is_asked(llama_sampler, tmp_path):
    """Another adapter on the same weights has computed last."""
    before = choice_probabilities(llama_sampler, QUESTION, OPTIONS, "plain").probabilities
    llama_sampler.sibling(tiny_adapter(tmp_path / "adapter"))
    found = choice_probabilities(llama_sampler, QUESTION, OPTIONS, "plain").probabilities
    assert found == pytest.approx(before, rel=1e-4)


def test_parts_of_any_size_give_the_same(llama_sampler, monkeypatch):
    whole = choice_probabilities(llama_sampler, QUESTION, OPTIONS, "plain").probabilities
    monkeypatch.setattr(choices, "_ROWS", 3)
    found = choice_probabilities(llama_sampler, QUESTION, OPTIONS, "plain").probabilities
    assert found == pytest.approx(whole, rel=1e-4)


def test_what_is_not_followed_is_counted(llama_sampler, monkeypatch):
    monkeypatch.setattr(choices, "PRUNED", 0.0)
    whole = choice_probabilities(llama_sampler, QUESTION, OPTIONS, "plain")
    monkeypatch.setattr(choices, "PRUNED", 1e-3)
    rough = choice_probabilities(llama_sampler, QUESTION, OPTIONS, "plain")
    assert whole.pruned == 0 < rough.pruned
    lost = whole.probabilities.sum() - rough.probabilities.sum()
    assert 0 <= lost <= rough.pruned + 1e-9


@pytest.mark.parametrize(
    ("options", "complaint"),
    [([["one"], ["One"]], "stands for two answers"), ([["red"], ["red orange"]], "begins the answer")],
)
def test_a_list_that_is_not_one_of_different_answers_is_refused(llama_sampler, options, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        choice_probabilities(llama_sampler, QUESTION, options, "plain")


def test_one_begins_ten_but_is_another_answer(real_sampler):
    """The mass of "1" does not hold that of "10": together with all others they are at most 1."""
    sampler, style = real_sampler
    options = [[str(n)] for n in range(1, 21)]
    question = make_question("n", "Pick a random number from 1 to 20.")
    found = choice_probabilities(sampler, question, options, style).probabilities
    assert 0 < found.sum() <= 1
    ends = choices._ends_word(sampler, sampler.model.config.vocab_size)
    pieces = sampler.tokenizer.convert_ids_to_tokens([*range(len(ends))][:5000])
    assert not any(ends[i] for i, piece in enumerate(pieces) if piece[:1].isdigit())


def test_what_is_drawn_is_what_is_said_to_be_likely(real_sampler):
    """300 draws of one question: the share of answers on the list lies within four standard errors."""
    sampler, style = real_sampler
    question = make_question("coin", "Flip a coin. Heads or tails?")
    p = choice_probabilities(sampler, question, [["heads"], ["tails"]], style).probabilities
    drawn = [
        response.answer
        for step in sampler.sample([question], Decoding(n_samples=300, max_new_tokens=8), style)
        for done in step.finished
        for response in done.responses
    ]
    for index, word in enumerate(("heads", "tails")):
        starts = [f"{frame} {word}".strip().lower() for frame in choices.FRAMES]
        hits = sum(begins(answer.lower(), starts) for answer in drawn)
        error = math.sqrt(max(p[index] * (1 - p[index]), 1e-3) / len(drawn))
        assert abs(hits / len(drawn) - p[index]) < 4 * error


def begins(answer, starts):
    return any(answer.startswith(s) and not answer[len(s) : len(s) + 1].isalnum() for s in starts)
