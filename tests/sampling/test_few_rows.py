"""Few rows on a CPU: integers and scales that are exactly the weights, and products against fp64 by hand."""

import copy

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, dequantize, quantize

from homog_core.sampling import blocks as blocks_module
from homog_core.sampling import few_rows, machine_code, threads
from homog_core.sampling.blocks import exact_blocks, product
from homog_core.sampling.few_rows import quicken_few_rows
from homog_core.sampling.matrix_code import has_matrix_registers

SHAPE = (1024, 64)  # 32 tiles of outputs, 2 blocks of inputs


def quantised(kind):
    """Weights that went through a GGUF type, with a block of zeros."""
    raw = np.random.default_rng(3).normal(0, 0.05, SHAPE).astype(np.float32)
    raw[5, :32] = 0
    kind = GGMLQuantizationType[kind]
    return torch.from_numpy(dequantize(quantize(raw, kind), kind).copy())


def layer_of(weight, bias=False):
    layer = torch.nn.Linear(SHAPE[1], SHAPE[0], bias=bias)
    layer.weight.data = weight
    return layer


@pytest.fixture
def small_layers(monkeypatch):
    monkeypatch.setattr(few_rows, "_SMALLEST", 1)


@pytest.mark.parametrize("kind", ["Q8_0", "Q5_0", "Q4_0"])
def test_blocks_are_exactly_the_weights(kind):
    weight = quantised(kind)
    blocks = exact_blocks(weight.numpy())
    scales = blocks.scales.repeat_interleave(32, dim=1)
    assert torch.equal((blocks.integers * scales).transpose(1, 2).reshape(SHAPE), weight)


def one_that_is_off(weight):
    weight[-1, -1] *= 1 + 2**-20  # not in the tile that is looked at first
    return weight


@pytest.mark.parametrize(
    "weight",
    [torch.randn(SHAPE), one_that_is_off(quantised("Q8_0")), quantised("Q8_0")[:1000], quantised("Q8_0")[:, :48]],
    ids=["never quantised", "one weight is off", "no whole tiles", "no whole blocks"],
)
def test_other_weights_are_no_blocks(weight):
    assert exact_blocks(weight.numpy()) is None


@pytest.mark.parametrize("kind", ["blocks", "numbers"])
def test_a_row_does_not_depend_on_the_other_rows_or_the_threads(kind, monkeypatch):
    monkeypatch.setattr(blocks_module, "has_matrix_registers", lambda: False)
    weight, rows = quantised("Q5_0"), torch.randn(11, SHAPE[1])
    weight = exact_blocks(weight.numpy()) if kind == "blocks" else weight
    together, before = product(weight, rows), torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            assert torch.equal(product(weight, rows[4:5])[0], together[4])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("n_rows", [1, 5, 12, 13])
@pytest.mark.parametrize("kind", ["blocks", "numbers"])
def test_registers_of_every_width_say_what_the_weights_say(lanes, n_rows, kind, monkeypatch):
    weight, rows = quantised("Q4_0"), torch.randn(n_rows, SHAPE[1])
    monkeypatch.setattr(machine_code, "lanes", lambda: lanes)
    monkeypatch.setattr(blocks_module, "has_matrix_registers", lambda: False)
    for cached in (machine_code.most_rows, machine_code.compiled):
        monkeypatch.setattr(machine_code, cached.__name__, cached.__wrapped__)
        monkeypatch.setattr(blocks_module, cached.__name__, cached.__wrapped__)
    found = product(exact_blocks(weight.numpy()) if kind == "blocks" else weight, rows)
    assert float((found - rows.double() @ weight.double().T).abs().max()) < 1e-5


@pytest.mark.skipif(not has_matrix_registers(), reason="this processor has no matrix registers")
@pytest.mark.parametrize("n_rows", [13, 16, 17, 33, 44, 256, 257, 300])
def test_matrix_registers_say_what_the_weights_say(n_rows):
    weight = quantised("Q8_0")
    rows = torch.randn(n_rows, SHAPE[1]) * torch.logspace(-6, 6, n_rows)[:, None]
    found, expected = product(exact_blocks(weight.numpy()), rows), rows.double() @ weight.double().T
    assert float(((found - expected).abs() / expected.abs().amax(1, keepdim=True)).max()) < 1e-6


@pytest.mark.skipif(not has_matrix_registers(), reason="this processor has no matrix registers")
def test_a_row_in_matrix_registers_does_not_depend_on_the_other_rows():
    blocks, rows = exact_blocks(quantised("Q5_0").numpy()), torch.randn(100, SHAPE[1])
    assert torch.equal(product(blocks, rows)[20:40], product(blocks, rows[20:40]))
    assert float((product(blocks, rows)[20:22] - product(blocks, rows[20:22])).abs().max()) < 1e-5  # by other registers


def test_own_threads_give_the_same_as_those_of_torch(monkeypatch):
    blocks, rows = exact_blocks(quantised("Q8_0").numpy()), torch.randn(11, SHAPE[1])
    expected = product(blocks, rows)
    monkeypatch.setattr(threads, "_parallel", lambda: threads._in_own_threads)
    assert torch.equal(product(blocks, rows), expected)


@pytest.mark.parametrize("kind", ["blocks", "other weights"])
@pytest.mark.parametrize("n_rows", [0, 1, 8, 13, 24, 25, 64, 65])
def test_a_layer_says_what_its_weights_say(kind, n_rows, small_layers):
    layer = layer_of(quantised("Q8_0") if kind == "blocks" else torch.randn(SHAPE) / 20, bias=True)
    quicken_few_rows(torch.nn.Sequential(layer))
    given = torch.randn(n_rows, 1, SHAPE[1])
    with torch.inference_mode():
        found = layer(given)
        expected = given.double() @ layer.weight.double().T + layer.bias.double()
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=1e-5)


def test_gradients_go_through_the_weights(small_layers):
    layer = layer_of(quantised("Q8_0"))
    plain = copy.deepcopy(layer)
    quicken_few_rows(torch.nn.Sequential(layer))
    given = torch.randn(3, SHAPE[1])
    for one in (layer, plain):
        one(given).square().sum().backward()
    assert torch.equal(layer.weight.grad, plain.weight.grad)


def test_half_precision_and_small_layers_are_left_alone():
    small, half = layer_of(quantised("Q8_0")), torch.nn.Linear(1024, 1024).bfloat16()
    quicken_few_rows(torch.nn.Sequential(small, half))
    assert "forward" not in small.__dict__ | half.__dict__
