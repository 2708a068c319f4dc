"""The product of rows and weights in blocks, as machine code for the processor at hand.

numba keeps the sums of the rows in memory and fills half of the widest registers. Here they stay in registers, which
makes the product twice as fast. The code is put together with llvmlite, which numba compiles with. It knows neither a
model nor where threads come from.
"""

import ctypes
from collections.abc import Iterator
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
        ("integers", ctypes.c_void_p),  # (tiles, inputs, TILE) int8
        ("scales", ctypes.c_void_p),  # (tiles, inputs / BLOCK, TILE) float32
        ("rows", ctypes.c_void_p),  # (groups, inputs, rows of a group) float32
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
def compiled(n_rows: int) -> Any:
    """`void work(struct Work *)` for groups of so many rows. A row's numbers are the same whatever `n_rows` is."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    module = llvm.parse_assembly(str(_module(n_rows, _lanes())))
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


def _module(n_rows: int, lanes: int) -> Any:
    """The function: tile by tile, group by group, block by block, input by input."""
    from llvmlite import ir

    module, long, parts = ir.Module(), ir.IntType(64), range(TILE // lanes)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()]), "work")
    code = _Code(ir.IRBuilder(function.append_basic_block()), lanes)
    build = code.builder
    work = {name: code.place(long, function.args[0], i) for i, (name, _) in enumerate(Work._fields_)}
    arrays = {name: build.load(work[name], typ=ir.PointerType()) for name in ("integers", "scales", "rows", "found")}
    inputs, groups, tiles = (build.load(work[name], typ=long) for name in ("inputs", "groups", "tiles"))
    sums = [[build.alloca(code.vector) for _ in parts] for _ in range(n_rows)]  # put into registers by the passes
    with code.taken(work["next"], tiles) as tile, code.counted(groups) as group:
        for own in (own for row in sums for own in row):
            build.store(code.vector(None), own)
        with code.counted(build.sdiv(inputs, long(BLOCK))) as block:
            at_scales = code.product(code.sum(code.product(tile, build.sdiv(inputs, long(BLOCK))), block), TILE)
            scales = [code.loaded(arrays["scales"], at_scales, part * lanes) for part in parts]
            with code.counted(long(BLOCK // _STEP)) as step:
                first = code.sum(code.product(block, BLOCK), code.product(step, _STEP))
                at_weights = code.product(code.sum(code.product(tile, inputs), first), TILE)
                at_rows = code.product(code.sum(code.product(group, inputs), first), n_rows)
                for line in range(0, _STEP * TILE, _LINE):
                    code.fetched(arrays["integers"], at_weights, _AHEAD + line)
                for i in range(_STEP):
                    weights = [
                        build.fmul(code.integers(arrays["integers"], at_weights, i * TILE + part * lanes), scales[part])
                        for part in parts
                    ]
                    for row in range(n_rows):
                        value = code.repeated(arrays["rows"], at_rows, i * n_rows + row)
                        for part in parts:
                            code.add(sums[row][part], value, weights[part])
        for row in range(n_rows):
            line = code.product(code.sum(code.product(group, n_rows), row), tiles)
            for part in parts:
                code.stored(arrays["found"], code.product(code.sum(line, tile), TILE), part * lanes, sums[row][part])
    build.ret_void()
    return module


class _Code:
    """What the function is made of."""

    def __init__(self, builder: Any, lanes: int) -> None:
        from llvmlite import ir

        self.builder, self._lanes = builder, lanes
        self._long, self._float, self._int8 = ir.IntType(64), ir.FloatType(), ir.IntType(8)
        self.vector = ir.VectorType(self._float, lanes)

    def place(self, kind: Any, base: Any, index: Any, offset: int = 0) -> Any:
        """The address of an element, and of one further on by a fixed number."""
        index = index if not isinstance(index, int) else self._long(index)
        at = self.builder.gep(base, [index], source_etype=kind)
        return self.builder.gep(at, [self._long(offset)], source_etype=kind) if offset else at

    def product(self, one: Any, other: Any) -> Any:
        return self.builder.mul(one, self._long(other) if isinstance(other, int) else other)

    def sum(self, one: Any, other: Any) -> Any:
        return self.builder.add(one, self._long(other) if isinstance(other, int) else other)

    def loaded(self, base: Any, index: Any, offset: int) -> Any:
        return self.builder.load(self.place(self._float, base, index, offset), typ=self.vector, align=4)

    def integers(self, base: Any, index: Any, offset: int) -> Any:
        from llvmlite import ir

        kind = ir.VectorType(self._int8, self._lanes)
        found = self.builder.load(self.place(self._int8, base, index, offset), typ=kind, align=1)
        return self.builder.sitofp(self.builder.sext(found, ir.VectorType(ir.IntType(32), self._lanes)), self.vector)

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
        alone = self.builder.insert_element(self.vector(ir.Undefined), number, ir.IntType(32)(0))
        lanes = ir.VectorType(ir.IntType(32), self._lanes)(None)
        return self.builder.shuffle_vector(alone, self.vector(ir.Undefined), lanes)

    def add(self, sums: Any, one: Any, other: Any) -> None:
        """Add a product, in one instruction where the processor has it."""
        build, fast = self.builder, ("contract",)
        before = build.load(sums, typ=self.vector)
        build.store(build.fadd(before, build.fmul(one, other, flags=fast), flags=fast), sums)

    def stored(self, base: Any, index: Any, offset: int, sums: Any) -> None:
        found = self.builder.load(sums, typ=self.vector)
        self.builder.store(found, self.place(self._float, base, index, offset), align=4)

    @contextmanager
    def counted(self, end: Any) -> Iterator[Any]:
        """A loop from 0 to `end`, which is at least 1."""
        build, before = self.builder, self.builder.block
        loop, after = build.append_basic_block(), build.append_basic_block()
        build.branch(loop)
        build.position_at_end(loop)
        index = build.phi(self._long)
        index.add_incoming(self._long(0), before)
        yield index
        following = build.add(index, self._long(1))
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
        index = build.atomic_rmw("add", counter, self._long(1), "monotonic")
        build.cbranch(build.icmp_signed("<", index, end), use, after)
        build.position_at_end(use)
        yield index
        build.branch(take)
        build.position_at_end(after)
