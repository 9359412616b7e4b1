# SPDX-License-Identifier: Apache-2.0
"""StableHLO slices, gathers and scatters at places that are data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.bindings import load_bindings
from torshjit.capture.stablehlo_import.combining import combination
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.known_values import Known
from torshjit.capture.stablehlo_import.operation import HloOp

__all__: list[str] = []


def _clamped(g: Operations, index: Any, last: int) -> Any:
    """An index as i64, from 0 to `last`."""
    return _limited(g, g.cast(index, "i64"), last)


def _limited(g: Operations, index: Any, last: int) -> Any:
    low = g.scalar(0, "i64")
    return g.emit("minimum", g.emit("maximum", index, low), g.scalar(last, "i64"))


@lowers("stablehlo.dynamic_slice")
def _dynamic_slice(g: Operations, op: HloOp) -> Any:
    value, *starts = op.operands
    for axis, (start, size) in enumerate(zip(starts, op.integers("slice_sizes"), strict=True)):
        last = value.shape[axis] - size
        if last == 0:
            continue
        start = _clamped(g, start, last)
        if isinstance(start, Known):
            begin = int(start.array)
            value = g.slice(value, axis, begin, begin + size)
            continue
        places = g.emit("add", g.iota((size,), 0, "i64"), start)
        value = g.emit("gather", value, [places], axes=[axis])
    return value


@lowers("stablehlo.dynamic_update_slice")
def _dynamic_update_slice(g: Operations, op: HloOp) -> Any:
    value, update, *starts = op.operands
    axes = [axis for axis, size in enumerate(update.shape) if size != value.shape[axis]]
    if not axes or 0 in update.shape:
        return value if 0 in update.shape else update
    begins = [_clamped(g, starts[axis], value.shape[axis] - update.shape[axis]) for axis in axes]
    if all(isinstance(begin, Known) for begin in begins):
        return _updated(g, value, update, axes, [int(begin.array) for begin in begins])
    indices = []
    for number, (axis, begin) in enumerate(zip(axes, begins, strict=True)):
        shape = [1] * len(axes)
        shape[number] = update.shape[axis]
        places = g.iota(shape, number, "i64")
        indices.append(g.emit("add", places, begin))
    # As the gather of these places would give them: their axes stand where the first one was.
    turned = g.permute(update, _gathered_order(axes, update))
    return g.emit("scatter", value, turned, indices, axes=axes)


def _gathered_order(axes: Sequence[int], value: Any) -> list[int]:
    rest = [axis for axis in range(len(value.shape)) if axis not in axes]
    lead = [axis for axis in rest if axis < axes[0]]
    return [*lead, *axes, *rest[len(lead) :]]


def _updated(
    g: Operations, value: Any, update: Any, axes: Sequence[int], begins: Sequence[int]
) -> Any:
    """`value` with a part replaced whose place is known: what is before and after it stays."""
    if not axes:
        return update
    axis, begin = axes[0], begins[0]
    end = begin + update.shape[axis]
    middle = _updated(g, g.slice(value, axis, begin, end), update, axes[1:], begins[1:])
    parts = [
        g.slice(value, axis, 0, begin),
        middle,
        g.slice(value, axis, end, value.shape[axis]),
    ]
    return g.concat([part for part in parts if part.shape[axis]], axis)


class _Places:
    """Where the windows of a gather or scatter begin, and how their axes are laid out.

    Attributes:
        axes: the axes of the operand that are indexed, sorted.
        indices: for each of them its places, shaped (batch axes..., window axes...).
        batch: the extents of the batch axes.
        windows: the axes among `axes` whose windows hold several elements.
    """

    def __init__(
        self,
        g: Operations,
        operand: Any,
        indices: Any,
        sizes: Sequence[int],
        vector_axis: int,
        index_map: Sequence[int],
        batching: dict[int, int],
        dropped: Sequence[int],
        clamps: bool,
    ) -> None:
        rank = len(operand.shape)
        indices = g.cast(indices, "i64")
        if vector_axis == len(indices.shape):
            indices = g.reshape(indices, [*indices.shape, 1])
        order = [axis for axis in range(len(indices.shape)) if axis != vector_axis]
        indices = g.permute(indices, [*order, vector_axis])
        self.batch = list(indices.shape[:-1])
        self.axes = sorted({*index_map, *batching})
        self.windows = [axis for axis in self.axes if axis not in dropped and axis not in batching]
        self.kept = [axis for axis in range(rank) if axis not in self.axes]
        depth = len(self.batch)
        ones = [1] * len(self.windows)
        self.indices = []
        for axis in self.axes:
            shape = [*self.batch, *ones]
            if axis in batching:
                # The batch axis of the indices, counted without the axis of the vector.
                place = batching[axis] - (batching[axis] > vector_axis)
                along = [1] * len(shape)
                along[place] = self.batch[place]
                self.indices.append(g.iota(along, place, "i64"))
                continue
            component = index_map.index(axis)
            start = g.slice(indices, depth, component, component + 1)
            start = g.reshape(start, shape)
            last = operand.shape[axis] - sizes[axis]
            if clamps:
                start = _limited(g, start, last)
            else:
                # A window that does not fit is left out: none of its places is one.
                fits = g.emit("and", g.compare("ge", start, 0), g.compare("le", start, last))
                start = g.where(fits, start, operand.shape[axis])
            if axis in self.windows:
                along = [1] * len(shape)
                number = self.windows.index(axis)
                along[depth + number] = sizes[axis]
                start = g.emit("add", start, g.iota(along, depth + number, "i64"))
            self.indices.append(start)
        self.layout = self._layout(rank)

    def _layout(self, rank: int) -> list[tuple[str, int]]:
        """The axes that a gather of these places gives, in order."""
        made = [("batch", number) for number in range(len(self.batch))]
        made += [("window", axis) for axis in self.windows]
        first = self.axes[0] if self.axes else 0
        before = [("window", axis) for axis in self.kept if axis < first]
        after = [("window", axis) for axis in self.kept if axis >= first]
        return [*before, *made, *after]

    def wanted(self, offset_axes: Sequence[int]) -> list[tuple[str, int]]:
        """The axes of the operation's own result or updates, in order."""
        windows = iter(sorted([*self.windows, *self.kept]))
        batch = iter(range(len(self.batch)))
        total = len(self.batch) + len(self.windows) + len(self.kept)
        return [
            ("window", next(windows)) if axis in offset_axes else ("batch", next(batch))
            for axis in range(total)
        ]


