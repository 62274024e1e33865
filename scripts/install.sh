#!/usr/bin/env bash
# Create the virtual environment with everything pinned: what the commands use, with "dev" also what the tests use.
#
#   PYTHON=python3.12 VENV=.venv bash scripts/install.sh [dev]
#
# Needs Python 3.11 or newer and no compiler. Does nothing when the environment is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON="${PYTHON:-python3}"
VENV="${VENV:-.venv}"
LOCK=requirements/lock.txt
STEPS=4
KIND="${1:-use}"
EXTRAS=fairseq,extract,demo,index,serve,completion
if [ "$KIND" = dev ]; then EXTRAS="$EXTRAS,torchcodec,convert,slurm,ray,mteb,dev"; fi

wanted() { cat setup.py requirements/*.txt scripts/install.sh | cksum; }

step() { # number, what, command...
    local number="$1" what="$2" start="$SECONDS"
    shift 2
    echo "[$number/$STEPS] $what ..."
    "$@"
    echo "[$number/$STEPS] $what: done in $((SECONDS - start)) s (total $SECONDS s)"
}

# --no-compile: Python compiles what is imported when it is imported; most of it never is.
install() { "$VENV/bin/python" -m pip install --disable-pip-version-check --no-compile --constraint "$LOCK" "$@"; }

new_environment() {
    if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "'$PYTHON' is missing or older than Python 3.11; run: PYTHON=/path/to/python3.11 make setup" >&2
        return 1
    fi
    if ! "$PYTHON" -m venv "$VENV"; then
        echo "'$PYTHON -m venv' failed; on Debian and Ubuntu install the package python3-venv first." >&2
        return 1
    fi
    install --quiet setuptools
}

# READTHEDOCS=1 makes fairseq's setup.py leave out its compiled extensions. mmpt uses none of them.
fairseq_and_data() { READTHEDOCS=1 install --no-deps --no-build-isolation -r requirements/no-deps.txt; }

works() { "$VENV/bin/python" -c 'import fairseq_cli.train, mmpt_cli, transformers' >/dev/null; }

installed() { [ -f "$VENV/.installed-$1" ] && [ "$(cat "$VENV/.installed-$1")" = "$(wanted)" ]; }

if installed dev || installed "$KIND"; then exit 0; fi
step 1 "Creating $VENV" new_environment
step 2 "Installing torch, transformers and tools (pinned)" \
    install --no-build-isolation --editable ".[$EXTRAS]"
step 3 "Installing fairseq and demo data files (no compiler)" fairseq_and_data
step 4 "Checking that it imports" works
wanted >"$VENV/.installed-$KIND"
