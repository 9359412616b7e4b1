# SPDX-License-Identifier: Apache-2.0
"""Result types for operations that a foreign MLIR package builds without knowing them."""

from __future__ import annotations

from typing import Any

from torshjit.compiler_cache import compiler_context, compiler_error, load_compiler

__all__ = ["inferring_view"]


def inferring_view(ir: Any) -> Any:
    """A class like `ir.OpView` that asks the compiler for result types that are not given."""

    class InferringOpView(ir.OpView):
        def __init__(self, name: Any, *args: Any, **keywords: Any) -> None:
            if isinstance(name, str) and keywords.get("results", ()) is None:
                keywords["results"] = _result_types(ir, name, keywords)
            super().__init__(name, *args, **keywords)

    return InferringOpView


def _result_types(ir: Any, name: str, keywords: dict[str, Any]) -> list[Any]:
    """The result types of an operation about to be built.

    Raises:
        CompileError: its operands or attributes do not fit.
    """
    groups = keywords.get("operands", ())
    operands = [value for value in _flat(groups) if value is not None]
    attributes = {
        key: value for key, value in keywords.get("attributes", {}).items() if value is not None
    }
    compiler = load_compiler()
    try:
        types = compiler.infer_result_types(
            compiler_context(),
            name,
            [str(_value(value).type) for value in operands],
            str(ir.DictAttr.get(attributes)) if attributes else "{}",
            [len(_flat([group])) if group is not None else 0 for group in groups],
        )
    except compiler.MLIRError as error:
        raise compiler_error(error, "the operation is invalid") from error
    return [ir.Type.parse(each) for each in types]


def _flat(operands: Any) -> list[Any]:
    result: list[Any] = []
    for each in operands:
        is_group = isinstance(each, (list, tuple)) or type(each).__name__ == "OpResultList"
        result.extend(_flat(each) if is_group else [each])
    return result


def _value(operand: Any) -> Any:
    """A value, or the one result of an operation."""
    return operand if hasattr(operand, "type") else operand.result
