# SPDX-License-Identifier: Apache-2.0
"""The end-to-end suite as executables that are compiled on one machine and run on another.

A machine with a GPU seldom has the compiler. `python -m saved_suite write` makes one archive of
saved executables, their arguments and what they must return; `python -m saved_suite run` needs the
runtime alone.
"""
