# SPDX-License-Identifier: Apache-2.0
"""python -m demo: trains, compiles, compares, and says what happened."""

from __future__ import annotations

import json
import sys
import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from demo.cold_start import measure as measure_cold_start
from demo.contest import Way, microseconds_per_image, require_equal_predictions
from demo.fusion_summary import fusion_summary
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
    print(f"  {what:<54} {milliseconds:7.1f} ms")


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


def _print_cold_start(framework: str) -> None:
    milliseconds = measure_cold_start(framework)
    print("In a fresh process:")
    _print_duration("import torshjit", milliseconds["import"])
    _print_duration("load the compiler and the capture, once", milliseconds["load"])
    _print_duration("first call: capture, compile, run", milliseconds["first_call"])
    _print_duration("  of which capture", milliseconds["capture"])
    _print_duration("  of which compile", milliseconds["compile"])


def _compile(original: Way, images: np.ndarray) -> Way:
    """The network as torshjit runs it, compiled for one image and for all of them."""
    import torshjit

    # strict: an operation that is not compiled is an error here, not a detour.
    compiled = torshjit.compile(original.call, strict=True, enable_caching=False)
    compiled(original.from_numpy(images[:1]))
    started = time.perf_counter()
    compiled(original.from_numpy(images))
    milliseconds = (time.perf_counter() - started) * 1e3
    print("In this process:")
    _print_duration(f"compile again, for all {len(images)} images in one batch", milliseconds)
    return Way("torshjit", compiled, original.from_numpy)


def _check(original: Way, compiled: Way, images: np.ndarray) -> np.ndarray:
    """Raises unless every prediction equals eager's; returns the compiled scores."""
    expected = original.scores(images)
    together = compiled.scores(images)
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


def _print_insight(compiled: Any) -> None:
    _title("What was fused, for one image (compiled.explain() says more)")
    for line in fusion_summary(compiled.explain(structured=True)["specializations"][0]):
        print("  " + line)
    _title("Statistics (compiled.stats())")
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
    _print_cold_start("torch" if original.name == "torch eager" else "numpy")
    compiled = _compile(original, scans.images)
    scores = _check(original, compiled, scans.images)
    right = scores.argmax(axis=1) == scans.digits
    accuracy = f"{right[scans.is_test].mean():.1%} of the {tests} test scans"
    print(f"  accuracy: {accuracy}, {right[~scans.is_test].mean():.1%} of the others")

    _print_times([compiled, original, *others], scans.images)
    _print_insight(compiled.call)
    return 0


if __name__ == "__main__":
    sys.exit(main())
