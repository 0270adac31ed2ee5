#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: tests/units.sh AZIOTD.SERVICE OTHER.SERVICE ...
#
# The unit files as systemd's own tools see them, without a running systemd.
set -uo pipefail
. "$(dirname -- "$0")/tap.sh"

services=("$@")
source=$(readlink -f -- "$(dirname -- "$0")/../systemd")

# The programs are not installed where the units look for them; any other will do.
units_parse() {
        local service

        for service in "${services[@]}"; do
                sed -E 's,^(Exec[A-Za-z]*)=.*,\1=/bin/true,' "$service" >"$scratch/$(basename "$service")"
        done
        cp "$source"/*.socket "$source"/*.timer "$scratch"
        systemd-analyze verify --man=no "$scratch"/*.service "$scratch"/*.socket "$scratch"/*.timer
}

exposure_is_low() {
        local service

        for service in "$scratch"/*.service; do
                systemd-analyze security --offline=true --threshold=15 --no-pager "$service" >"$scratch/exposure" ||
                        tail -n 1 "$scratch/exposure"
        done
}

# Each secret may be stored plain or encrypted.
credentials_are_in_pairs() {
        diff <(sed -n 's/^LoadCredential=//p' "${services[0]}" | grep -v trusted-ca) \
                <(sed -n 's/^LoadCredentialEncrypted=\(.*\)\.encrypted$/\1/p' "${services[0]}")
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
        check "each_secret_may_be_encrypted" credentials_are_in_pairs
        check "sysusers_creates_the_user_and_an_empty_group" sysusers_creates
else
        skip "units" "systemd-analyze is not here"
fi
finish
