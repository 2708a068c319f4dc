"""Instructions for the processor at hand, put together with llvmlite, which numba compiles with.

It knows neither a model nor a product: what is computed stands in `machine_code` and `matrix_code`.
"""

import ctypes
import mmap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_LANES = {"avx512f": 16, "avx2": 8}  # numbers of fp32 in the widest register


@cache
def lanes() -> int:
    """How many numbers of fp32 the widest register of this processor holds."""
    return next((n for name, n in _LANES.items() if has(name)), 4)


@cache
def has(*features: str) -> bool:
    """Whether the processor has all of these, in LLVM's words, and the system lets them be used."""
    import llvmlite.binding as llvm

    found = llvm.get_host_cpu_features()
    return all(found.get(name) for name in features)


@cache
def can_run() -> bool:
    """Whether the system lets a process run instructions that it has put together; hardened ones do not.

    LLVM does not look whether its memory was made executable, and calling it ends the process where it was not.
    """
    try:
        make_executable = ctypes.CDLL(None).mprotect
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, AttributeError, TypeError):  # another kind of system, which has no such rule
        return True
    page[0] = 1
    place = ctypes.c_char.from_buffer(page)
    address = ctypes.c_void_p(ctypes.addressof(place))
    return make_executable(address, ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC) == 0


def to_machine_code(
    struct: type[ctypes.Structure], n_lanes: int, fill: Callable[["Code", dict[str, Any]], None]
) -> Any:
    """`void work(struct *)` with the instructions that `fill` puts in; it gets the values of the structure's fields.

    Fields whose names begin with `next_` are places and not values.
    """
    import llvmlite.binding as llvm
    from llvmlite import ir

    module, long = ir.Module(), ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()]), "work")
    code = Code(ir.IRBuilder(function.append_basic_block()), n_lanes)
    given = {}
    for i, (name, of_c) in enumerate(struct._fields_):
        place, kind = code.place(long, function.args[0], i), ir.PointerType() if of_c is ctypes.c_void_p else long
        given[name] = place if name.startswith("next_") else code.builder.load(place, typ=kind)
    fill(code, given)
    code.builder.ret_void()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    module = llvm.parse_assembly(str(module))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    found = ctypes.CFUNCTYPE(None, ctypes.POINTER(struct))(engine.get_function_address("work"))
    found.engine = engine  # the code lives as long as this
    return found


