"""Norms, gated layers and attention to one token of a model in fp32 on a CPU, each in few operations.

A module is recognised by what it computes and not by its name: it gets a forward pass of ours only if that gives the
same numbers as its own on small, usual and large random ones. All others, attention within a prompt, gradients and
other types keep transformers' own.
"""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

from homog_core.sampling.blocks import Blocks, product
from homog_core.sampling.few_rows import blocks_of, is_computed_here, share_blocks
from homog_core.sampling.instructions import can_run, lanes
from homog_core.sampling.int8 import Int8
from homog_core.sampling.layer_code import Attention, Gate, Heads, Norm, attention, gate, norm, rotation
from homog_core.sampling.threads import in_parallel

if TYPE_CHECKING:
    import torch

_SCALES = (1e-3, 1.0, 100.0)  # of the rows that are tried: small numbers show an ε, and large ones a limit
_NEAR = 2e-5  # how far the numbers of two forward passes may be apart, relative to the largest of a row
# Where a layer rounds what it is given, the last bit of a number may make a step of it, of 1 / 32,512 of the largest
_NEAR_IN_INT8 = 2e-4


class _Norm(NamedTuple):
    """A norm by the root mean square."""

    weight: "torch.Tensor"  # (size,) that the numbers are multiplied by
    epsilon: float


class _Heads(NamedTuple):
    """What is known of an attention layer."""

    size: int  # of a head
    together: int  # heads that share their keys and values
    norms: "tuple[_Norm, _Norm] | None"  # of queries and keys
    blocks: Blocks | Int8 | None  # of queries, keys and values, in one product
    layers: "tuple[torch.nn.Module, ...]"  # that the blocks are of


def quicken_layers(model: Any) -> None:
    """Let those modules of a model that are recognised compute few rows faster, once and for good."""
    import torch

    if model.device.type != "cpu" or model.dtype != torch.float32 or not can_run():
        return
    with torch.inference_mode():
        for module in model.modules():
            if "forward" in module.__dict__ or hasattr(module, "_hf_hook"):
                continue
            for quicken in (_quicken_norm, _quicken_gated, _quicken_attention):
                if (found := quicken(module)) is not None:
                    module.forward = found
                    break


def _agree(one: "torch.Tensor", other: "torch.Tensor", near: float = _NEAR) -> bool:
    """Whether two tensors (…, n) have the same rows, but for rounding."""
    import torch

    if one.shape != other.shape or not torch.isfinite(other).all():
        return False
    return bool(((one - other).abs().amax(-1) <= near * other.abs().amax(-1)).all())


def _near(last: Any) -> float:
    """How far two forward passes may be apart whose last layer this is."""
    return _NEAR_IN_INT8 if isinstance(blocks_of(last), Int8) else _NEAR


def _takes_one(module: Any) -> bool:
    """Whether the forward pass of a module has one argument."""
    return len(signature(type(module).forward).parameters) == 2


def _random(*shape: int) -> "torch.Tensor":
    import torch

    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def _rows_to_try(size: int) -> "torch.Tensor":
    """Random rows (3, size), one of each scale."""
    import torch

    return _random(len(_SCALES), size) * torch.tensor(_SCALES)[:, None]


# Norms


def _quicken_norm(module: Any) -> Callable[..., Any] | None:
    found = _norm_of(module)
    return None if found is None else partial(_norm, type(module).forward.__get__(module), found)


def _norm_of(module: Any) -> _Norm | None:
    """What a norm divides and multiplies by; None for a module that is no norm by the root mean square."""
    import torch

    weight = getattr(module, "weight", None)
    epsilon = getattr(module, "eps", getattr(module, "variance_epsilon", None))
    if not isinstance(weight, torch.nn.Parameter) or weight.dim() != 1 or not isinstance(epsilon, float):
        return None
    if weight.dtype != torch.float32 or len(weight) % lanes() or any(module.children()) or not _takes_one(module):
        return None
    rows = _rows_to_try(len(weight))
    expected = type(module).forward(module, rows)
    for own in (weight.detach(), 1 + weight.detach()):
        if _agree(_normed(_Norm(own, epsilon), rows), expected):
            return _Norm(own, epsilon)
    return None


def _norm(plain: Callable[..., Any], own: _Norm, given: "torch.Tensor") -> "torch.Tensor":
    return _normed(own, given) if _is_ours(given) and given.is_contiguous() else plain(given)


