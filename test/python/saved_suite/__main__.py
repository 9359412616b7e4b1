# SPDX-License-Identifier: Apache-2.0
"""The command line of the saved suite."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m saved_suite", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="compile the suite and save it in an archive")
    write.add_argument("archive", type=Path)
    write.add_argument("--target", default="cuda:sm_80", help="what to compile for")
    write.add_argument("--only", default="*", help="a pattern that the programs' ids must match")
    write.add_argument(
        "--factor", type=int, default=0, help="also save workloads to time, of this size: 64, 128"
    )
    timing = commands.add_parser("time", help="time an archive's workloads beside torch")
    timing.add_argument("archive", type=Path)
    timing.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    timing.add_argument("--without-compile", action="store_true", help="leave torch.compile out")
    run = commands.add_parser("run", help="run an archive's programs and compare")
    run.add_argument("archive", type=Path)
    run.add_argument("--jobs", type=int, default=max(1, min(8, (os.cpu_count() or 1) // 2)))
    run.add_argument("--batch", type=int, default=100, help="programs in one process")
    batch = commands.add_parser("batch", help="run the programs named on the standard input")
    batch.add_argument("archive", type=Path)
    for command in (run, batch):
        command.add_argument(
            "--tensors",
            default="auto",
            choices=("auto", "host", "cuda", "none"),
            help="where arguments of torch programs lie; none: they are NumPy arrays; auto: where "
            "the target's device and the installed torch allow",
        )
    headers = commands.add_parser("headers", help="unpack the headers that the runtime needs")
    headers.add_argument("archive", type=Path)
    headers.add_argument("folder", type=Path)
    options = parser.parse_args()

    if options.command == "write":
        from saved_suite.write import write as write_archive

        saved, refused = write_archive(
            options.archive, options.target, options.only, options.factor
        )
        size = options.archive.stat().st_size / 1e6
        print(f"{options.archive}: {saved} programs, {refused} refused, {size:.1f} MB")
        return 0 if saved or options.factor else 1
    if options.command == "time":
        from saved_suite.timings import measure, page

        rows = measure(options.archive, options.device, not options.without_compile)
        print(page(rows, options.device))
        return 0 if rows else 1
    if options.command == "headers":
        from saved_suite.archive import Reader

        Reader(options.archive).extract_headers(options.folder)
        return 0
    if options.command == "batch":
        from saved_suite.run import run_batch

        run_batch(options.archive, sys.stdin.read().split(), options.tensors)
        return 0
    from saved_suite.run import run as run_archive

    report = run_archive(options.archive, options.jobs, options.tensors, options.batch)
    print(report.text())
    return 1 if report.failures or not report.passed else 0


sys.exit(main())
