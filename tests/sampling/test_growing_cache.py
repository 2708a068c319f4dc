"""A cache with room in every layer, against transformers' own: the same tokens, whatever is done with the rows."""

import pytest
import torch
from transformers import DynamicCache, Gemma3TextConfig

from homog_core.sampling.growing_cache import growing_cache

WINDOW = 9
CONFIG = Gemma3TextConfig(num_hidden_layers=6, sliding_window=WINDOW)  # five layers slide, the last one does not


def fed(cache, steps):
    """What the layers return at each step. A step is a number of new tokens, or the rows that go on."""
    torch.manual_seed(0)
    n_rows, seen = 3, []
    for step in steps:
        if isinstance(step, list):
            cache.reorder_cache(torch.tensor(step))
            n_rows = len(step)
            continue
        for layer in range(6):
            new = torch.randn(2, n_rows, 1, step, 4)
            seen += [tensor.clone() for tensor in cache.update(*new, layer)]
        seen.append(torch.tensor(cache.get_seq_length()))
    return seen


@pytest.mark.parametrize(
    "steps",
    [
        [5, 1, 1],
        [5, [0, 0, 1, 1, 2, 2], 1, 1, [1, 2, 5], 1],  # rows are copied and dropped
        [2, *[1] * 12],  # past the window
        [12, 1, 1],  # beyond it from the start
        [3, *[1] * 60],  # past the room
        [3, 2, [2, 1, 0], 3, 1],  # in another order, several at once
    ],
)
def test_the_same_tokens_as_the_library_keeps(steps):
    found, expected = fed(growing_cache(CONFIG), steps), fed(DynamicCache(config=CONFIG), steps)
    assert len(found) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_a_token_is_put_behind_the_others_without_a_copy():
    cache = growing_cache(CONFIG)
    places = [cache.update(*torch.randn(2, 3, 1, n, 4), 5)[0].data_ptr() for n in (5, 1, 1, 1)]
    assert places[1] == places[2] == places[3]


def test_layers_of_other_kinds_are_left_alone():
    from transformers import Mamba2Config

    found, own = (make(config=Mamba2Config(num_hidden_layers=2)) for make in (growing_cache, DynamicCache))
    assert [type(layer) for layer in found.layers] == [type(layer) for layer in own.layers]
