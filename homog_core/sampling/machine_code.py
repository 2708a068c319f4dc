"""The product of rows and weights in blocks, as machine code for the processor at hand.

numba keeps the sums of the rows in memory and fills half of the widest registers. Here they stay in registers, which
makes the product twice as fast. The code is put together with llvmlite, which numba compiles with. It knows neither a
model nor where threads come from.
"""

import ctypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

BLOCK = 32  # weights with one scale, along the inputs
TILE = 32  # outputs that are computed together
_STEP = 4  # inputs in one turn of the innermost loop
_LINE, _AHEAD = 64, 2048  # bytes that a cache takes up at a time, and how long before they are needed
_LANES = {"avx512f": 16, "avx2": 8}  # numbers of fp32 in the widest register
_MOST_ROWS = {16: 12, 8: 3, 4: 2}  # whose sums of a tile fit into the registers


class Work(ctypes.Structure):
    """What every thread is given. Each takes the next tile until none is left."""

    _fields_ = (
        ("weights", ctypes.c_void_p),  # integers (tiles, inputs, TILE) int8, or numbers (tiles · TILE, inputs) float32
        ("scales", ctypes.c_void_p),  # of integers (tiles, inputs / BLOCK, TILE) float32
        ("rows", ctypes.c_void_p),  # (groups, inputs, rows of a group) float32 for integers, else (…, inputs)
        ("found", ctypes.c_void_p),  # (groups · rows of a group, tiles · TILE) float32
        ("inputs", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        ("tiles", ctypes.c_int64),
        ("next", ctypes.c_int64),  # the first tile that nobody has taken
    )


@cache
def most_rows() -> int:
    """How many rows are best computed together on this processor."""
    return _MOST_ROWS[_lanes()]


@cache
def compiled(kind: str, n_rows: int) -> Any:
    """`void work(struct Work *)` for "blocks" or "numbers", and groups of so many rows.

    A row's numbers are the same whatever `n_rows` is.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    module = llvm.parse_assembly(str(_module(kind, n_rows, _lanes())))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    function = ctypes.CFUNCTYPE(None, ctypes.POINTER(Work))(engine.get_function_address("work"))
    function.engine = engine  # the code lives as long as this
    return function


@cache
def _lanes() -> int:
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    return next((lanes for name, lanes in _LANES.items() if features.get(name)), 4)


def _module(kind: str, n_rows: int, lanes: int) -> Any:
    """The function: tile by tile, and each for group by group of the rows."""
    from llvmlite import ir

    module, long = ir.Module(), ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()]), "work")
    code = _Code(ir.IRBuilder(function.append_basic_block()), lanes)
    places = {name: code.place(long, function.args[0], i) for i, (name, _) in enumerate(Work._fields_)}
    given = {
        name: code.builder.load(places[name], typ=ir.PointerType() if of_c is ctypes.c_void_p else long)
        for name, of_c in Work._fields_
    }
    compute = {"blocks": _blocks, "numbers": _numbers}[kind](code, given, n_rows)
    with code.taken(places["next"], given["tiles"]) as tile, code.counted(given["groups"]) as group:
        compute(tile, group)
    code.builder.ret_void()
    return module


def _blocks(code: "_Code", given: dict[str, Any], n_rows: int) -> Callable[[Any, Any], None]:
    """Block by block, input by input; a register holds the sums of one row for several outputs."""
    parts = range(0, TILE, code.lanes)
    sums = {(row, part): code.variable() for row in range(n_rows) for part in parts}
    n_blocks = code.builder.sdiv(given["inputs"], code.long(BLOCK))

    def compute(tile: Any, group: Any) -> None:
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

    return compute


def _numbers(code: "_Code", given: dict[str, Any], n_rows: int) -> Callable[[Any, Any], None]:
    """Two outputs at a time; a register holds parts of the sum of one row for one output."""
    pair = range(2)
    sums = {(row, output): code.variable() for row in range(n_rows) for output in pair}
    n_steps = code.builder.sdiv(given["inputs"], code.long(code.lanes))

    def compute(tile: Any, group: Any) -> None:
        with code.counted(code.long(TILE // len(pair))) as turn:
            first = code.sum(code.product(tile, TILE), code.product(turn, len(pair)))
            lines = [code.product(code.sum(first, output), given["inputs"]) for output in pair]
            code.clear(sums.values())
            with code.counted(n_steps) as step:
                at = code.product(step, code.lanes)
                weights = [code.loaded(given["weights"], code.sum(line, at), 0) for line in lines]
                for line in lines:  # the same place of the next two
                    ahead = code.sum(code.sum(line, at), code.product(given["inputs"], len(pair)))
                    code.fetched(given["weights"], code.product(ahead, 4), 0)
                for row in range(n_rows):
                    whole = code.sum(code.product(group, n_rows), row)
                    value = code.loaded(given["rows"], code.sum(code.product(whole, given["inputs"]), at), 0)
                    for output in pair:
                        code.add(sums[row, output], value, weights[output])
            for (row, output), own in sums.items():
                line = code.product(code.sum(code.product(group, n_rows), row), code.product(given["tiles"], TILE))
                code.stored(given["found"], code.sum(line, first), output, code.together(own))

    return compute


class _Code:
    """What the function is made of."""

    def __init__(self, builder: Any, lanes: int) -> None:
        from llvmlite import ir

        self.builder, self.lanes, self.long = builder, lanes, ir.IntType(64)
        self._float, self._int8, self._vector = ir.FloatType(), ir.IntType(8), ir.VectorType(ir.FloatType(), lanes)

    def place(self, kind: Any, base: Any, index: Any, offset: int = 0) -> Any:
        """The address of an element, and of one further on by a fixed number."""
        index = index if not isinstance(index, int) else self.long(index)
        at = self.builder.gep(base, [index], source_etype=kind)
        return self.builder.gep(at, [self.long(offset)], source_etype=kind) if offset else at

    def product(self, one: Any, other: Any) -> Any:
        return self.builder.mul(one, self.long(other) if isinstance(other, int) else other)

    def sum(self, one: Any, other: Any) -> Any:
        return self.builder.add(one, self.long(other) if isinstance(other, int) else other)

    def loaded(self, base: Any, index: Any, offset: int) -> Any:
        return self.builder.load(self.place(self._float, base, index, offset), typ=self._vector, align=4)

    def integers(self, base: Any, index: Any, offset: int) -> Any:
        from llvmlite import ir

        kind = ir.VectorType(self._int8, self.lanes)
        found = self.builder.load(self.place(self._int8, base, index, offset), typ=kind, align=1)
        return self.builder.sitofp(self.builder.sext(found, ir.VectorType(ir.IntType(32), self.lanes)), self._vector)

    def fetched(self, base: Any, index: Any, offset: int) -> None:
        """Have a line of bytes brought nearer, which will be needed soon."""
        from llvmlite import ir

        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), *[ir.IntType(32)] * 3])
        prefetch = self.builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        reading, nearest, data = (ir.IntType(32)(value) for value in (0, 3, 1))
        self.builder.call(prefetch, [self.place(self._int8, base, index, offset), reading, nearest, data])

    def repeated(self, base: Any, index: Any, offset: int) -> Any:
        """One number in all lanes."""
        from llvmlite import ir

        number = self.builder.load(self.place(self._float, base, index, offset), typ=self._float, align=4)
        alone = self.builder.insert_element(self._vector(ir.Undefined), number, ir.IntType(32)(0))
        lanes = ir.VectorType(ir.IntType(32), self.lanes)(None)
        return self.builder.shuffle_vector(alone, self._vector(ir.Undefined), lanes)

    def variable(self) -> Any:
        """A place for a register's worth of numbers; the passes make it a register."""
        return self.builder.alloca(self._vector)

    def value(self, variable: Any) -> Any:
        return self.builder.load(variable, typ=self._vector)

    def clear(self, variables: Iterable[Any]) -> None:
        for own in variables:
            self.builder.store(self._vector(None), own)

    def add(self, variable: Any, one: Any, other: Any) -> None:
        """Add a product, in one instruction where the processor has it."""
        build, fast = self.builder, ("contract",)
        found = build.fadd(self.value(variable), build.fmul(one, other, flags=fast), flags=fast)
        build.store(found, variable)

    def together(self, variable: Any) -> Any:
        """The sum of all lanes: halves are added until one number is left."""
        from llvmlite import ir

        build, found, n = self.builder, self.value(variable), self.lanes
        while n > 1:
            n //= 2
            half = [ir.VectorType(ir.IntType(32), n)([ir.IntType(32)(i + begin) for i in range(n)]) for begin in (0, n)]
            found = build.fadd(*(build.shuffle_vector(found, found, lanes) for lanes in half))
        return build.extract_element(found, ir.IntType(32)(0))

    def stored(self, base: Any, index: Any, offset: int, value: Any) -> None:
        self.builder.store(value, self.place(self._float, base, index, offset), align=4)

    @contextmanager
    def counted(self, end: Any) -> Iterator[Any]:
        """A loop from 0 to `end`, which is at least 1."""
        build, before = self.builder, self.builder.block
        loop, after = build.append_basic_block(), build.append_basic_block()
        build.branch(loop)
        build.position_at_end(loop)
        index = build.phi(self.long)
        index.add_incoming(self.long(0), before)
        yield index
        following = build.add(index, self.long(1))
        index.add_incoming(following, build.block)
        build.cbranch(build.icmp_signed("<", following, end), loop, after)
        build.position_at_end(after)

    @contextmanager
    def taken(self, counter: Any, end: Any) -> Iterator[Any]:
        """A loop over what no other thread has taken."""
        build = self.builder
        take, use, after = (build.append_basic_block() for _ in range(3))
        build.branch(take)
        build.position_at_end(take)
        index = build.atomic_rmw("add", counter, self.long(1), "monotonic")
        build.cbranch(build.icmp_signed("<", index, end), use, after)
        build.position_at_end(use)
        yield index
        build.branch(take)
        build.position_at_end(after)
