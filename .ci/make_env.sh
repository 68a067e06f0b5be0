#!/usr/bin/env bash
# Make one virtual environment, or bring it up to date, and stamp it as ready.
#
#   .ci/make_env.sh VENV EXTRA CONSTRAINTS [TORCH_VENV]
#
# TORCH_VENV: an environment whose Python, torch and torchvision are reused.
# Every way to fail ends in one sentence, and without the stamp.
set -euo pipefail

venv=$1 extra=$2 constraints=$3 torch_venv=${4:-}
log=$venv/install.log stamp=$venv/.ready
oldest='sys.version_info >= (3, 10)'
# What pip prints, depending on what is missing: cable, name, proxy, index.
unreachable='NewConnectionError|Connection refused|Network is unreachable'
unreachable+='|Name or service not known|failure in name resolution'
unreachable+='|ConnectTimeout|Read timed out|ProxyError|SSLError'
unreachable+='|from versions: none'
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

die() {
    echo "hsc_mm: $*" >&2
    exit 1
}

version() {
    "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null ||
        true
}

suitable() {
    "$1" -c "import sys; sys.exit(not $oldest)" >/dev/null 2>&1
}

find_python() {
    local name found=
    if [ -n "$torch_venv" ]; then
        "$torch_venv/bin/python" -c 'import sys; print(sys._base_executable)'
        return
    fi
    if [ -n "${PYTHON:-}" ]; then
        found=$(version "$PYTHON")
        suitable "$PYTHON" || die "PYTHON=$PYTHON is" \
            "${found:+Python }${found:-not a Python that runs}, but Python" \
            '3.10 or newer is needed: give another one, as in "make' \
            'PYTHON=/path/to/python3.11".'
        echo "$PYTHON"
        return
    fi
    for name in python3 python3.11 python3.12 python3.13 python3.10; do
        if suitable "$name"; then
            echo "$name"
            return
        fi
        found="$found $(version "$name")"
    done
    found=$(echo $found)
    die "found ${found:+Python }${found:-no python3 at all}, but Python 3.10" \
        'or newer is needed: install one, or name it, as in' \
        '"make PYTHON=/path/to/python3.11".'
}

install() {
    "$venv/bin/python" -m pip install "$@" >>"$log" 2>&1 && return
    if grep -qE "$unreachable" "$log"; then
        die 'pip cannot reach a package index, so nothing was installed:' \
            'check the network (or PIP_INDEX_URL) and run the same command' \
            "again; what pip said is in $log."
    fi
    die "pip could not install what $constraints pins; what it said is in" \
        "$log, and the last error is: $(grep -E '^ *(ERROR|error)' "$log" |
            tail -n 1 || true)"
}

python=$(find_python)

# Without the stamp of this very folder it is half built, or was moved here.
here=$(pwd -P) # as make knows it, whatever link led here
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$here" ]; then
    rm -rf "$venv"
fi
mkdir -p "$venv"
rm -f "$stamp"
: >"$log"
if [ ! -x "$venv/bin/python" ]; then
    echo "hsc_mm: making $venv with Python $(version "$python")"
    "$python" -m venv "$venv" >>"$log" 2>&1 ||
        die "$python cannot make a virtual environment, because its venv or" \
            'ensurepip module is missing: install it ("apt install' \
            'python3-venv" on Debian and Ubuntu) and run the same command' \
            "again; what Python said is in $log."
fi
if [ -n "$torch_venv" ]; then
    "$torch_venv/bin/python" .ci/link_torch.py "$venv"
fi
echo "hsc_mm: installing hsc_mm[$extra,timm,dev] into $venv," \
    'minutes the first time'
# One that no Python brings along, without constraints: pip then says whether
# it saw any version, and not that the constraints conflict.
install "$(grep -m 1 '^packaging==' "$constraints")"
# Then the build tool: an isolated build would fetch one that is not pinned.
install --constraint "$constraints" setuptools
install --constraint "$constraints" --no-build-isolation \
    --editable ".[$extra,timm,dev]"
"$venv/bin/python" -m pip check >>"$log" 2>&1 ||
    echo "hsc_mm: some requirements disagree; what pip said is in $log" >&2
echo "$here" >"$stamp"
