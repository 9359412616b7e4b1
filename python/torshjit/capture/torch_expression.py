# SPDX-License-Identifier: Apache-2.0
"""Formulas over Values written with Python's operators, for rules of many operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torshjit.capture.torch_elementwise import float_dtype
from torshjit.capture.torch_lowering import Lowering, accumulation_dtype

__all__ = ["Formula", "chebyshev", "formula_rule", "polynomial", "where"]


class Formula:
    """A Value with arithmetic; numbers among the operands take its element type."""

    __slots__ = ("g", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, g: Lowering, value: Any) -> None:
        self.g = g
        self.value = value

    @property
    def dtype(self) -> str:
        """The dialect's name of the element type."""
        return self.value.dtype

    def of(self, other: Any) -> Formula:
        """A number as a formula of this element type; a formula unchanged."""
        if isinstance(other, Formula):
            return other
        return Formula(self.g, self.g.scalar(other, self.dtype))

    def call(self, op: str, *others: Any) -> Formula:
        """A torsh operation on this and further operands."""
        values = [self.of(other).value for other in others]
        return Formula(self.g, self.g.emit(op, self.value, *values))

    def cast(self, dtype: str) -> Formula:
        """Conversion to another element type."""
        return Formula(self.g, self.g.cast(self.value, dtype))

    def __add__(self, other: Any) -> Formula:
        return self.call("add", other)

    def __radd__(self, other: Any) -> Formula:
        return self.of(other) + self

    def __sub__(self, other: Any) -> Formula:
        return self.call("sub", other)

    def __rsub__(self, other: Any) -> Formula:
        return self.of(other) - self

    def __mul__(self, other: Any) -> Formula:
        return self.call("mul", other)

    def __rmul__(self, other: Any) -> Formula:
        return self.of(other) * self

    def __truediv__(self, other: Any) -> Formula:
        return self.call("div", other)

    def __rtruediv__(self, other: Any) -> Formula:
        return self.of(other) / self

    def __neg__(self) -> Formula:
        return self.call("neg")

    def __abs__(self) -> Formula:
        return self.call("abs")

    def __and__(self, other: Formula) -> Formula:
        return self.call("and", other)

    def __or__(self, other: Formula) -> Formula:
        return self.call("or", other)

    def __invert__(self) -> Formula:
        return self.call("not")

    def _compare(self, predicate: str, other: Any) -> Formula:
        return Formula(self.g, self.g.compare(predicate, self.value, self.of(other).value))

    def __lt__(self, other: Any) -> Formula:
        return self._compare("lt", other)

    def __le__(self, other: Any) -> Formula:
        return self._compare("le", other)

    def __gt__(self, other: Any) -> Formula:
        return self._compare("gt", other)

    def __ge__(self, other: Any) -> Formula:
        return self._compare("ge", other)

    def equals(self, other: Any) -> Formula:
        """Where this and the other are equal."""
        return self._compare("eq", other)

    def __getattr__(self, op: str) -> Callable[..., Formula]:
        """An operation of the dialect by its name: ``x.exp()``."""
        if op.startswith("_"):
            raise AttributeError(op)
        return lambda *others: self.call(op, *others)


def where(condition: Formula, on_true: Any, on_false: Any) -> Formula:
    """The first where the condition holds, else the second; one of them may be a number."""
    pattern = on_true if isinstance(on_true, Formula) else on_false
    chosen = (pattern.of(on_true).value, pattern.of(on_false).value)
    return Formula(condition.g, condition.g.emit("select", condition.value, *chosen))


def polynomial(x: Formula, coefficients: Sequence[float]) -> Formula:
    """The polynomial with these coefficients, that of the highest power first."""
    result = x.of(coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def chebyshev(x: Formula, coefficients: Sequence[float]) -> Formula:
    """The sum of coefficients times Chebyshev polynomials of x in [-1, 1], the lowest first.

    Where the element type is narrower than f64, terms that it cannot hold are left out.
    """
    kept = list(coefficients)
    if x.dtype != "f64":
        largest = max(map(abs, kept))
        while len(kept) > 2 and abs(kept[-1]) < largest * 2e-9:
            kept.pop()
    # Clenshaw's recurrence.
    twice, ahead, further = x + x, x.of(0), x.of(0)
    for coefficient in reversed(kept[1:]):
        ahead, further = twice * ahead - further + coefficient, ahead
    return x * ahead - further + kept[0]


def formula_rule(body: Callable[..., Formula]) -> Callable[..., Any]:
    """A rule for float functions: tensors and numbers arrive as formulas in f32 or wider.

    Integers are computed in torch's default float type, half types in f32.
    """

    def rule(g: Lowering, *operands: Any) -> Any:
        dtype = float_dtype(*operands)
        wide = accumulation_dtype(dtype)
        formulas = [Formula(g, g.operand(operand, wide)) for operand in operands]
        return g.cast(body(*formulas).value, dtype)

    rule.__module__ = body.__module__
    return rule
