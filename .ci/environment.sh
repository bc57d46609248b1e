# Sourced by ./tenure and ./check: makes .venv from requirements.lock, again whenever the lock changes;
# where `environment_of` is `spark`, .venv-spark from requirements-spark.lock.
# Needs nothing but Python 3.11 or newer with its venv module.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suffix="${environment_of:+-$environment_of}"
environment="$root/.venv$suffix"
lock="$root/requirements$suffix.lock"

suitable_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Tenure needs Python 3.11 or newer with venv (on Debian and Ubuntu: apt install python3-venv)." >&2
    return 1
}

ensure_environment() {
    local wanted python
    wanted=$(cat "$root/pyproject.toml" "$lock" | cksum)
    if [[ $(cat "$environment/installed" 2>/dev/null) == "$wanted" ]]; then
        return
    fi
    echo "Setting up ${environment##*/} (once, about a minute) ..." >&2
    if [[ ! -x "$environment/bin/python" ]]; then
        python=$(suitable_python)
        "$python" -m venv "$environment"
    fi
    "$environment/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$lock" >&2
    "$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps \
        --no-build-isolation --editable "$root" >&2
    echo "$wanted" > "$environment/installed"
}

set -euo pipefail
ensure_environment
export PATH="$environment/bin:$PATH"
