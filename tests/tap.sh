# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the tests in shell share: TAP on standard output. A scratch directory is there and goes by itself.
#
#       . "$(dirname -- "$0")/tap.sh"
#       check "a_sentence" command…      # passes when the command succeeds and prints nothing
#       finish

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
n_checks=0

check() {
        local name=$1 output
        shift

        n_checks=$((n_checks + 1))
        if output=$("$@" 2>&1) && [ -z "$output" ]; then
                echo "ok $n_checks - $name"
        else
                echo "not ok $n_checks - $name"
                printf '%s\n' "$output" | sed 's/^/# /'
        fi
}

skip() {
        n_checks=$((n_checks + 1))
        echo "ok $n_checks - $1 # SKIP $2"
}

finish() {
        echo "1..$n_checks"
}
