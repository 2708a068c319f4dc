"""Linear layers of a model in fp32 on a CPU, for the few rows that one question or a small batch decodes.

The library's product is made for many rows: eleven take it longer than forty-four. A GPU, other types and many rows
keep it. It knows no token and no text.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from homog_core.errors import InvalidInput
from homog_core.sampling.blocks import Blocks, are_whole_tiles, exact_blocks, int8_weights, product
from homog_core.sampling.instructions import can_run
from homog_core.sampling.int8 import Int8, plain_product
from homog_core.sampling.matrix_code import BLOCK, has_matrix_registers

if TYPE_CHECKING:
    import torch

_FEW = 64  # rows; with more the library's product is as fast, unless there are matrix registers
_SMALLEST = 1 << 17  # weights of a layer; a smaller one takes less time than handing it to other threads


def quicken_few_rows(model: Any) -> None:
    """Let the large linear layers of a model in fp32 on a CPU compute few rows faster, once and for good.

    Those whose weights are blocks of integers read these instead, which take a quarter of the weights' size beside
    them. The weights stay as they are, and gradients go through them.
    """
    if not can_run():
        return
    for layer in _large_layers(model):
        layer.forward = partial(_forward, layer, exact_blocks(layer.weight.detach().numpy()))


def compute_in_int8(key: str, model: Any) -> None:
    """Let the large linear layers of a model in fp32 on a CPU compute in int8, once and for good, without gradients.

    The processor must be able to (`int8_code.can_multiply_int8`). The weights stay as they are, beside the integers.
    `key` is what messages call the model. Raises `InvalidInput` where no layer is large, and where large weights belong
    to other layers, which would go on computing in fp32.
    """
    import torch

    layers = list(_large_layers(model))
    taken = {layer.weight.data_ptr() for layer in layers}
    for name, module in model.named_modules():
        for own, weight in module.named_parameters(prefix=name, recurse=False):
            is_matrix = weight.dim() > 1 and weight.numel() >= _SMALLEST and not isinstance(module, torch.nn.Embedding)
            if is_matrix and weight.data_ptr() not in taken:
                raise InvalidInput(
                    f"{key} does not compute in int8: {own} is of no linear layer, or its sizes {tuple(weight.shape)} "
                    f"are not multiples of {BLOCK}. Choose float32."
                )
    if not layers:
        raise InvalidInput(f"{key} has no linear layer that is large enough to compute in int8. Choose float32.")
    for layer in layers:
        layer.forward = partial(_forward, layer, int8_weights(layer.weight.detach().numpy()))


def is_in_int8(model: Any) -> bool:
    """Whether the large linear layers of a model compute in int8."""
    return any(isinstance(blocks_of(layer), Int8) for layer in model.modules())


@contextmanager
def own_forward_passes(model: Any, *, in_fp32: bool = False) -> Iterator[None]:
    """While the context lasts no module has a forward pass of ours; those of other libraries stay.

    Layers in int8 then compute the same by PyTorch's operations (`int8.plain_product`), or `in_fp32` with their
    weights.
    """
    modules = [module for module in model.modules() if not hasattr(module, "_hf_hook")]
    ours = [(m, m.__dict__["forward"]) for m in modules if isinstance(m.__dict__.get("forward"), partial)]
    blocks = {module: blocks_of(module) for module, _ in ours}
    for module, _ in ours:
        del module.forward
        if isinstance(blocks[module], Int8) and not in_fp32:
            module.forward = partial(_plain_int8, module, blocks[module])
    try:
        yield
    finally:
        for module, forward in ours:
            module.forward = forward


def _plain_int8(layer: "torch.nn.Linear", weight: Int8, given: "torch.Tensor") -> "torch.Tensor":
    found = plain_product(weight, given)
    return found if layer.bias is None else found + layer.bias


def _large_layers(model: Any) -> "Iterator[torch.nn.Linear]":
    """The linear layers that have no forward pass of ours, in fp32 on a CPU, of a form that our products take."""
    import torch

    for layer in model.modules():
        if type(layer) is not torch.nn.Linear or hasattr(layer, "_hf_hook") or isinstance(layer.forward, partial):
            continue
        weight = layer.weight.detach()
        if weight.device.type != "cpu" or weight.dtype != torch.float32 or weight.numel() < _SMALLEST:
            continue
        if weight.is_contiguous() and are_whole_tiles(*weight.shape):
            yield layer


def blocks_of(layer: Any) -> Blocks | Int8 | None:
    """The blocks that a linear layer reads; None where it has none."""
    own = layer.__dict__.get("forward")
    return own.args[1] if isinstance(own, partial) and own.func is _forward else None


def share_blocks(layers: "Sequence[torch.nn.Linear]") -> Blocks | Int8 | None:
    """The blocks of layers with the same inputs as those of one product, which the layers read their part of.

    None where one of them has no blocks, or adds a bias.
    """
    import torch

    parts = [blocks_of(layer) for layer in layers]
    if None in parts or any(layer.bias is not None for layer in layers):
        return None
    kind = type(parts[0])
    whole = kind(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
    sizes = [len(part.scales) for part in parts]
    for layer, *own in zip(layers, *(tensor.split(sizes) for tensor in whole), strict=True):
        layer.forward = partial(_forward, layer, kind(*own))
    return whole


def is_computed_here(blocks: Blocks | Int8 | None, n_rows: int) -> bool:
    """Whether our product of so many rows is faster than the library's, or is the only one, as in int8."""
    if isinstance(blocks, Int8):
        return True
    if blocks is None:
        return 1 < n_rows <= _FEW
    return n_rows > 0 and (n_rows <= _FEW or has_matrix_registers())


def _forward(layer: "torch.nn.Linear", blocks: Blocks | Int8 | None, given: "torch.Tensor") -> "torch.Tensor":
    """The products (…, O) of hidden states (…, I)."""
    import torch

    n_rows = given.numel() // given.shape[-1]
    is_usual = not torch.is_grad_enabled() and given.dtype == torch.float32
    if not is_computed_here(blocks, n_rows) or not (is_usual or isinstance(blocks, Int8)):
        return torch.nn.functional.linear(given, layer.weight, layer.bias)
    rows = given.reshape(n_rows, -1).float()  # other numbers would be read as if they were of fp32
    found = product(blocks or layer.weight, rows).view(*given.shape[:-1], -1)
    return found if layer.bias is None else found + layer.bias
