"""What a choice needs to know of a row of logits, as machine code: two passes that write nothing of its size."""

import ctypes
from functools import cache
from typing import Any

from homog_core.sampling.instructions import Code, lanes, to_machine_code

BLOCK = 512  # logits whose weights are added up together
_LEAST = -1e4  # a logit that is lower by more counts as this one: 0 · −inf is 0


class Summary(ctypes.Structure):
    """Rows of logits, and what is found of each block: a weight is e to the power of logit − largest."""

    _fields_ = (
        ("logits", ctypes.c_void_p),  # (rows, step) float32, of which `size` count
        ("largest", ctypes.c_void_p),  # (rows,) float32
        ("mass", ctypes.c_void_p),  # (rows, blocks) float32: Σ weight
        ("moment", ctypes.c_void_p),  # (rows, blocks) float32: Σ weight · (logit − largest)
        ("size", ctypes.c_int64),  # of the vocabulary, in whole registers
        ("blocks", ctypes.c_int64),
        ("step", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("next_row", ctypes.c_int64),  # the first that nobody has taken
    )


@cache
def summary() -> Any:
    """`void work(struct Summary *)`."""
    return to_machine_code(Summary, lanes(), _summarise)


def _summarise(code: Code, given: dict[str, Any]) -> None:
    build, all_steps, most = code.builder, code.quotient(given["size"], code.lanes), BLOCK // code.lanes
    largest, mass, moment = (code.variable() for _ in range(3))
    with code.taken(given["next_row"], given["rows"]) as row:
        first = code.product(row, given["step"])
        build.store(code.number(float("-inf")), largest)
        with code.counted(all_steps) as step:
            values = code.loaded(given["logits"], code.sum(first, code.product(step, code.lanes)), 0)
            build.store(code.larger(code.value(largest), values), largest)
        top = code.together(code.value(largest), code.larger)
        code.stored(given["largest"], row, 0, top)
        with code.counted(given["blocks"]) as block:
            code.clear([mass, moment])
            left = code.difference(all_steps, code.product(block, most))
            with code.counted(code.least(code.long(most), left)) as step:
                at = code.sum(code.product(block, BLOCK), code.product(step, code.lanes))
                values = code.loaded(given["logits"], code.sum(first, at), 0)
                below = code.larger(build.fsub(values, code.everywhere(top)), code.number(_LEAST))
                weights = code.exponential(below)
                build.store(build.fadd(code.value(mass), weights), mass)
                code.add(moment, weights, below)
            at = code.sum(code.product(row, given["blocks"]), block)
            for name, own in (("mass", mass), ("moment", moment)):
                code.stored(given[name], at, 0, code.together(code.value(own)))