@lowers("stablehlo.gather")
def _gather(g: Operations, op: HloOp) -> Any:
    _, stablehlo = load_bindings()
    axes = stablehlo.GatherDimensionNumbers(op.attribute("dimension_numbers"))
    operand, indices = op.operands
    sizes = op.integers("slice_sizes")
    if 0 in op.shape:
        return g.filled(0, op.dtype, op.shape)
    if 0 in operand.shape:
        op.refuse("from a tensor without elements is not covered")
    dropped = [*axes.collapsed_slice_dims, *axes.operand_batching_dims]
    index_map = list(axes.start_index_map)
    # A window that is not whole begins at 0 where no index says otherwise.
    for axis, size in enumerate(sizes):
        whole = size == operand.shape[axis]
        if axis not in index_map and axis not in axes.operand_batching_dims and not whole:
            operand = g.slice(operand, axis, 0, size)
    batching = dict(zip(axes.operand_batching_dims, axes.start_indices_batching_dims, strict=True))
    # An axis that goes but has no index has one element.
    lone = [axis for axis in dropped if axis not in index_map and axis not in batching]
    places = _Places(
        g, operand, indices, sizes, axes.index_vector_dim, index_map, batching, dropped, True
    )
    result = operand
    if places.axes:
        result = g.emit("gather", operand, places.indices, axes=places.axes)
        full = [*places.batch, *(sizes[axis] for axis in places.windows)]
        result = _with_axes(g, result, places, full, operand)
    else:
        result = g.broadcast(operand, [*places.batch, *operand.shape])
    layout = places.layout
    if lone:
        keep = [n for n, (kind, axis) in enumerate(layout) if kind == "batch" or axis not in lone]
        result = g.reshape(result, [result.shape[n] for n in keep])
        layout = [layout[n] for n in keep]
        places.kept = [axis for axis in places.kept if axis not in lone]
    wanted = places.wanted(list(axes.offset_dims))
    return g.reshape(g.permute(result, [layout.index(each) for each in wanted]), op.shape)


