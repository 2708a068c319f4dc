"""The probability of a token after temperature and top-p lies between the bounds that its own numbers give."""

import numpy as np
import pytest

from homog_core.records import Decoding
from homog_core.sampling.draws import truncated_distribution
from homog_core.statistics.tempered import drawn_logprobs


@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.0, 1.3, 3.0])
@pytest.mark.parametrize("top_p", [1.0, 0.8])
@pytest.mark.parametrize("spread", [0.1, 3.0, 15.0])
def test_the_true_probability_is_inside(temperature, top_p, spread):
    import torch

    logits = np.random.default_rng(0).normal(0, spread, (40, 30))
    p = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    decoding = Decoding(temperature=temperature, top_p=top_p)
    drawn = truncated_distribution(torch.tensor(np.log(p)), decoding).numpy()
    drawn /= drawn.sum(axis=1, keepdims=True)
    for row, after in zip(p, drawn, strict=True):
        entropy = np.full(len(row), -(row * np.log(np.maximum(row, 1e-300))).sum(), dtype=np.float32)
        kept = after > 0
        for entropies in (entropy, np.full(len(row), np.nan)):
            low, high = drawn_logprobs(np.log(row).astype(np.float32), entropies, temperature, top_p)
            assert (low[kept] <= np.log(after[kept]) + 1e-4).all()
            assert (high[kept] >= np.log(after[kept]) - 1e-4).all()


def test_at_temperature_1_both_are_the_log_probability():
    low, high = drawn_logprobs(np.array([-0.5, 0.0, np.nan]), np.array([1.0, 0.0, np.nan]), 1, 1)
    assert low.tolist() == [-0.5, 0, -np.inf]
    assert high.tolist() == [-0.5, 0, 0]


def test_two_tokens_are_known_exactly():
    # 0.8 and 0.2 at temperature 1/2: 0.64 / (0.64 + 0.04)
    entropy = np.array([-0.8 * np.log(0.8) - 0.2 * np.log(0.2)])
    low, high = drawn_logprobs(np.log([0.8]), entropy, 0.5, 1)
    assert np.exp(low) == pytest.approx(0.64 / 0.68)
    assert np.exp(high) == pytest.approx(0.64 / 0.68, abs=1e-4)


def test_the_entropy_narrows_the_bound():
    # 0.5 beside a thousand others, or beside one other
    others = np.full(1000, 0.5 / 1000)
    wide = np.log(2) / 2 - (others * np.log(others)).sum()
    known, unknown = (drawn_logprobs(np.log([0.5]), np.array([h]), 1.5, 1).high[0] for h in (wide, np.nan))
    assert known < unknown - 1
