"""Wide: bytes eight and thirty-two at a time, as processors read them and numba has no words for.

A kernel that passes arrays on to another counts their references at every call, and indexing asks whether an index is
negative: at some nanoseconds a record both would cost more than the work. So what is called for every byte takes
addresses, plain integers. An address is read without any check: whoever gives it has made sure that the 32 bytes there
(8 for `word`) belong to the array it came from.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import config, njit, types
from numba.extending import intrinsic

LANES, LINE_BYTES = 32, 64
"""How many bytes are looked at together."""
AHEAD = 128
"""How many bytes behind what they were sent to look at kernels may read: so many follow in a buffer made for them."""

_BIT, _BYTE, _INT, _WORD, _DOUBLE = (ir.IntType(bits) for bits in (1, 8, 32, 64, 128))
_VECTOR = ir.VectorType(_BYTE, LANES)

Build = Callable[..., Any]


def _instruction(result: Any, *kinds: Any) -> Callable[[Build], Any]:
    """Make of a function that writes LLVM's instructions one that kernels can call with one or two values."""

    def make(build: Build) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = build(builder, *args)
            return context.get_dummy_value() if made is None else made

        def of_one(typing: Any, a: Any) -> Any:
            return result(*kinds), generate

        def of_two(typing: Any, a: Any, b: Any) -> Any:
            return result(*kinds), generate

        return intrinsic(of_one if len(kinds) == 1 else of_two)

    return make


def _load(builder: Any, where: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(where, kind.as_pointer()), align=1)


def _same(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _marks(builder: Any, flags: Any) -> Any:
    """Return a bit for each lane, the first byte's lowest."""
    return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), _WORD)


def _address(typing: Any, array: Any) -> Any:
    """Return where an array's bytes begin."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, value=args[0]).data
        return builder.ptrtoint(data, _WORD)

    return types.int64(array), generate


address: Any = intrinsic(_address)


@_instruction(types.int64, types.int64)
def byte(builder: Any, where: Any) -> Any:
    """Return the byte at an address."""
    return builder.zext(_load(builder, where, _BYTE), _WORD)


@_instruction(types.uint64, types.int64)
def word(builder: Any, where: Any) -> Any:
    """Return the eight bytes at an address, the first of them lowest."""
    return _load(builder, where, _WORD)


@_instruction(types.void, types.int64, types.int64)
def put_word(builder: Any, where: Any, value: Any) -> Any:
    """Write eight bytes to an address."""
    builder.store(value, builder.inttoptr(where, _WORD.as_pointer()), align=1)


@_instruction(types.void, types.int64)
def prefetch(builder: Any, where: Any) -> Any:
    """Have the memory at an address brought near, since it will be asked for soon; any address will do."""
    kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])
    bring = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
    for_reading, for_long, of_data = (ir.Constant(_INT, choice) for choice in (0, 3, 1))
    builder.call(bring, [builder.inttoptr(where, _BYTE.as_pointer()), for_reading, for_long, of_data])


@njit
def prefetch_lines(where, size):  # type: ignore[no-untyped-def]
    """Have `size` bytes brought near."""
    for k in range(0, size, LINE_BYTES):
        prefetch(where + k)


@_instruction(types.uint64, types.int64)
def digits(builder: Any, where: Any) -> Any:
    """Mark the decimal digits among the bytes at an address."""
    value = builder.sub(_load(builder, where, _VECTOR), _same(48))
    return _marks(builder, builder.icmp_unsigned("<", value, _same(10)))


@_instruction(types.uint64, types.int64)
def stops(builder: Any, where: Any) -> Any:
    """Mark what ends a plain JSON text (quote, backslash, control character), and 32 bits higher what is not ASCII."""
    value = _load(builder, where, _VECTOR)
    stop = builder.icmp_unsigned("<", value, _same(32))
    for character in b'"\\':
        stop = builder.or_(stop, builder.icmp_unsigned("==", value, _same(character)))
    beyond = _marks(builder, builder.icmp_signed("<", value, _same(0)))
    return builder.or_(_marks(builder, stop), builder.shl(beyond, ir.Constant(_WORD, LANES)))


@_instruction(types.uint64, types.int64, types.int64)
def alike(builder: Any, one: Any, other: Any) -> Any:
    """Mark where the bytes at two addresses are the same."""
    return _marks(builder, builder.icmp_unsigned("==", _load(builder, one, _VECTOR), _load(builder, other, _VECTOR)))


@_instruction(types.int64, types.uint64)
def first(builder: Any, marks: Any) -> Any:
    """Return the place of the lowest bit; 64 where there is none."""
    return builder.cttz(marks, ir.Constant(_BIT, 0))


@_instruction(types.int64, types.uint64)
def zeros_above(builder: Any, value: Any) -> Any:
    """Return how many bits above the highest one are zero."""
    return builder.ctlz(value, ir.Constant(_BIT, 0))


@_instruction(types.uint64, types.uint64, types.uint64)
def upper_product(builder: Any, one: Any, other: Any) -> Any:
    """Return the upper 64 of the 128 bits of a product."""
    product = builder.mul(builder.zext(one, _DOUBLE), builder.zext(other, _DOUBLE))
    return builder.trunc(builder.lshr(product, ir.Constant(_DOUBLE, 64)), _WORD)


@_instruction(types.float64, types.uint64)
def as_float(builder: Any, bits: Any) -> Any:
    """Return the double of these 64 bits."""
    return builder.bitcast(bits, ir.DoubleType())


def _crc32c(builder: Any, crc: Any, value: Any, name: str, bits: tuple[int, int]) -> Any:
    """Call an instruction that takes a sum and a value of so many bits each; the sum's upper half is zero."""
    kinds = [ir.IntType(size) for size in bits]
    step = builder.module.declare_intrinsic(name, fnty=ir.FunctionType(kinds[0], kinds))
    values = zip((crc, value), kinds, strict=True)
    result = builder.call(step, [builder.trunc(one, kind) if kind != _WORD else one for one, kind in values])
    return builder.zext(result, _WORD) if kinds[0] != _WORD else result


# Of each kind of processor: what it calls the ability, its instruction for eight bytes and for one, and their sizes.
_X86 = ("sse4.2", ("llvm.x86.sse42.crc32.64.64", (64, 64)), ("llvm.x86.sse42.crc32.32.8", (32, 8)))
_ARM = ("crc", ("llvm.aarch64.crc32cx", (32, 64)), ("llvm.aarch64.crc32cb", (32, 32)))
_ability, _of_word, _of_byte = _X86 if platform.machine() in ("x86_64", "AMD64") else _ARM

HAS_CRC32C = bool(binding.get_host_cpu_features().get(_ability)) and not getattr(config, "CPU_NAME", None)
"""Whether `crc32c_word` and `crc32c_byte` may be called: the processor has the instruction, and code is made for it."""


@_instruction(types.uint64, types.uint64, types.uint64)
def crc32c_word(builder: Any, crc: Any, value: Any) -> Any:
    """Return a running CRC-32C with eight more bytes in it."""
    return _crc32c(builder, crc, value, *_of_word)


@_instruction(types.uint64, types.uint64, types.uint64)
def crc32c_byte(builder: Any, crc: Any, value: Any) -> Any:
    """Return a running CRC-32C with one more byte in it."""
    return _crc32c(builder, crc, value, *_of_byte)