class Code:
    """What the function is made of."""

    def __init__(self, builder: Any, lanes: int) -> None:
        from llvmlite import ir

        self.builder, self.lanes = builder, lanes
        self.long, self.half, self.byte, self._float = ir.IntType(64), ir.IntType(16), ir.IntType(8), ir.FloatType()
        self.vector, self._bits = (ir.VectorType(kind, lanes) for kind in (self._float, ir.IntType(32)))

    def place(self, kind: Any, base: Any, index: Any, offset: int = 0) -> Any:
        """The address of an element, and of one further on by a fixed number."""
        index = index if not isinstance(index, int) else self.long(index)
        at = self.builder.gep(base, [index], source_etype=kind)
        return self.builder.gep(at, [self.long(offset)], source_etype=kind) if offset else at

    def product(self, one: Any, other: Any) -> Any:
        """The product of two whole numbers."""
        return self.builder.mul(one, self.long(other) if isinstance(other, int) else other)

    def sum(self, one: Any, other: Any) -> Any:
        """The sum of two whole numbers."""
        return self.builder.add(one, self.long(other) if isinstance(other, int) else other)

    def quotient(self, one: Any, other: Any) -> Any:
        """The quotient of two whole numbers, without what remains."""
        return self.builder.sdiv(one, self.long(other) if isinstance(other, int) else other)

    def difference(self, one: Any, other: Any) -> Any:
        """The difference of two whole numbers."""
        return self.builder.sub(one, other)

    def least(self, one: Any, other: Any) -> Any:
        """The smaller of two whole numbers."""
        return self.builder.select(self.builder.icmp_signed("<", one, other), one, other)

    def loaded(self, base: Any, index: Any, offset: int) -> Any:
        """A register of numbers from memory; places are counted in numbers."""
        return self.builder.load(self.place(self._float, base, index, offset), typ=self.vector, align=4)

    def integers(self, base: Any, index: Any, offset: int) -> Any:
        """A register of integers of 8 bits, as numbers of fp32."""
        from llvmlite import ir

        kind = ir.VectorType(self.byte, self.lanes)
        found = self.builder.load(self.place(self.byte, base, index, offset), typ=kind, align=1)
        return self.builder.sitofp(self.builder.sext(found, ir.VectorType(ir.IntType(32), self.lanes)), self.vector)

    def fetched(self, base: Any, index: Any, offset: int) -> None:
        """Have a line of bytes brought nearer, which will be needed soon."""
        from llvmlite import ir

        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), *[ir.IntType(32)] * 3])
        prefetch = self.builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        reading, nearest, data = (ir.IntType(32)(value) for value in (0, 3, 1))
        self.builder.call(prefetch, [self.place(self.byte, base, index, offset), reading, nearest, data])

    def repeated(self, base: Any, index: Any, offset: int) -> Any:
        """One number from memory in all lanes."""
        return self.everywhere(
            self.builder.load(self.place(self._float, base, index, offset), typ=self._float, align=4)
        )

    def everywhere(self, number: Any) -> Any:
        """A number in all lanes."""
        from llvmlite import ir

        alone = self.builder.insert_element(self.vector(ir.Undefined), number, ir.IntType(32)(0))
        lanes = ir.VectorType(ir.IntType(32), self.lanes)(None)
        return self.builder.shuffle_vector(alone, self.vector(ir.Undefined), lanes)

    def variable(self) -> Any:
        """A place for a register's worth of numbers; the passes make it a register."""
        return self.builder.alloca(self.vector)

    def value(self, variable: Any) -> Any:
        """What a variable holds."""
        return self.builder.load(variable, typ=self.vector)

    def clear(self, variables: Iterable[Any]) -> None:
        """Make variables zero."""
        for own in variables:
            self.builder.store(self.vector(None), own)

    def added(self, before: Any, one: Any, other: Any) -> Any:
        """`before` and a product, in one instruction where the processor has it."""
        fast = ("contract",)
        return self.builder.fadd(before, self.builder.fmul(one, other, flags=fast), flags=fast)

    def add(self, variable: Any, one: Any, other: Any) -> None:
        """Add a product."""
        self.builder.store(self.added(self.value(variable), one, other), variable)

    def number(self, value: float) -> Any:
        """A fixed number in all lanes."""
        from llvmlite import ir

        return ir.Constant(self.vector, [value] * self.lanes)

    def single(self, value: float) -> Any:
        """A fixed number."""
        return self._float(value)

    def larger(self, one: Any, other: Any) -> Any:
        """The larger ones of two registers; what is no number in `one` stays so."""
        return self.builder.select(self.builder.fcmp_ordered("<=", one, other), other, one)

    def is_set(self, base: Any, index: Any) -> Any:
        """Whether a byte is not 0."""
        byte = self.builder.load(self.place(self.byte, base, index), typ=self.byte, align=1)
        return self.builder.icmp_signed("!=", byte, self.byte(0))

    def inverse_root(self, squares: Any, n: Any, epsilon: float) -> Any:
        """1 / √(mean + ε), a number; the mean is the sum of all lanes over `n`."""
        build = self.builder
        mean = build.fdiv(self.together(squares), build.sitofp(n, self._float))
        root = build.module.declare_intrinsic("llvm.sqrt", [self._float])
        return build.fdiv(self.single(1), build.call(root, [build.fadd(mean, self.single(epsilon))]))

    def exponential(self, numbers: Any) -> Any:
        """The powers of e, within two units of the last place; below −87 it is 0, and above 87 that of 87.

        The power of 2 is put together from bits; the polynomial of what remains is that of Cephes.
        """
        from llvmlite import ir

        build, whole = self.builder, 12582912.0  # 1.5 · 2²³: adding it rounds to a whole number
        is_nothing = build.fcmp_ordered("<", numbers, self.number(-87))
        numbers = self.larger(numbers, self.number(-87))
        numbers = build.fneg(self.larger(build.fneg(numbers), self.number(-87)))
        shifted = self.added(self.number(whole), numbers, self.number(1.4426950408889634))
        power = build.fsub(shifted, self.number(whole))
        rest = self.added(numbers, power, self.number(-0.693359375))
        rest = self.added(rest, power, self.number(2.12194440e-4))
        found = self.number(1.9875691500e-4)
        for coefficient in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
            found = self.added(self.number(coefficient), found, rest)
        found = build.fadd(self.added(rest, found, build.fmul(rest, rest)), self.number(1))
        exponent = build.add(self.bits(shifted), ir.Constant(self._bits, [127 - 0x4B400000] * self.lanes))
        two = build.shl(exponent, ir.Constant(self._bits, [23] * self.lanes))
        return build.select(is_nothing, self.vector(None), build.fmul(found, build.bitcast(two, self.vector)))

    def bits(self, numbers: Any) -> Any:
        """Numbers as integers of 32 bits."""
        return self.builder.bitcast(numbers, self._bits)

    def _upper(self) -> Any:
        from llvmlite import ir

        return ir.Constant(self._bits, [0xFFFF0000] * self.lanes)

    def size(self, numbers: Any) -> Any:
        """Numbers without their signs."""
        return self._intrinsic("fabs", numbers)

    def _intrinsic(self, name: str, numbers: Any) -> Any:
        """What LLVM computes of each number under a name."""
        from llvmlite import ir

        kind = ir.FunctionType(self.vector, [self.vector])
        return self.builder.call(
            self.builder.module.declare_intrinsic(f"llvm.{name}.v{self.lanes}f32", fnty=kind), [numbers]
        )

    def digits(self, numbers: Any, base: int) -> tuple[Any, Any]:
        """The nearest integers as two of 8 bits: high · base + low, where low is from −base / 2 on. 2 divides base."""
        from llvmlite import ir

        build, n_bits = self.builder, ir.Constant(self._bits, [base.bit_length() - 1] * self.lanes)
        whole = build.fptosi(self._intrinsic("rint", numbers), self._bits)
        high = build.ashr(build.add(whole, ir.Constant(self._bits, [base // 2] * self.lanes)), n_bits)
        kind = ir.VectorType(self.byte, self.lanes)
        return build.trunc(high, kind), build.trunc(build.sub(whole, build.shl(high, n_bits)), kind)

    def joined(self, high: Any, low: Any, base: int) -> Any:
        """High · base + low of integers, as numbers of fp32."""
        from llvmlite import ir

        n_bits = ir.Constant(self._bits, [base.bit_length() - 1] * self.lanes)
        return self.builder.sitofp(self.builder.add(self.builder.shl(high, n_bits), low), self.vector)

    def whole(self, base: Any, index: int) -> Any:
        """A register of integers of 32 bits from memory."""
        return self.builder.load(self.place(self._float, base, index), typ=self._bits, align=4)

    def shortened(self, numbers: Any) -> Any:
        """Numbers without the lower half of their bits, which are numbers of bf16."""
        return self.builder.bitcast(self.builder.and_(self.bits(numbers), self._upper()), self.vector)

    def upper_halves(self, numbers: Any) -> Any:
        """The upper 16 bits of numbers."""
        from llvmlite import ir

        upper = self.builder.lshr(self.bits(numbers), ir.Constant(self._bits, [16] * self.lanes))
        return self.builder.trunc(upper, ir.VectorType(self.half, self.lanes))

    def paired(self, one: Any, other: Any) -> Any:
        """Numbers of bf16 beside each other, one of each in turn."""
        from llvmlite import ir

        low = self.builder.lshr(self.bits(one), ir.Constant(self._bits, [16] * self.lanes))
        return self.builder.bitcast(
            self.builder.or_(low, self.builder.and_(self.bits(other), self._upper())), self.vector
        )

    def scratch(self, n_bytes: int) -> Any:
        """Memory of this call."""
        from llvmlite import ir

        found = self.builder.alloca(ir.ArrayType(self.byte, n_bytes))
        found.align, found.type = 64, ir.PointerType()
        return found

    def constant(self, values: bytes) -> Any:
        """Memory that holds these bytes."""
        from llvmlite import ir

        kind = ir.ArrayType(self.byte, len(values))
        found = ir.GlobalVariable(self.builder.module, kind, f"constant{len(self.builder.module.globals)}")
        found.global_constant, found.initializer = True, ir.Constant(kind, bytearray(values))
        found.type = ir.PointerType()
        return found

    def matrix(self, name: str, *arguments: Any) -> None:
        """An instruction of matrix registers, which are given by their numbers."""
        from llvmlite import ir

        given = [self.byte(argument) if isinstance(argument, int) else argument for argument in arguments]
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in given])
        full = f"llvm.x86.{name}"
        known = self.builder.module.globals.get(full)
        self.builder.call(known or ir.Function(self.builder.module, kind, full), given)

    def together(self, numbers: Any, joined: Callable[[Any, Any], Any] | None = None) -> Any:
        """The sum of all lanes, or what `joined` makes of them: halves are joined until one number is left."""
        from llvmlite import ir

        build, found, n = self.builder, numbers, self.lanes
        while n > 1:
            n //= 2
            half = [ir.VectorType(ir.IntType(32), n)([ir.IntType(32)(i + begin) for i in range(n)]) for begin in (0, n)]
            found = (joined or build.fadd)(*(build.shuffle_vector(found, found, lanes) for lanes in half))
        return build.extract_element(found, ir.IntType(32)(0))

    def stored(self, base: Any, index: Any, offset: int, value: Any) -> None:
        """Put a register, or one number, into memory; places are counted in numbers."""
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
