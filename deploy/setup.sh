#!/bin/sh
# Make the environment named by the first argument: with uv when it is there, else with venv and pip.
set -eu
venv=$1
here=$(dirname "$0")/..
cd "$here"

fits() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() {
    # A Python that was named is the only candidate: another one in its place would surprise.
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if fits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Luminar needs Python 3.11, 3.12 or 3.13; ${PYTHON:-what is installed here} is none of them." >&2
    echo "Install one, or name one: PYTHON=/path/to/python make setup" >&2
    return 1
}

# An environment whose Python has been removed or upgraded since is made anew.
if [ -e "$venv" ] && ! fits "$venv/bin/python"; then
    rm -rf "$venv"
fi

if command -v uv >/dev/null 2>&1; then
    [ -e "$venv" ] || uv venv --quiet --python "${PYTHON:->=3.11,<3.14}" "$venv"
    uv pip install --quiet --python "$venv/bin/python" -c constraints.txt -e '.[broker,web,dev]'
else
    python=$(find_python)
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[broker,web,dev]'
fi

"$venv/bin/python" - <<'END'
from streams.broker import BrokerFailed, kafka_jars

try:
    kafka_jars()
except BrokerFailed as failed:
    raise SystemExit(f"Kafka is missing: {failed}") from None
END
