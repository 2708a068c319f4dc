"""Linear layers of a model in fp32 on a CPU, for the few rows that one question or a small batch decodes.

The library's product is made for many rows: eleven take it longer than forty-four. A GPU, other types and many rows
keep it. It knows no token and no text.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from homog_core.sampling.blocks import Blocks, are_whole_tiles, exact_blocks, product
from homog_core.sampling.instructions import can_run
from homog_core.sampling.matrix_code import has_matrix_registers

if TYPE_CHECKING:
    import torch

_FEW = 64  # rows; with more the library's product is as fast, unless there are matrix registers
_SMALLEST = 1 << 17  # weights of a layer; a smaller one takes less time than handing it to other threads


def quicken_few_rows(model: Any) -> None:
    """Let the large linear layers of a model in fp32 on a CPU compute few rows faster, once and for good.

    Those whose weights are blocks of integers read these instead, which take a quarter of the weights' size beside
    them. The weights stay as they are, and gradients go through them.
    """
    import torch

    if not can_run():
        return
    for layer in model.modules():
        if type(layer) is not torch.nn.Linear or hasattr(layer, "_hf_hook") or isinstance(layer.forward, partial):
            continue
        weight = layer.weight.detach()
        if weight.device.type != "cpu" or weight.dtype != torch.float32 or weight.numel() < _SMALLEST:
            continue
        if weight.is_contiguous() and are_whole_tiles(*weight.shape):
            layer.forward = partial(_forward, layer, exact_blocks(weight.numpy()))


def blocks_of(layer: Any) -> Blocks | None:
    """The blocks that a linear layer reads; None where it has none."""
    own = layer.__dict__.get("forward")
    return own.args[1] if isinstance(own, partial) and own.func is _forward else None


def share_blocks(layers: "Sequence[torch.nn.Linear]") -> Blocks | None:
    """The blocks of layers with the same inputs as those of one product, which the layers read their part of.

    None where one of them has no blocks, or adds a bias.
    """
    import torch

    parts = [blocks_of(layer) for layer in layers]
    if None in parts or any(layer.bias is not None for layer in layers):
        return None
    whole = Blocks(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
    sizes = [len(part.scales) for part in parts]
    for layer, *own in zip(layers, *(tensor.split(sizes) for tensor in whole), strict=True):
        layer.forward = partial(_forward, layer, Blocks(*own))
    return whole


def is_quicker(blocks: Blocks | None, n_rows: int) -> bool:
    """Whether our product of so many rows is faster than the library's."""
    if blocks is None:
        return 1 < n_rows <= _FEW
    return n_rows > 0 and (n_rows <= _FEW or has_matrix_registers())


def _forward(layer: "torch.nn.Linear", blocks: Blocks | None, given: "torch.Tensor") -> "torch.Tensor":
    """The products (…, O) of hidden states (…, I)."""
    import torch

    n_rows = given.numel() // given.shape[-1]
    if torch.is_grad_enabled() or given.dtype != torch.float32 or not is_quicker(blocks, n_rows):
        return torch.nn.functional.linear(given, layer.weight, layer.bias)
    found = product(blocks or layer.weight, given.reshape(n_rows, -1)).view(*given.shape[:-1], -1)
    return found if layer.bias is None else found + layer.bias
