"""The product of rows and weights as integers of 8 bits, for processors with matrix registers (AMX).

These multiply integers of 8 bits and add up in 32. A number of a row is rounded to two such integers, its digits to the
base of 256. The sum over a block is exact; then it is multiplied by the block's scale and added up in fp32.
"""

import ctypes
from functools import cache
from typing import Any

from homog_core.sampling.instructions import Code, has, to_machine_code
from homog_core.sampling.matrix_code import BLOCK, COUNTS, TILE, may_use_matrix_registers

MOST_IN_A_GROUP = 15  # rows whose sums fit into the registers
DIGITS, BASE = 2, 256
LARGEST = 127 * BASE  # the integer that the largest number of a row is rounded to
LEAST = 1e-30  # a row without a larger number is taken for zeros
_HALVES = range(TILE // 16)  # of a tile, which are computed beside each other
_SUMS, _DIGITS, _WEIGHTS = ((0, 1), (2, 3)), (4, 5), (6, 7)  # numbers of registers
_LINE, _AHEAD = 64, 4096  # bytes of a register's row and of a cache's line, and how long before weights are needed
_BLOCK_BYTES = BLOCK * TILE


class Rounding(ctypes.Structure):
    """Rows whose numbers become digits."""

    _fields_ = (
        ("numbers", ctypes.c_void_p),  # (rows, inputs) float32
        ("digits", ctypes.c_void_p),  # (groups, inputs / BLOCK, DIGITS, rows of a group, BLOCK) int8
        ("scales", ctypes.c_void_p),  # (rows,) float32
        ("rows", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("together", ctypes.c_int64),  # rows of a group
    )


class Int8Work(ctypes.Structure):
    """What every thread is given."""

    _fields_ = (
        ("weights", ctypes.c_void_p),  # (tiles, inputs / BLOCK, TILE / 16, BLOCK / 4, 16, 4) int8
        ("scales", ctypes.c_void_p),  # (tiles, inputs / BLOCK, TILE) float32
        ("digits", ctypes.c_void_p),  # (groups, inputs / BLOCK, DIGITS, rows of a group, BLOCK) int8
        ("row_scales", ctypes.c_void_p),  # (groups · rows of a group,) float32
        ("found", ctypes.c_void_p),  # (groups · rows of a group, tiles · TILE) float32
        *COUNTS,
    )


@cache
def can_multiply_int8() -> bool:
    """Whether the processor multiplies integers in matrix registers and the system lets this process use them."""
    return has("amx-tile", "amx-int8", "avx512f") and may_use_matrix_registers()


@cache
def rounding() -> Any:
    """`void work(struct Rounding *)`: digits and scale of every row."""
    return to_machine_code(Rounding, 16, _round)


@cache
def int8_product(n_rows: int) -> Any:
    """`void work(struct Int8Work *)` for groups of so many rows, where `can_multiply_int8`."""
    if not can_multiply_int8():  # the instruction would end the process
        raise RuntimeError("The processor has no matrix registers for integers.")
    return to_machine_code(Int8Work, 16, lambda code, given: _multiply(code, given, n_rows))


def _round(code: Code, given: dict[str, Any]) -> None:
    """A row's scale is its largest number over LARGEST. What is no number makes the scale none."""
    largest, wrong = code.variable(), code.variable()
    n_blocks = code.quotient(given["inputs"], BLOCK)
    with code.counted(given["rows"]) as row:
        first = code.product(row, given["inputs"])
        code.clear([largest, wrong])
        with code.counted(code.quotient(given["inputs"], code.lanes)) as step:
            numbers = code.loaded(given["numbers"], code.sum(first, code.product(step, code.lanes)), 0)
            code.add(wrong, numbers, code.number(0))
            code.builder.store(code.larger(code.value(largest), code.size(numbers)), largest)
        most = code.together(code.value(largest), code.larger)
        scale = code.builder.fdiv(most, code.single(LARGEST))
        code.stored(given["scales"], row, 0, code.builder.fadd(scale, code.together(code.value(wrong))))
        is_nothing = code.builder.fcmp_ordered("<", most, code.single(LEAST))
        steps = code.everywhere(
            code.builder.select(is_nothing, code.single(0), code.builder.fdiv(code.single(LARGEST), most))
        )
        group = code.quotient(row, given["together"])
        at_row = code.difference(row, code.product(group, given["together"]))
        with code.counted(n_blocks) as block:
            whole = code.product(code.sum(code.product(group, n_blocks), block), DIGITS)
            for half in range(BLOCK // code.lanes):
                at = code.sum(first, code.product(block, BLOCK))
                numbers = code.loaded(given["numbers"], at, half * code.lanes)
                digits = code.digits(code.builder.fmul(numbers, steps), BASE)
                for digit, values in enumerate(digits):
                    line = code.sum(code.product(code.sum(whole, digit), given["together"]), at_row)
                    place = code.place(code.byte, given["digits"], code.product(line, BLOCK), half * code.lanes)
                    code.builder.store(values, place, align=1)


def _multiply(code: Code, given: dict[str, Any], n_rows: int) -> None:
    """Tile by tile and group by group over all blocks; the sums of a group stay in registers."""
    code.matrix("ldtilecfg", code.constant(_registers(n_rows)))
    found = code.scratch(DIGITS * len(_HALVES) * n_rows * _LINE)  # (digits, halves, rows, 16) int32
    sums = {(row, half): code.variable() for half in _HALVES for row in range(n_rows)}
    n_blocks = code.quotient(given["inputs"], BLOCK)
    with code.taken(given["next_tile"], given["tiles"]) as tile, code.counted(given["groups"]) as group:
        code.clear(sums.values())
        with code.counted(n_blocks) as block:
            at_block = code.sum(code.product(tile, n_blocks), block)
            at_digits = code.product(code.sum(code.product(group, n_blocks), block), DIGITS * n_rows * BLOCK)
            _multiply_block(code, given, n_rows, code.product(at_block, _BLOCK_BYTES), at_digits, found)
            scales = [code.loaded(given["scales"], code.product(at_block, TILE), half * 16) for half in _HALVES]
            for (row, half), own in sums.items():
                places = [((digit * len(_HALVES) + half) * n_rows + row) * 16 for digit in range(DIGITS)]
                code.add(own, code.joined(*(code.whole(found, place) for place in places), BASE), scales[half])
        for (row, half), own in sums.items():
            whole = code.sum(code.product(group, n_rows), row)
            scale = code.repeated(given["row_scales"], whole, 0)
            at = code.product(code.sum(code.product(whole, given["tiles"]), tile), TILE)
            code.stored(given["found"], at, half * 16, code.builder.fmul(code.value(own), scale))
    code.matrix("tilerelease")


def _multiply_block(code: Code, given: dict[str, Any], n_rows: int, weights: Any, digits: Any, found: Any) -> None:
    """Put the sums of a block of weights and a group of rows into `found`."""
    line = code.long(_LINE)
    for ahead in range(0, _BLOCK_BYTES, _LINE):
        code.fetched(given["weights"], weights, _AHEAD + ahead)
    for digit, register in enumerate(_DIGITS):
        rows = code.place(code.byte, given["digits"], digits, digit * n_rows * BLOCK)
        code.matrix("tileloadd64", register, rows, code.long(BLOCK))
    for half, register in enumerate(_WEIGHTS):
        place = code.place(code.byte, given["weights"], weights, half * _BLOCK_BYTES // len(_HALVES))
        code.matrix("tileloadd64", register, place, line)
        for digit in range(DIGITS):
            code.matrix("tilezero", _SUMS[digit][half])
            code.matrix("tdpbssd", _SUMS[digit][half], _DIGITS[digit], register)
    for i, own in enumerate(sum(_SUMS, ())):
        code.matrix("tilestored64", own, code.place(code.byte, found, i * n_rows * _LINE), line)


def _registers(n_rows: int) -> bytes:
    """What the processor is told of the registers: so many rows of so many bytes for each."""
    told = bytearray(64)
    told[0] = 1  # the only kind of table that there is
    for register in range(8):
        told[16 + 2 * register] = BLOCK if register in _DIGITS else _LINE
        told[48 + register] = BLOCK // 4 if register in _WEIGHTS else n_rows
    return bytes(told)
