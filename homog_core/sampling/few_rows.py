"""Linear layers of a model in fp32 on a CPU, for the few rows that one question decodes.

The library's product is made for many rows: eleven take it longer than forty-four. A GPU, other types and many rows
keep it. It knows no token and no text.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from homog_core.sampling.blocks import Blocks, exact_blocks, product

if TYPE_CHECKING:
    import torch

_ROWS_OF_BLOCKS = range(1, 65)  # with more of them the library's product is as fast
_ROWS_TRANSPOSED = range(8, 25)
_SMALLEST = 1 << 19  # weights of a layer; a smaller one takes less time than handing it to other threads


def quicken_few_rows(model: Any) -> None:
    """Let the large linear layers of a model in fp32 on a CPU compute few rows faster, once and for good.

    Those whose weights are blocks of integers use them; all others multiply the other way round. The weights stay as
    they are, beside them the integers take a quarter of their size, and gradients go through the weights.
    """
    import torch

    for layer in model.modules():
        if type(layer) is not torch.nn.Linear or hasattr(layer, "_hf_hook") or isinstance(layer.forward, partial):
            continue
        weight = layer.weight
        if weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.numel() >= _SMALLEST:
            layer.forward = partial(_forward, layer, exact_blocks(weight.detach().numpy()))


def _forward(layer: "torch.nn.Linear", blocks: Blocks | None, given: "torch.Tensor") -> "torch.Tensor":
    """The products (…, O) of hidden states (…, I)."""
    import torch

    n_rows = given.numel() // given.shape[-1]
    quicker = _ROWS_OF_BLOCKS if blocks else _ROWS_TRANSPOSED
    if torch.is_grad_enabled() or given.dtype != torch.float32 or n_rows not in quicker:
        return torch.nn.functional.linear(given, layer.weight, layer.bias)
    rows = given.reshape(n_rows, -1).contiguous()
    found = product(blocks, rows) if blocks else (layer.weight @ rows.T).T.contiguous()
    found = found.view(*given.shape[:-1], -1)
    return found if layer.bias is None else found + layer.bias
