# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts: one way to say what happens, and one way to stop.

say() { printf '\n== %s\n' "$*" >&2; }

# fail LINE...: stops with the reason, so that the last thing on the screen is what to do next.
fail() {
  printf '\nerror: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}
