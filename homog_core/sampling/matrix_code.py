"""The product of rows and weights in blocks, for processors with matrix registers (AMX).

These multiply numbers of bf16, of 8 significant bits, and add up in fp32. The integers of a block are such numbers
exactly, and a number of fp32 is exactly the sum of three of them. So the products are those of fp32, at twice the
speed of other registers.
"""

import ctypes
from functools import cache
from typing import Any

from homog_core.sampling.instructions import Code, has, to_machine_code

BLOCK, TILE = 32, 32  # weights with one scale; outputs that are computed together
FEWEST_ROWS, MOST_ROWS = 8, 256  # for which converting the weights pays; of one call
PIECES = 3  # of bf16 that are a number of fp32
_ROWS = 16  # of a register
_GROUPS, _HALVES = range(2), range(2)  # groups of rows, and halves of a tile, that are computed beside each other
_SUMS, _GROUP, _WEIGHTS = ((0, 1), (2, 3)), (4, 5), (6, 7)  # numbers of registers
_LINE, _AHEAD = 64, 2048  # bytes of a register's row and of a cache's line, and how long before weights are needed
_GRANT, _TILE_DATA = (158, 0x1023), 18  # Linux: arch_prctl with ARCH_REQ_XCOMP_PERM, and what is asked for
COUNTS = (  # the last fields of what every thread of a product is given; each takes the next tile until none is left
    ("inputs", ctypes.c_int64),
    ("groups", ctypes.c_int64),
    ("tiles", ctypes.c_int64),
    ("next_tile", ctypes.c_int64),  # the first tile that nobody has taken
)


