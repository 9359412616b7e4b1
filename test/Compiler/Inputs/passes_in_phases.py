# SPDX-License-Identifier: Apache-2.0
"""Compares the passes that torsh-opt registers with those in the phases' pipelines."""

from __future__ import annotations

import re
import subprocess
import sys

# Passes that no phase of this machine's own target runs, and why they exist.
DEBUG_ONLY: dict[str, str] = {
    "torsh-cpu-expand-halves": "in the phases for processors that cannot convert f16 or bf16",
    "torsh-cuda-emulate-nvvm": "part of code generation, past the phases that it shares with cuda",
}


def output(*command: str, text: str = "") -> str:
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return result.stdout + result.stderr


def main() -> int:
    tool = sys.argv[1]
    registered = set(re.findall(r"^  --(torsh-[\w-]+)", output(tool, "--list-passes"), re.M))
    phases = set(re.findall(r"^ +--(torsh-phase-[\w-]+)", output(tool, "--help"), re.M))
    used = set()
    for phase in phases:
        pipeline = output(tool, f"--{phase}", "--dump-pass-pipeline", "-", text="module {}")
        used |= set(re.findall(r"torsh-[\w-]+", pipeline))
    problems = []
    if len(registered) < 20 or len(phases) < 6:
        problems.append(f"found only {len(registered)} passes and {len(phases)} phases")
    problems += [f"no phase runs {name}" for name in sorted(registered - used - set(DEBUG_ONLY))]
    problems += [f"{name} is no pass" for name in sorted(set(DEBUG_ONLY) - registered)]
    problems += [f"a phase does run {name}" for name in sorted(set(DEBUG_ONLY) & used)]
    print("\n".join(problems))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