def _with_axes(
    g: Operations, result: Any, places: _Places, made: Sequence[int], operand: Any
) -> Any:
    """The result of a gather whose places may have broadcast to less than their axes."""
    before = sum(axis < places.axes[0] for axis in places.kept)
    after = len(places.kept) - before
    shape = [*result.shape[:before], *made, *result.shape[len(result.shape) - after :]]
    return g.broadcast(result, shape)


_REDUCTIONS = {"add": "add", "multiply": "mul", "minimum": "min", "maximum": "max"}


@lowers("stablehlo.scatter")
def _scatter(g: Operations, op: HloOp) -> Any:
    _, stablehlo = load_bindings()
    axes = stablehlo.ScatterDimensionNumbers(op.attribute("scatter_dimension_numbers"))
    if len(op.operands) != 3:
        op.refuse(f"of {len(op.operands) // 2} tensors at once is not covered")
    operand, indices, updates = op.operands
    if 0 in updates.shape or 0 in operand.shape:
        return operand
    reduction = _scatter_reduction(op)
    dropped = [*axes.inserted_window_dims, *axes.input_batching_dims]
    window_axes = [axis for axis in range(len(operand.shape)) if axis not in dropped]
    sizes = [1] * len(operand.shape)
    for axis, place in zip(window_axes, axes.update_window_dims, strict=True):
        sizes[axis] = updates.shape[place]
    index_map = list(axes.scattered_dims_to_operand_dims)
    batching = dict(zip(axes.input_batching_dims, axes.scatter_indices_batching_dims, strict=True))
    for axis, size in enumerate(sizes):
        if axis not in index_map and axis not in batching and size != operand.shape[axis]:
            op.refuse(f"a window that is not whole along axis {axis}, without an index for it")
    places = _Places(
        g, operand, indices, sizes, axes.index_vector_dim, index_map, batching, dropped, False
    )
    if not places.axes:
        op.refuse("without indices is not covered")
    made = places.wanted(list(axes.update_window_dims))
    # Axes of one element that no index names are axes of the gather, too.
    lone = [axis for axis in places.kept if axis in dropped]
    layout = [each for each in places.layout if not (each[0] == "window" and each[1] in lone)]
    if lone:
        made = [each for each in made if not (each[0] == "window" and each[1] in lone)]
    turned = g.permute(updates, [made.index(each) for each in layout])
    full = [*places.batch, *(sizes[axis] for axis in places.windows)]
    before = sum(axis < places.axes[0] for axis in places.kept)
    kept = [operand.shape[axis] for axis in places.kept]
    turned = g.reshape(turned, [*kept[:before], *full, *kept[before:]])
    indices = list(places.indices)
    # Together the places have every batch and window axis.
    indices[0] = g.broadcast(indices[0], full)
    return g.emit("scatter", operand, turned, indices, axes=places.axes, reduction=reduction)


def _scatter_reduction(op: HloOp) -> str:
    kind = combination(op.block())
    if kind in _REDUCTIONS and op.operands[0].dtype != "i1":
        return _REDUCTIONS[kind]
    operations = list(op.block().operations)
    if len(operations) == 1 and list(operations[0].operation.operands) == [op.block().arguments[1]]:
        return "none"
    return op.refuse(
        "a combination other than a sum, product, minimum, maximum or replacement is not covered"
    )
