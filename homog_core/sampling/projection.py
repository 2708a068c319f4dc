"""The vocabulary projection in fp32 where a model computes in bf16 or fp16.

Between 16 and 32 neighbouring numbers of bf16 are 0.125 apart. Logits that are rounded so give other entropies and
other tokens than the weights say. The weights stay as they are; what a model does with its logits afterwards, such as a
soft cap or a scale, it does as before. It knows no token and no text.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ROWS = 16_384  # of the vocabulary, of which an fp32 copy is made at a time


def project_in_fp32(model: Any) -> None:
    """Let a model's output embedding compute and return fp32, once and for good.

    One that is quantised or of a kind of its own is left alone, and so is a model in fp32. Under an adapter on the
    projection, this is the layer below it.
    """
    import torch

    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.weight.dtype not in (torch.bfloat16, torch.float16):
        return
    name = "_old_forward" if hasattr(head, "_hf_hook") else "forward"  # accelerate moves weights around the former
    if not isinstance(getattr(head, name), partial):
        setattr(head, name, partial(_project, head))


def _project(head: "torch.nn.Linear", hidden: "torch.Tensor") -> "torch.Tensor":
    """The logits (…, V) = h Wᵀ + b of hidden states h (…, d), in fp32. No fp32 copy of all weights is made.

    A GPU multiplies numbers of 16 bits and adds them up in fp32, which loses nothing; a CPU works block by block.
    """
    import torch

    weight, bias = head.weight, head.bias
    if hidden.is_cuda and hidden.dtype == weight.dtype:
        logits = torch.mm(hidden.flatten(0, -2), weight.T, out_dtype=torch.float32).unflatten(0, hidden.shape[:-1])
        return logits if bias is None else logits + bias.float()
    hidden = hidden.float()
    logits = hidden.new_empty(*hidden.shape[:-1], len(weight))
    for start in range(0, len(weight), _ROWS):
        block = slice(start, start + _ROWS)
        own = None if bias is None else bias[block].float()
        logits[..., block] = torch.nn.functional.linear(hidden, weight[block].float(), own)
    return logits
