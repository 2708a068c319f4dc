"""What a layer does between its products, as machine code: norms, rotations, attention to one new token, gates.

In the library each of these is up to ten operations, which at a few rows take longer than what they compute. It knows
no model.
"""

import ctypes
from functools import cache
from typing import Any

from homog_core.sampling.instructions import Code, lanes, to_machine_code

_POINTER, _LONG = ctypes.c_void_p, ctypes.c_int64
_HIDDEN = -1e30  # the score of a token that a mask hides
_AT_ONCE = 16  # registers of sums


class Norm(ctypes.Structure):
    """Rows that are divided by their root mean square."""

    _fields_ = (
        ("rows", _POINTER),  # (n, size) float32
        ("weights", _POINTER),  # (size,) float32
        ("found", _POINTER),  # (n, size) float32
        ("n", _LONG),
        ("size", _LONG),
    )


class Heads(ctypes.Structure):
    """Queries or keys that are rotated where they lie."""

    _fields_ = (
        ("numbers", _POINTER),  # (n, step) float32, of which the first are the heads
        ("weights", _POINTER),  # (d,) float32 of their norm
        ("cos", _POINTER),  # (n, d) float32
        ("sin", _POINTER),
        ("n", _LONG),
        ("heads", _LONG),
        ("step", _LONG),
    )


class Attention(ctypes.Structure):
    """One query for every row and head, and what it attends to. Steps are counted in numbers."""

    _fields_ = (
        ("queries", _POINTER),  # (rows, query_step) float32, of which the first are the heads
        ("keys", _POINTER),  # (rows, key heads, tokens, d) float32
        ("values", _POINTER),
        ("mask", _POINTER),  # (rows, mask_step) bytes: 0 for a hidden token
        ("scores", _POINTER),  # (rows, heads, score_step) float32
        ("found", _POINTER),  # (rows, heads, d) float32
        ("key_heads", _LONG),
        ("tokens", _LONG),
        ("query_step", _LONG),
        ("row_step", _LONG),
        ("head_step", _LONG),
        ("token_step", _LONG),
        ("mask_step", _LONG),
        ("score_step", _LONG),
        ("items", _LONG),  # rows · key heads
        ("next_item", _LONG),  # the first that nobody has taken
    )


class Gate(ctypes.Structure):
    """One half of a layer's numbers through an activation, times the other half."""

    _fields_ = (
        ("gate", _POINTER),  # (rows, step) float32, of which `size` count
        ("up", _POINTER),
        ("found", _POINTER),  # (rows, size) float32
        ("size", _LONG),
        ("step", _LONG),
        ("rows", _LONG),
        ("next_row", _LONG),  # the first that nobody has taken
    )


@cache
def norm(epsilon: float) -> Any:
    """`void work(struct Norm *)`."""

    def fill(code: Code, given: dict[str, Any]) -> None:
        squares, n_steps = code.variable(), code.quotient(given["size"], code.lanes)
        with code.counted(given["n"]) as row:
            first = code.product(row, given["size"])
            code.clear([squares])
            with code.counted(n_steps) as step:
                values = code.loaded(given["rows"], code.sum(first, code.product(step, code.lanes)), 0)
                code.add(squares, values, values)
            scale = code.everywhere(code.inverse_root(code.value(squares), given["size"], epsilon))
            with code.counted(n_steps) as step:
                at = code.product(step, code.lanes)
                values = code.builder.fmul(code.loaded(given["rows"], code.sum(first, at), 0), scale)
                weighed = code.builder.fmul(values, code.loaded(given["weights"], at, 0))
                code.stored(given["found"], code.sum(first, at), 0, weighed)

    return to_machine_code(Norm, lanes(), fill)


@cache
def rotation(size: int, epsilon: float | None) -> Any:
    """`void work(struct Heads *)` for heads of `size` numbers, which are normed first unless `epsilon` is None."""

    def fill(code: Code, given: dict[str, Any]) -> None:
        build, parts = code.builder, range(0, size, code.lanes)
        with code.counted(given["n"]) as row, code.counted(given["heads"]) as head:
            at = code.sum(code.product(row, given["step"]), code.product(head, size))
            values = [code.loaded(given["numbers"], at, part) for part in parts]
            if epsilon is not None:
                squares = code.number(0)
                for value in values:
                    squares = code.added(squares, value, value)
                scale = code.everywhere(code.inverse_root(squares, code.long(size), epsilon))
                weights = [code.loaded(given["weights"], code.long(0), part) for part in parts]
                values = [build.fmul(build.fmul(v, scale), w) for v, w in zip(values, weights, strict=True)]
            half, first = len(values) // 2, code.product(row, size)
            turned = [build.fneg(value) for value in values[half:]] + values[:half]
            for part, value, other in zip(parts, values, turned, strict=True):
                cos, sin = (code.loaded(given[name], first, part) for name in ("cos", "sin"))
                code.stored(given["numbers"], at, part, code.added(build.fmul(value, cos), other, sin))

    return to_machine_code(Heads, lanes(), fill)


