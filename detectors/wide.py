"""Wide: bytes eight and thirty-two at a time, as processors read them and numba has no words for.

A kernel that passes arrays on to another counts their references at every call, and indexing asks whether an index is
negative: at some nanoseconds a record both would cost more than the work. So what is called for every byte takes
addresses, plain integers. An address is read without any check: whoever gives it has made sure that the 32 bytes there
(8 for `word`) belong to the array it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 32
"""How many bytes are looked at together."""
AHEAD = 128
"""How many bytes behind what they were sent to look at kernels may read: so many follow in a buffer made for them."""

_BIT, _BYTE, _WORD, _DOUBLE = ir.IntType(1), ir.IntType(8), ir.IntType(64), ir.IntType(128)
_VECTOR = ir.VectorType(_BYTE, LANES)

Build = Callable[..., Any]


def _instruction(result: Any, *kinds: Any) -> Callable[[Build], Any]:
    """Make of a function that writes LLVM's instructions one that kernels can call with one or two values."""

    def make(build: Build) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return build(builder, *args)

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