class Splitting(ctypes.Structure):
    """Rows that are taken apart."""

    _fields_ = (
        ("numbers", ctypes.c_void_p),  # (rows, inputs) float32
        ("pieces", ctypes.c_void_p),  # (rows / together, inputs / BLOCK, PIECES, together, BLOCK) bf16
        ("rows", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("together", ctypes.c_int64),  # rows of both groups
    )


@cache
def has_matrix_registers() -> bool:
    """Whether the processor has them and the system lets this process use them."""
    return has("amx-tile", "amx-bf16", "avx512f") and may_use_matrix_registers()


@cache
def may_use_matrix_registers() -> bool:
    """Whether the system lets this process use matrix registers, which the processor must have."""
    try:
        return ctypes.CDLL(None).syscall(*_GRANT, _TILE_DATA) == 0
    except (OSError, AttributeError, TypeError):  # not Linux, or another C library
        return False


def rows_of_a_group(n_rows: int) -> int:
    """How many rows a register holds where `n_rows` are shared out evenly among pairs of them."""
    return -(-n_rows // (2 * -(-n_rows // (2 * _ROWS))))


@cache
def splitting() -> Any:
    """`void work(struct Splitting *)`: every number becomes the sum of three pieces."""
    return to_machine_code(Splitting, 16, _split)


def _split(code: Code, given: dict[str, Any]) -> None:
    n_blocks = code.quotient(given["inputs"], BLOCK)
    with code.counted(given["rows"]) as row, code.counted(n_blocks) as block:
        both = code.quotient(row, given["together"])
        at_row = code.difference(row, code.product(both, given["together"]))
        at_block = code.product(code.sum(code.product(both, n_blocks), block), PIECES)
        at = code.sum(code.product(row, given["inputs"]), code.product(block, BLOCK))
        for half in _HALVES:
            rest = code.loaded(given["numbers"], at, half * 16)
            for piece in range(PIECES):
                short = code.shortened(rest)
                line = code.sum(code.product(code.sum(at_block, piece), given["together"]), at_row)
                place = code.place(code.half, given["pieces"], code.product(line, BLOCK), half * 16)
                code.builder.store(code.upper_halves(short), place, align=2)
                rest = code.builder.fsub(rest, short)


def matrix_product(code: Code, given: dict[str, Any], n_rows: int) -> None:
    """Tile by tile and block by block; each block is converted once and multiplied with all groups of rows."""
    code.matrix("ldtilecfg", code.constant(_registers(n_rows)))
    weights = code.scratch(2 * BLOCK * _LINE // 2)
    found = code.scratch(4 * n_rows * _LINE)  # (groups, halves, rows, 16) float32
    sums = code.scratch(2 * MOST_ROWS * TILE * 4)  # (rows, TILE) float32
    n_blocks, line = code.quotient(given["inputs"], BLOCK), code.long(_LINE)
    all_rows = code.product(given["groups"], n_rows)
    with code.taken(given["next_tile"], given["tiles"]) as tile:
        with code.counted(all_rows) as row:
            for half in _HALVES:
                code.stored(sums, code.product(row, TILE), half * 16, code.vector(None))
        with code.counted(n_blocks) as block:
            at_block = code.sum(code.product(tile, n_blocks), block)
            _convert(code, given["weights"], code.product(at_block, BLOCK * TILE), weights)
            scales = [code.loaded(given["scales"], code.product(at_block, TILE), half * 16) for half in _HALVES]
            with code.counted(code.quotient(given["groups"], 2)) as both:
                for register in sum(_SUMS, ()):
                    code.matrix("tilezero", register)
                at = code.product(code.sum(code.product(both, n_blocks), block), PIECES * 2 * n_rows * _LINE)
                for piece in reversed(range(PIECES)):  # the smallest first
                    for group in _GROUPS:
                        rows = code.place(code.byte, given["rows"], at, (piece * 2 + group) * n_rows * _LINE)
                        code.matrix("tileloadd64", _GROUP[group], rows, line)
                        for half in _HALVES:
                            code.matrix("tdpbf16ps", _SUMS[group][half], _GROUP[group], _WEIGHTS[half])
                for i, register in enumerate(sum(_SUMS, ())):
                    code.matrix("tilestored64", register, code.place(code.byte, found, i * n_rows * _LINE), line)
                _add(code, found, sums, code.product(both, 2 * n_rows), scales, n_rows)
        with code.counted(all_rows) as row:
            for half in _HALVES:
                at = code.product(code.sum(code.product(row, given["tiles"]), tile), TILE)
                code.stored(given["found"], at, half * 16, code.loaded(sums, code.product(row, TILE), half * 16))
    code.matrix("tilerelease")


def _registers(n_rows: int) -> bytes:
    """What the processor is told of the registers: each has so many rows of a line."""
    told = bytearray(64)
    told[0] = 1  # the only kind of table that there is
    for register in range(8):
        told[16 + 2 * register] = _LINE
        told[48 + register] = BLOCK // 2 if register in _WEIGHTS else n_rows
    return bytes(told)


def _convert(code: Code, integers: Any, at: Any, weights: Any) -> None:
    """The integers of a block as bf16 in two registers, inputs in pairs."""
    for ahead in range(0, BLOCK * TILE, _LINE):
        code.fetched(integers, at, _AHEAD + ahead)
    for half in _HALVES:
        for i in range(0, BLOCK, 2):
            pair = [code.integers(integers, at, (i + k) * TILE + half * 16) for k in range(2)]
            code.stored(weights, half * BLOCK * 8, i * 8, code.paired(*pair))
        code.matrix("tileloadd64", _WEIGHTS[half], code.place(code.byte, weights, half * BLOCK * 32), code.long(_LINE))


def _add(code: Code, found: Any, sums: Any, first: Any, scales: list[Any], n_rows: int) -> None:
    """Add what a block gives to the sums of both groups, times the scales."""
    for group in _GROUPS:
        for row in range(n_rows):
            at = code.product(code.sum(first, group * n_rows + row), TILE)
            for half in _HALVES:
                own = code.loaded(found, ((group * 2 + half) * n_rows + row) * 16, 0)
                before = code.loaded(sums, at, half * 16)
                code.stored(sums, at, half * 16, code.added(before, own, scales[half]))
