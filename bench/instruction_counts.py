# SPDX-License-Identifier: Apache-2.0
"""python -m bench.instruction_counts [--record]: what kernels execute, counted by callgrind.

Times vary with what else the machine does; counts do not, so a loss of some per cent shows. The
kernels are those of counted_kernels.mlir, compiled for x86-64-v3 on any machine, since valgrind
knows no AVX-512. The counts expected are in instruction_counts.json; --record writes it anew.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.limits import torsh_run

KERNELS = Path(__file__).with_name("counted_kernels.mlir")
RECORD = Path(__file__).with_name("instruction_counts.json")
# Calls of each kernel: the first also makes its scratch memory.
_CALLS = 2
# How much more than recorded is a loss.
_TOLERANCE = 0.05


class CountError(Exception):
    """Instructions cannot be counted here; the text says why."""


def count_instructions(timeout: float = 600.0) -> dict[str, int]:
    """Instructions of two calls of each kernel, by the kernel's name. Raises CountError."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        raise CountError("valgrind is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", "--instr-atstart=no"]
        command += [f"--callgrind-out-file={folder}/counts", torsh_run(), str(KERNELS)]
        command += [f"--calls={_CALLS}", "--target=cpu:x86-64-v3"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        if result.returncode:
            raise CountError(f"valgrind failed: {result.stderr.strip()[-400:]}")
        return _read_counts(Path(folder))


def _read_counts(folder: Path) -> dict[str, int]:
    counts = {}
    for dump in folder.glob("counts.*"):
        text = dump.read_text()
        name = re.search(r"^desc: Trigger: Client Request: (\S+)", text, re.MULTILINE)
        total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
        if name and total:
            counts[name[1]] = int(total[1])
    if not counts:
        raise CountError("torsh-run was built without valgrind's header")
    return dict(sorted(counts.items()))


def losses(counts: Mapping[str, int], recorded: Mapping[str, int]) -> list[str]:
    """In a sentence each, the kernels that execute more than they did, or are not the same."""
    found = []
    for name in sorted(counts.keys() | recorded.keys()):
        if name not in counts:
            found.append(f"{name}: no kernel is called that any more")
        elif name not in recorded:
            found.append(f"{name}: is not recorded")
        elif counts[name] > recorded[name] * (1 + _TOLERANCE):
            more = 100 * (counts[name] / recorded[name] - 1)
            found.append(f"{name}: {counts[name]} instructions, {more:.0f} % above the record")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instruction_counts", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what is counted as expected")
    record = parser.parse_args().record
    try:
        counts = count_instructions()
    except CountError as error:
        sys.exit(f"bench: {error}")
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for name, count in counts.items():
        before = f" (recorded: {recorded[name]})" if name in recorded else ""
        print(f"{name}: {count}{before}")
    if record:
        RECORD.write_text(json.dumps(counts, indent=1) + "\n")
        return 0
    found = losses(counts, recorded)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