def _normed(own: _Norm, given: "torch.Tensor") -> "torch.Tensor":
    import torch

    size, found = len(own.weight), torch.empty_like(given)
    norm(own.epsilon)(Norm(given.data_ptr(), own.weight.data_ptr(), found.data_ptr(), given.numel() // size, size))
    return found


def _is_ours(given: "torch.Tensor") -> bool:
    import torch

    return not torch.is_grad_enabled() and given.dtype == torch.float32 and given.numel() > 0


# Gated layers


def _quicken_gated(module: Any) -> Callable[..., Any] | None:
    """For down(activation(gate(x)) · up(x))."""
    import torch

    parts = [getattr(module, name, None) for name in ("gate_proj", "up_proj", "down_proj")]
    activation = getattr(module, "act_fn", None)
    if not all(type(part) is torch.nn.Linear for part in parts) or activation is None or not _takes_one(module):
        return None
    size = parts[0].out_features
    kind = _kind_of(activation)
    if kind is None or size != parts[1].out_features or size % lanes():
        return None
    layers = tuple(parts[:2])
    forward = partial(_gated, module, type(module).forward.__get__(module), kind, share_blocks(layers), layers)
    rows = _rows_to_try(parts[0].in_features)[:, None]
    return forward if _agree(forward(rows), type(module).forward(module, rows), _near(parts[2])) else None


def _kind_of(activation: Callable[..., Any]) -> str | None:
    import torch

    numbers = torch.linspace(-20, 20, 1024)
    ones = torch.ones_like(numbers)
    return next((k for k in ("silu", "gelu") if _agree(_opened(k, numbers, ones), activation(numbers))), None)


def _gated(
    module: Any,
    plain: Callable[..., Any],
    kind: str,
    blocks: Blocks | Int8 | None,
    layers: "tuple[torch.nn.Module, ...]",
    given: "torch.Tensor",
) -> "torch.Tensor":
    if not _is_ours(given):
        return plain(given)
    rows = given.reshape(-1, given.shape[-1])
    if blocks and layers == (module.gate_proj, module.up_proj) and is_computed_here(blocks, len(rows)):
        both = product(blocks, rows)
        own, up = both.split(both.shape[-1] // 2, dim=-1)
    else:
        own, up = module.gate_proj(rows), module.up_proj(rows)
    return module.down_proj(_opened(kind, own, up)).view(*given.shape[:-1], -1)


def _opened(kind: str, own: "torch.Tensor", up: "torch.Tensor") -> "torch.Tensor":
    """activation(own) · up, both (R, n) and with the same step from row to row."""
    import torch

    found = torch.empty(own.shape)
    size, step = own.shape[-1], own.stride(0) if own.dim() > 1 else own.shape[-1]
    n_rows = own.numel() // size
    work = Gate(own.data_ptr(), up.data_ptr(), found.data_ptr(), size, step, n_rows, 0)
    in_parallel(gate(kind), work, n_rows)
    return found


# Attention


def _quicken_attention(module: Any) -> Callable[..., Any] | None:
    """For one new token a row, rotated by halves, that attends to all tokens that a mask shows."""
    import torch

    layers = tuple(getattr(module, name, None) for name in ("q_proj", "k_proj", "v_proj"))
    size, config = getattr(module, "head_dim", None), getattr(module, "config", None)
    if not all(type(layer) is torch.nn.Linear for layer in layers) or not isinstance(size, int):
        return None
    if size % (2 * lanes()) or getattr(config, "_attn_implementation", "") != "sdpa":
        return None
    norms = [_norm_of(getattr(module, name, None)) for name in ("q_norm", "k_norm")]
    has_norms = None not in norms
    query_heads, key_heads = (layer.out_features // size for layer in layers[:2])
    heads = _Heads(
        size, query_heads // max(key_heads, 1), tuple(norms) if has_norms else None, share_blocks(layers), layers
    )
    forward = partial(_attend, module, type(module).forward.__get__(module), heads)
    try:
        return forward if _attends_alike(module, forward) else None
    except Exception:  # it takes other arguments, or makes something else of them
        return None


def _attends_alike(module: Any, forward: Callable[..., Any]) -> bool:
    """Whether both forward passes of an attention layer say the same of a token behind five others."""
    import torch
    from transformers import DynamicCache

    rows, past, size = len(_SCALES), 5, module.head_dim
    n_heads = module.k_proj.out_features // size
    keys, values = _random(2, rows, n_heads, past, size)
    given = {
        "hidden_states": _rows_to_try(module.q_proj.in_features)[:, None],
        "position_embeddings": tuple(_random(2, rows, 1, size)),
        "attention_mask": (torch.arange(past + 1) >= torch.tensor([[0], [2], [1]]))[:, None, None],
    }
    found = []
    for one in (forward, type(module).forward.__get__(module)):
        cache = DynamicCache()
        cache.update(keys, values, module.layer_idx)
        found.append(one(**given, past_key_values=cache)[0])
    return _agree(*found, near=_near(module.o_proj))


def _attend(
    module: Any,
    plain: Callable[..., Any],
    heads: _Heads,
    hidden_states: "torch.Tensor",
    position_embeddings: Any = None,
    attention_mask: "torch.Tensor | None" = None,
    past_key_values: Any = None,
    **others: Any,
) -> Any:
    import torch

    mask, n_rows = attention_mask, len(hidden_states)
    is_one_token = hidden_states.dim() == 3 and hidden_states.shape[1] == 1 and past_key_values is not None
    is_plain_mask = mask is None or (mask.dtype == torch.bool and mask.dim() == 4 and mask.shape[1:3] == (1, 1))
    is_plain = is_plain_mask and _rotates_whole_heads(position_embeddings, heads.size)
    if not _is_ours(hidden_states) or not is_one_token or not is_plain or others.get("output_attentions"):
        given = {"attention_mask": mask, "past_key_values": past_key_values, **others}
        return plain(hidden_states, position_embeddings=position_embeddings, **given)
    queries, keys, values = _projected(module, heads, hidden_states)
    cos, sin = (one.expand(n_rows, 1, heads.size).contiguous() for one in position_embeddings)
    for numbers, own in zip((queries, keys), heads.norms or (None, None), strict=True):
        _rotate(numbers, own, cos, sin, heads.size)
    keys, values = (rows.view(n_rows, -1, 1, heads.size) for rows in (keys, values))
    keys, values = past_key_values.update(keys, values, module.layer_idx)
    found = _mixed(heads, queries, keys, values, mask, module.scaling)
    return module.o_proj(found.view(n_rows, 1, -1)), None


def _rotates_whole_heads(embeddings: Any, size: int) -> bool:
    """Whether there is one cosine and one sine for every number of a head; some models rotate a part of them."""
    return embeddings is not None and all(one.dim() == 3 and one.shape[1:] == (1, size) for one in embeddings)


def _projected(module: Any, heads: _Heads, hidden: "torch.Tensor") -> "tuple[torch.Tensor, ...]":
    """Queries, keys and values (R, heads · d)."""
    layers, rows = (module.q_proj, module.k_proj, module.v_proj), hidden[:, 0]
    if heads.blocks and layers == heads.layers and is_computed_here(heads.blocks, len(rows)):
        return product(heads.blocks, rows).split([layer.out_features for layer in layers], dim=-1)
    return tuple(layer(rows) for layer in layers)


def _rotate(numbers: "torch.Tensor", own: _Norm | None, cos: "torch.Tensor", sin: "torch.Tensor", size: int) -> None:
    """Norm and rotate heads (R, heads · d) where they lie."""
    n_rows, width = numbers.shape
    addresses = (numbers.data_ptr(), own.weight.data_ptr() if own else 0, cos.data_ptr(), sin.data_ptr())
    work = Heads(*addresses, n_rows, width // size, numbers.stride(0))
    rotation(size, own.epsilon if own else None)(work)


def _mixed(
    heads: _Heads,
    queries: "torch.Tensor",
    keys: "torch.Tensor",
    values: "torch.Tensor",
    mask: "torch.Tensor | None",
    scaling: float,
) -> "torch.Tensor":
    """What each head (R, heads · d) reads from keys and values (R, key heads, T, d)."""
    import torch

    if keys.stride() != values.stride() or keys.stride(-1) != 1:
        keys, values = keys.contiguous(), values.contiguous()
    n_rows, key_heads, tokens, size = keys.shape
    mask = (
        torch.ones(n_rows, tokens, dtype=torch.bool) if mask is None else mask[:, 0, 0].expand(n_rows, -1).contiguous()
    )
    step = -(-tokens // lanes()) * lanes()
    scores = torch.empty(n_rows, key_heads * heads.together, step)
    found = torch.empty(n_rows, key_heads * heads.together * size)
    addresses = (one.data_ptr() for one in (queries, keys, values, mask, scores, found))
    steps = (queries.stride(0), *keys.stride()[:3], mask.stride(0), step)
    work = Attention(*addresses, key_heads, tokens, *steps, n_rows * key_heads, 0)
    in_parallel(attention(size, heads.together, scaling), work, n_rows)
    return found
