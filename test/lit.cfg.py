# SPDX-License-Identifier: Apache-2.0
"""How lit runs the compiler's tests: the tools on PATH, and what counts as a test."""

# ruff: noqa: F821 (lit provides config and lit_config)
from __future__ import annotations

import os
import pathlib
import shutil
import sys

import lit.formats

config.name = "torshjit"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["CMakeLists.txt", "Inputs", "python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.torsh_test_dir

config.environment["PATH"] = os.pathsep.join(
    [config.torsh_tools_dir, config.llvm_tools_dir, os.environ["PATH"]]
)
# A test must not depend on what the user has set.
for name in [name for name in os.environ if name.startswith("TORSHJIT_")]:
    config.environment.pop(name, None)

# The LLVM prefix has these under their plain names; elsewhere they may carry the version.
for tool in ("FileCheck", "not", "split-file"):
    if shutil.which(tool, path=config.environment["PATH"]) is not None:
        continue
    path = shutil.which(f"{tool}-22")
    if path is None:
        lit_config.fatal(f"{tool} is needed for the tests and not in {config.llvm_tools_dir}")
    config.substitutions.append((rf"(?<![\w./-]){tool}(?![\w./-])", path))

# Features of the processor, for tests that look at the code made for it.
cpuinfo = pathlib.Path("/proc/cpuinfo")
flags = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
if {"avx2", "fma"} <= flags:
    config.available_features.add("host-avx2-fma")

config.substitutions.append(("%python", sys.executable))
config.substitutions.append(("%source_dir", config.torsh_source_dir))
config.substitutions.append(("%build_dir", config.torsh_build_dir))
