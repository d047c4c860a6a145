#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the image: Python, pinned libraries, the grader of this zip.
# Written by `grader release --gradescope`. AUTOGRADER_ROOT is for trying it elsewhere.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
source="$root/source"

say() { printf 'setup.sh: %s\n' "$1" >&2; }

supported() { # whether this Python can run the grader, in an environment of its own
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
  local name
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null && supported "$name"; then
      printf '%s\n' "$name"
      return
    fi
  done
  return 1
}

if ! python="$(find_python)"; then
  apt-get update
  for version in 3.12 3.13 3.11; do
    if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      "python$version" "python$version-venv"; then
      break
    fi
  done
  if ! python="$(find_python)"; then
    say "this image has no Python 3.11 to 3.13, and none could be installed; choose a newer base image"
    exit 1
  fi
fi

"$python" -m venv "$root/venv"
pip=("$root/venv/bin/python" -m pip install --no-cache-dir -c "$source/constraints.txt")
torch="$(grep '^torch==' "$source/constraints.txt")"
torch_arguments=()
read -r -a torch_arguments <"$source/torch-pip-args" || true
# torch first and alone, so that nothing that follows can pick another build of it.
"${pip[@]}" ${torch_arguments[@]+"${torch_arguments[@]}"} "$torch"
"${pip[@]}" "$source"/nn_grader-*.whl

# What submissions run as is another user, who need not even see that there is a suite.
mkdir -p "$root/cache"
chmod -R go-rwx "$source" "$root/cache"

# Record the known mistakes now rather than at every submission. Where this image is built without what the fence
# needs, that is left to the first submission: no reason to stop.
"$root/venv/bin/python" -I -m grader.classroom.autograder --prepare "$root" ||
  say "nothing was recorded while building; the log above says why"
