# SPDX-License-Identifier: Apache-2.0
"""python -m demo: trains, compiles, compares, and says what happened."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from demo.contest import Way, microseconds_per_image, require_equal_predictions
from demo.scans import load_scans

_SHOWN_STATS = (
    "calls",
    "kernels",
    "compiled_ops",
    "fallback_ops",
    "fused_groups",
    "compile_ms",
    "peak_bytes",
    "naive_peak_bytes",
)


def _title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def _print_duration(what: str, milliseconds: float) -> None:
    print(f"  {what:<48} {milliseconds:8.1f} ms")


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = action()
    return result, (time.perf_counter() - started) * 1e3


def _train(scans: Any) -> tuple[Way, list[Way], str]:
    """The network as it was trained, the other ways to run it without torshjit, and its name."""
    if find_spec("torch") is None:
        from demo.numpy_training import train

        print("torch is not installed: training a perceptron (64-64-10) in NumPy.")
        return Way("NumPy", train(scans), np.asarray), [], "perceptron"
    import torch

    from bench.namespaces import numpy_namespace
    from bench.workloads.digits import network
    from demo.torch_training import train as train_in_torch

    print("Training a convolutional network (2 convolutions, 2 linear layers) in torch eager.")
    module, weights = train_in_torch(scans)
    torch.set_grad_enabled(False)
    namespace = numpy_namespace()
    numpy_way = Way("NumPy", lambda x: network(namespace, [x], weights), np.asarray)
    return Way("torch eager", module, torch.from_numpy), [numpy_way], "convolutional network"


def _compile(original: Way, one_image: np.ndarray) -> Way:
    """Compiles cold, prints what each part took, returns the compiled way."""
    torshjit, import_ms = _timed(lambda: import_module("torshjit"))
    _, compiler_ms = _timed(lambda: import_module("torshjit._compiler"))
    _print_duration("import torshjit", import_ms)
    _print_duration("load the compiler (MLIR and LLVM)", compiler_ms)
    argument = original.from_numpy(one_image)

    def first_call() -> Any:
        # strict: an operation that is not compiled is an error here, not a detour.
        compiled = torshjit.compile(original.call, strict=True, enable_caching=False)
        compiled(argument)
        return compiled

    compiled, cold_ms = _timed(first_call)
    _print_duration("capture, compile and run the first image, cold", cold_ms)
    return Way("torshjit", compiled, original.from_numpy)


def _check(original: Way, compiled: Way, images: np.ndarray) -> np.ndarray:
    """Raises unless every prediction equals eager's; returns the compiled scores."""
    expected = original.scores(images)
    together, batch_ms = _timed(lambda: compiled.scores(images))
    _print_duration(f"the same for all {len(images)} images in one batch", batch_ms)
    require_equal_predictions(expected, together, "all images in one batch")
    alone = np.concatenate([compiled.scores(images[i : i + 1]) for i in range(len(images))])
    require_equal_predictions(expected, alone, "one image at a time")
    difference = np.abs(together - expected).max()
    _title("Same answers?")
    print(f"  {len(images)} of {len(images)} predictions equal those of {original.name},")
    print("  one image at a time and all in one batch;")
    print(f"  largest difference of a score: {difference:.1e} (scores reach {expected.max():.0f})")
    return together


def _print_times(ways: list[Way], images: np.ndarray) -> None:
    batches = {"one image": images[:1], f"{len(images)} images": images}
    table = {title: microseconds_per_image(ways, batch) for title, batch in batches.items()}
    _title("Time per image (median, µs)")
    print("  " + " " * 14 + "".join(f"{title:>22}" for title in table))
    for way in ways:
        cells = ""
        for times in table.values():
            ratio = times[way.name] / times["torshjit"]
            note = "" if way.name == "torshjit" else f" ({ratio:.1f}x)"
            cells += f"{times[way.name]:13.2f}{note:>9}"
        print(f"  {way.name:<14}{cells}")
    print("  (in brackets: how many times as long as torshjit takes)")


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.rstrip().splitlines())


def _print_insight(compiled: Any) -> None:
    _title("What was fused")
    print(_indented(str(compiled.explain())))
    _title("Statistics")
    stats = compiled.stats()
    for name in _SHOWN_STATS:
        value = stats[name]
        text = json.dumps(dict(value)) if hasattr(value, "items") else value
        print(f"  {name:<18} {round(text, 1) if isinstance(text, float) else text}")


def main() -> int:
    """Prints the comparison; a wrong prediction ends it with an error."""
    _title("torshjit on scanned digits")
    scans = load_scans()
    tests = int(scans.is_test.sum())
    print(f"{len(scans.images)} scans of 8x8 pixels; {tests} are kept for testing.")
    original, others, name = _train(scans)

    _title(f"Compiling the {name}")
    compiled = _compile(original, scans.images[:1])
    scores = _check(original, compiled, scans.images)
    right = scores.argmax(axis=1) == scans.digits
    accuracy = f"{right[scans.is_test].mean():.1%} of the {tests} test scans"
    print(f"  accuracy: {accuracy}, {right[~scans.is_test].mean():.1%} of the others")

    _print_times([compiled, original, *others], scans.images)
    _print_insight(compiled.call)
    return 0


if __name__ == "__main__":
    sys.exit(main())
