#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: tests/units.sh AZIOTD.SERVICE
#
# The unit files as systemd's own tools see them, without a running systemd.
set -uo pipefail
. "$(dirname -- "$0")/tap.sh"

service=$1
source=$(readlink -f -- "$(dirname -- "$0")/../systemd")

# The program is not installed where the unit looks for it; any other will do.
units_parse() {
        sed 's,^ExecStart=.*,ExecStart=/bin/true,' "$service" >"$scratch/aziotd.service"
        cp "$source/aziotd.socket" "$scratch"
        systemd-analyze verify --man=no "$scratch/aziotd.service" "$scratch/aziotd.socket"
}

exposure_is_low() {
        systemd-analyze security --offline=true --threshold=15 --no-pager "$scratch/aziotd.service" >"$scratch/exposure" ||
                tail -n 1 "$scratch/exposure"
}

sysusers_creates() {
        mkdir -p "$scratch/root/etc"
        systemd-sysusers --root="$scratch/root" "$source/aziotd.sysusers" 2>"$scratch/log" || cat "$scratch/log"
        grep -q '^aziotd:.*:/var/lib/aziotd:.*nologin$' "$scratch/root/etc/passwd" || echo "no user aziotd"
        grep -q '^aziot:[^:]*:[0-9]*:$' "$scratch/root/etc/group" || echo "no group aziot, or it has members"
}

if command -v systemd-analyze >/dev/null; then
        check "units_are_accepted_without_a_warning" units_parse
        check "exposure_is_at_most_1.5" exposure_is_low
        check "sysusers_creates_the_user_and_an_empty_group" sysusers_creates
else
        skip "units" "systemd-analyze is not here"
fi
finish