@cache
def attention(size: int, together: int, scaling: float) -> Any:
    """`void work(struct Attention *)` for heads of `size` numbers, so many of which share their keys and values."""

    def fill(code: Code, given: dict[str, Any]) -> None:
        with code.taken(given["next_item"], given["items"]) as item:
            row = code.quotient(item, given["key_heads"])
            head = code.difference(item, code.product(row, given["key_heads"]))
            at = {
                "query": code.sum(code.product(row, given["query_step"]), code.product(head, together * size)),
                "key": code.sum(code.product(row, given["row_step"]), code.product(head, given["head_step"])),
                "mask": code.product(row, given["mask_step"]),
                "score": code.product(code.product(item, together), given["score_step"]),
                "found": code.product(item, together * size),
            }
            _scores(code, given, at, size, together, scaling)
            sums = [
                _softmax(code, given, code.sum(at["score"], code.product(given["score_step"], i)))
                for i in range(together)
            ]
            _mixture(code, given, at, size, sums)

    return to_machine_code(Attention, lanes(), fill)


def _scores(code: Code, given: dict[str, Any], at: dict[str, Any], size: int, together: int, scaling: float) -> None:
    """What each head says of each token, and of none behind the last one."""
    with code.counted(code.quotient(code.product(given["score_step"], together), code.lanes)) as i:
        code.stored(given["scores"], code.sum(at["score"], code.product(i, code.lanes)), 0, code.number(_HIDDEN))
    with code.counted(given["tokens"]) as token:
        key, sums = code.sum(at["key"], code.product(token, given["token_step"])), [code.number(0)] * together
        for part in range(0, size, code.lanes):
            values = code.loaded(given["keys"], key, part)
            queries = [code.loaded(given["queries"], at["query"], i * size + part) for i in range(together)]
            sums = [code.added(own, query, values) for own, query in zip(sums, queries, strict=True)]
        is_seen = code.is_set(given["mask"], code.sum(at["mask"], token))
        for i, own in enumerate(sums):
            score = code.builder.fmul(code.together(own), code.single(scaling))
            place = code.sum(code.sum(at["score"], code.product(given["score_step"], i)), token)
            code.stored(given["scores"], place, 0, code.builder.select(is_seen, score, code.single(_HIDDEN)))


def _softmax(code: Code, given: dict[str, Any], at: Any) -> Any:
    """Scores become weights; returns their sum, a number."""
    largest, total, n_steps = code.variable(), code.variable(), code.quotient(given["score_step"], code.lanes)
    code.builder.store(code.number(_HIDDEN), largest)
    code.clear([total])
    with code.counted(n_steps) as step:
        scores = code.loaded(given["scores"], code.sum(at, code.product(step, code.lanes)), 0)
        code.builder.store(code.larger(code.value(largest), scores), largest)
    top = code.everywhere(code.together(code.value(largest), code.larger))
    with code.counted(n_steps) as step:
        place = code.sum(at, code.product(step, code.lanes))
        weights = code.exponential(code.builder.fsub(code.loaded(given["scores"], place, 0), top))
        code.stored(given["scores"], place, 0, weights)
        code.builder.store(code.builder.fadd(code.value(total), weights), total)
    return code.together(code.value(total))


def _mixture(code: Code, given: dict[str, Any], at: dict[str, Any], size: int, sums: list[Any]) -> None:
    """The values of all tokens, each times its weight."""
    n_parts = next(n for n in (4, 2, 1) if size % (n * code.lanes) == 0 and (n * len(sums) <= _AT_ONCE or n == 1))
    parts = range(0, n_parts * code.lanes, code.lanes)
    mixed = {(i, part): code.variable() for i in range(len(sums)) for part in parts}
    with code.counted(code.long(size // (n_parts * code.lanes))) as turn:
        first = code.product(turn, n_parts * code.lanes)
        code.clear(mixed.values())
        with code.counted(given["tokens"]) as token:
            place = code.sum(code.sum(at["key"], code.product(token, given["token_step"])), first)
            values = {part: code.loaded(given["values"], place, part) for part in parts}
            for i in range(len(sums)):
                own = code.sum(code.sum(at["score"], code.product(given["score_step"], i)), token)
                weight = code.repeated(given["scores"], own, 0)
                for part in parts:
                    code.add(mixed[i, part], weight, values[part])
        for (i, part), own in mixed.items():
            found = code.builder.fdiv(code.value(own), code.everywhere(sums[i]))
            code.stored(given["found"], code.sum(at["found"], first), i * size + part, found)


@cache
def gate(kind: str) -> Any:
    """`void work(struct Gate *)`, with the activation "silu" or "gelu" (by tanh)."""

    def fill(code: Code, given: dict[str, Any]) -> None:
        build, n_steps = code.builder, code.quotient(given["size"], code.lanes)
        with code.taken(given["next_row"], given["rows"]) as row, code.counted(n_steps) as step:
            at = code.product(step, code.lanes)
            place = code.sum(code.product(row, given["step"]), at)
            x, up = (code.loaded(given[name], place, 0) for name in ("gate", "up"))
            inner = x
            if kind == "gelu":  # half of 1 + tanh(u) is the sigmoid of 2 u
                cubic = code.added(code.number(1), build.fmul(x, x), code.number(0.044715))
                inner = build.fmul(build.fmul(x, cubic), code.number(2 * (2 / 3.141592653589793) ** 0.5))
            below = build.fadd(code.number(1), code.exponential(build.fneg(inner)))
            found = build.fmul(build.fdiv(x, below), up)
            code.stored(given["found"], code.sum(code.product(row, given["size"]), at), 0, found)

    return to_machine_code(Gate, lanes(), fill)
