# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that make features: counts of n-grams, thresholds, columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.indexing import positions
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__: list[str] = []

#: The most comparisons of a word with one of an n-gram.
_MOST_COMPARISONS = 1 << 22


def _grams(node: Node) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By size, the n-grams (count, size) and the columns that they are counted in."""
    pool, begins = node.attribute("pool_int64s"), node.integers("ngram_counts") or []
    columns = node.integers("ngram_indexes") or []
    if pool is None:
        raise node.fail("n-grams of strings are not covered")
    result, number = {}, 0
    for size, begin in enumerate(begins, start=1):
        end = begins[size] if size < len(begins) else len(pool)
        rows = np.array(pool[begin:end], np.int64)
        if rows.size % size:
            raise ShapeError(f"{node}: {rows.size} words cannot be n-grams of {size}")
        rows = rows.reshape(-1, size)
        if len(rows):
            result[size] = (rows, np.array(columns[number : number + len(rows)], np.int64))
            if len(np.unique(rows, axis=0)) != len(rows):
                raise node.fail("n-grams that repeat are not covered")
        number += len(rows)
    if number != len(columns):
        raise ShapeError(f"{node}: {number} n-grams and {len(columns)} columns")
    return result


@lowers("TfIdfVectorizer")
def _tfidf(g: Operations, node: Node) -> Any:
    """Compares each n-gram with the words at every place, and counts."""
    value = node.value(0, "i64")
    shape = tuple(value.shape)
    words = g.reshape(value, (1, *shape) if len(shape) == 1 else shape)
    if len(words.shape) != 2:
        raise ShapeError(f"{node}: words of rank {len(shape)}")
    batch, length = words.shape
    grams = _grams(node)
    least, most = node.attribute("min_gram_length"), node.attribute("max_gram_length")
    count = max(node.integers("ngram_indexes") or [0]) + 1
    total = g.filled(0, "i64", (batch, count))
    work = 0
    for step in range(1, node.attribute("max_skip_count") + 2):
        for size in range(least, most + 1):
            starts = length - step * (size - 1)
            # Single words have nothing to skip, and are counted once.
            if size not in grams or starts <= 0 or (size == 1 and step > 1):
                continue
            rows, columns = grams[size]
            work += batch * starts * rows.size
            if work > _MOST_COMPARISONS:
                raise node.fail(f"{work} comparisons of words are too many")
            here = None
            for place in range(size):
                part = g.slice(words, 1, place * step, place * step + starts)
                gram = g.value(np.ascontiguousarray(rows[:, place]).reshape(1, 1, -1))
                equal = g.compare("eq", g.reshape(part, (batch, starts, 1)), gram)
                here = equal if here is None else g.emit("and", here, equal)
            found = g.reduce("sum", g.cast(here, "i64"), [1])
            total = g.emit("scatter", total, found, [g.value(columns)], axes=[1], reduction="add")
    mode, weights = node.attribute("mode"), node.attribute("weights")
    result = g.cast(total, "f32")
    if mode == "IDF":
        result = g.cast(g.compare("gt", total, 0), "f32")
    if mode != "TF" and weights:
        result = g.emit("mul", result, g.value(np.array(weights, np.float32)))
    return g.reshape(result, (count,) if len(shape) == 1 else (batch, count))


@lowers("ai.onnx.ml.Binarizer")
def _binarizer(g: Operations, node: Node) -> Any:
    value = node.value(0)
    limit = node.attribute("threshold", 0.0)
    limit = float(limit) if value.dtype[0] in "fb" else int(limit)
    return g.cast(g.compare("gt", value, limit), value.dtype)


@lowers("ai.onnx.ml.ArrayFeatureExtractor")
def _array_feature_extractor(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    picked = positions(g, node, node.raw(1), value.shape[rank - 1])
    count = int(np.prod(picked.shape))
    found = g.emit("gather", value, [g.reshape(picked, (count,))], axes=[rank - 1])
    return g.reshape(found, (1, count)) if rank == 1 else found
