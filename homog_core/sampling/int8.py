"""Products with weights as integers of 8 bits: what `--dtype int8` computes large linear layers with.

Weights are integers with one scale for 32 inputs, as in GGUF files, since most weights of such a file are exactly that.
A row of numbers is rounded to 32,512 steps on either side of 0, with one scale: two integers of 8 bits for each
number. Sums over 32 inputs are exact, and are added up in fp32. `plain_product` is the same in PyTorch's operations,
for comparison. It knows no model.
"""

from typing import TYPE_CHECKING, NamedTuple

from homog_core.sampling.int8_code import (
    DIGITS,
    LARGEST,
    LEAST,
    MOST_IN_A_GROUP,
    Int8Work,
    Rounding,
    int8_product,
    rounding,
)
from homog_core.sampling.matrix_code import BLOCK, MOST_ROWS, TILE
from homog_core.sampling.threads import in_parallel

if TYPE_CHECKING:
    import torch


class Int8(NamedTuple):
    """A weight matrix (O, I), tile by tile of its outputs and block by block of its inputs."""

    integers: "torch.Tensor"  # (O / TILE, I / BLOCK, TILE / 16, BLOCK / 4, 16, 4) int8, as matrix registers read them
    scales: "torch.Tensor"  # (O / TILE, I / BLOCK, TILE) float32

    @classmethod
    def of(cls, integers: "torch.Tensor", scales: "torch.Tensor") -> "Int8":
        """From integers (O / TILE, I, TILE) and their scales (O / TILE, I / BLOCK, TILE)."""
        tiles = integers.view(len(integers), -1, BLOCK // 4, 4, TILE // 16, 16)
        return cls(tiles.permute(0, 1, 4, 2, 5, 3).contiguous(), scales)

    def numbers(self) -> "torch.Tensor":
        """The weights (O, I) in fp32."""
        tiles = self.integers.permute(0, 2, 4, 1, 3, 5).flatten(4).flatten(1, 2)  # (tiles, TILE, blocks, BLOCK)
        return (tiles * self.scales.transpose(1, 2)[..., None]).flatten(2).flatten(0, 1)


def product(weight: Int8, rows: "torch.Tensor") -> "torch.Tensor":
    """The products (R, O) in fp32 of rows (R, I) that are rounded and weights. A row does not depend on the others."""
    import torch

    found = [_product(weight, some) for some in rows.split(MOST_ROWS)]
    return torch.cat(found) if len(found) > 1 else found[0]


def _product(weight: Int8, rows: "torch.Tensor") -> "torch.Tensor":
    """The products (R, O), computed in groups of rows."""
    import torch

    n_groups, inputs, n_tiles = -(-len(rows) // MOST_IN_A_GROUP), rows.shape[1], len(weight.integers)
    if n_groups == 0:
        return torch.empty(0, n_tiles * TILE)
    n_rows, rows = -(-len(rows) // n_groups), rows.contiguous()
    digits = torch.empty(DIGITS * n_groups * n_rows, inputs, dtype=torch.int8)
    scales, found = torch.empty(n_groups * n_rows), torch.empty(n_groups * n_rows, n_tiles * TILE)
    rounding()(Rounding(rows.data_ptr(), digits.data_ptr(), scales.data_ptr(), *rows.shape, n_rows))
    addresses = (one.data_ptr() for one in (*weight, digits, scales, found))
    in_parallel(int8_product(n_rows), Int8Work(*addresses, inputs, n_groups, n_tiles, 0), n_tiles)
    return found[: len(rows)]


def rounded(rows: "torch.Tensor") -> "torch.Tensor":
    """The numbers that rows (…, I) in fp32 are rounded to."""
    import torch

    largest = rows.abs().amax(-1, keepdim=True)
    steps = torch.full_like(largest, LARGEST) / largest  # `LARGEST / largest` would be a product with 1 / largest
    return (rows * steps.where(largest >= LEAST, 0)).round() * (largest / LARGEST)


def plain_product(weight: Int8, rows: "torch.Tensor") -> "torch.Tensor":
    """What `product` says of rows (…, I), by PyTorch's own operations; only the rounding of sums is another."""
    return rounded(rows) @ weight.numbers().T
