"""The product of rows and weights in blocks, as machine code for the processor at hand.

numba keeps the sums of the rows in memory and fills half of the widest registers. Here they stay in registers, which
makes the product twice as fast. It knows neither a model nor where threads come from.
"""

import ctypes
from functools import cache
from typing import Any

from homog_core.sampling.instructions import Code, lanes, to_machine_code
from homog_core.sampling.matrix_code import BLOCK, COUNTS, TILE, matrix_product

_STEP = 4  # inputs in one turn of the innermost loop
_CHUNK = 512  # inputs of weights that are numbers, between which sums are put aside
_LINE, _AHEAD = 64, 2048  # bytes that a cache takes up at a time, and how long before they are needed
_MOST_ROWS = {16: 12, 8: 3, 4: 2}  # whose sums of a tile fit into the registers


class Work(ctypes.Structure):
    """What every thread is given."""

    _fields_ = (
        ("weights", ctypes.c_void_p),  # integers (tiles, inputs, TILE) int8, or numbers (tiles · TILE, inputs) float32
        ("scales", ctypes.c_void_p),  # of integers (tiles, inputs / BLOCK, TILE) float32
        ("rows", ctypes.c_void_p),  # (groups, inputs, rows of a group) float32 for integers, else (…, inputs)
        ("found", ctypes.c_void_p),  # (groups · rows of a group, tiles · TILE) float32
        *COUNTS,
    )


@cache
def most_rows() -> int:
    """How many rows are best computed together on this processor."""
    return _MOST_ROWS[lanes()]


@cache
def compiled(kind: str, n_rows: int) -> Any:
    """`void work(struct Work *)` for "blocks" or "numbers", and groups of so many rows.

    A row's numbers are the same whatever `n_rows` is.
    """
    compute = {"blocks": _blocks, "numbers": _numbers, "matrix": matrix_product}[kind]
    return to_machine_code(Work, lanes(), lambda code, given: compute(code, given, n_rows))


def _blocks(code: Code, given: dict[str, Any], n_rows: int) -> None:
    """Block by block, input by input; a register holds the sums of one row for several outputs."""
    parts = range(0, TILE, code.lanes)
    sums = {(row, part): code.variable() for row in range(n_rows) for part in parts}
    n_blocks = code.quotient(given["inputs"], BLOCK)

    with code.taken(given["next_tile"], given["tiles"]) as tile, code.counted(given["groups"]) as group:
        code.clear(sums.values())
        with code.counted(n_blocks) as block:
            at_scales = code.product(code.sum(code.product(tile, n_blocks), block), TILE)
            scales = {part: code.loaded(given["scales"], at_scales, part) for part in parts}
            with code.counted(code.long(BLOCK // _STEP)) as step:
                first = code.sum(code.product(block, BLOCK), code.product(step, _STEP))
                at_weights = code.product(code.sum(code.product(tile, given["inputs"]), first), TILE)
                at_rows = code.product(code.sum(code.product(group, given["inputs"]), first), n_rows)
                for line in range(0, _STEP * TILE, _LINE):
                    code.fetched(given["weights"], at_weights, _AHEAD + line)
                for i in range(_STEP):
                    integers = {part: code.integers(given["weights"], at_weights, i * TILE + part) for part in parts}
                    weights = {part: code.builder.fmul(integers[part], scales[part]) for part in parts}
                    values = [code.repeated(given["rows"], at_rows, i * n_rows + row) for row in range(n_rows)]
                    for (row, part), own in sums.items():
                        code.add(own, values[row], weights[part])
        for (row, part), own in sums.items():
            line = code.product(code.sum(code.product(group, n_rows), row), given["tiles"])
            at = code.product(code.sum(line, tile), TILE)
            code.stored(given["found"], at, part, code.value(own))


def _numbers(code: Code, given: dict[str, Any], n_rows: int) -> None:
    """Two outputs at a time; a register holds parts of the sum of one row for one output.

    The inputs are taken in chunks, so that those of all rows of a group stay in the nearest cache.
    """
    pair, lanes = range(2), code.lanes
    sums = {(row, output): code.variable() for row in range(n_rows) for output in pair}
    kept = code.scratch(TILE * n_rows * lanes * 4)  # the registers of a tile, between the chunks
    n_chunks = code.quotient(code.sum(given["inputs"], _CHUNK - 1), _CHUNK)

    def at_kept(turn: Any, row: int, output: int) -> Any:
        return code.product(code.sum(code.product(turn, len(sums)), row * len(pair) + output), lanes)

    def add_chunk(tile: Any, group: Any, chunk: Any, turn: Any) -> None:
        begin, first = code.product(chunk, _CHUNK), code.sum(code.product(tile, TILE), code.product(turn, len(pair)))
        lines = [code.sum(code.product(code.sum(first, output), given["inputs"]), begin) for output in pair]
        for (row, output), own in sums.items():
            code.builder.store(code.loaded(kept, at_kept(turn, row, output), 0), own)
        width = code.least(code.long(_CHUNK), code.difference(given["inputs"], begin))
        with code.counted(code.quotient(width, lanes)) as step:
            at = code.product(step, lanes)
            weights = [code.loaded(given["weights"], code.sum(line, at), 0) for line in lines]
            for line in lines:  # the same place of the next two
                ahead = code.sum(code.sum(line, at), code.product(given["inputs"], len(pair)))
                code.fetched(given["weights"], code.product(ahead, 4), 0)
            for row in range(n_rows):
                whole = code.sum(code.product(group, n_rows), row)
                at_row = code.sum(code.sum(code.product(whole, given["inputs"]), begin), at)
                value = code.loaded(given["rows"], at_row, 0)
                for output in pair:
                    code.add(sums[row, output], value, weights[output])
        for (row, output), own in sums.items():
            code.stored(kept, at_kept(turn, row, output), 0, code.value(own))

    with code.taken(given["next_tile"], given["tiles"]) as tile, code.counted(given["groups"]) as group:
        with code.counted(code.long(TILE * n_rows)) as i:
            code.stored(kept, code.product(i, lanes), 0, code.vector(None))
        with code.counted(n_chunks) as chunk, code.counted(code.long(TILE // len(pair))) as turn:
            add_chunk(tile, group, chunk, turn)
        with code.counted(code.long(TILE // len(pair))) as turn:
            for row, output in sums:
                whole = code.sum(code.product(group, n_rows), row)
                line = code.product(whole, code.product(given["tiles"], TILE))
                at = code.sum(line, code.sum(code.product(tile, TILE), code.product(turn, len(pair))))
                code.stored(given["found"], at, output, code.together(code.loaded(kept, at_kept(turn, row, output), 0)))
