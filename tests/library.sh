#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: tests/library.sh
#
# lib/azure, lib/session and lib/aio as firmware would build them: plain C99, optimized, without sanitizers, no frame larger
# than 2 KiB. They allocate nothing and open nothing, which shows in the names that they ask of the linker.
set -uo pipefail
. "$(dirname -- "$0")/tap.sh"

lib=$(dirname -- "$0")/../lib
mapfile -t sources < <(find "$lib/azure/core" "$lib/azure/iot" "$lib/session" "$lib/aio" -name '*.c' ! -name cbor.c)
mapfile -t headers < <(cd "$lib" && find azure session aio -name '*.h' ! -name '*_internal.h')
flags=(-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -pedantic-errors -I"$lib")
# A task of firmware has a stack of a few kilobytes, which the library has to share.
flags+=(-Wvla -Wframe-larger-than=2048)

compile() {
        local source object
        local -a objects=()

        for source in "${sources[@]}"; do
                object=$scratch/$(basename "$source").o
                cc -std=c99 -O2 -fno-pie "${flags[@]}" "$@" -c "$source" -o "$object" || return
                objects+=("$object")
        done
        cc "$@" -r -nostdlib "${objects[@]}" -o "$scratch/library.o"
}

# Not all of mem* and str*: strdup() allocates, strtod() and strcoll() follow the locale.
libc='mem(cpy|move|set|cmp|chr)|str(len|nlen|cmp|ncmp|chr|rchr|spn|cspn|pbrk|str)'

foreign_names() {
        nm -u "$scratch/library.o" | grep -v -E "^ +U ($libc)$"
        true
}

mutable_data() {
        nm "${1:-$scratch/library.o}" | grep -E ' [bBdDC] ' | grep -v -E ' (_az_log_message_callback|classification_filter|failed_callback)$'
        true
}

state_is_noticed() {
        echo 'int count(void) { static int n; return ++n; }' | cc -O2 -x c -c - -o "$scratch/state.o"
        mutable_data "$scratch/state.o" | grep -q ' n[.0-9]*$' || echo "a variable in a function is not"
}

headers_stand_alone() {
        local header

        for header in "${headers[@]}"; do
                printf "#include <%s>\ntypedef int unit;\n" "$header" | "$@" "${flags[@]}" -fsyntax-only - || echo "$header"
        done
}

# The API of azure-sdk-for-c, as a program in each of the languages finds it.
api_is_as_documented() {
        "$@" "${flags[@]}" -fsyntax-only "$(dirname -- "$0")/unit/az-api.c"
}

check "it_is_plain_C99" compile
check "it_needs_nothing_but_mem_and_str_of_libc" foreign_names
check "it_has_no_state_but_the_hooks_of_the_API" mutable_data
check "state_in_a_function_would_be_noticed" state_is_noticed
if echo "#include <stdint.h>" | cc -m32 -x c -fsyntax-only - 2>/dev/null; then
        check "it_is_plain_C99_for_32_bits" compile -m32
else
        skip "it_is_plain_C99_for_32_bits" "there are no headers of a C library for 32 bits here"
fi
check "it_compiles_for_size" compile -Os
check "it_compiles_without_preconditions" compile -DAZ_NO_PRECONDITION_CHECKING
check "it_compiles_without_logging" compile -DAZ_NO_LOGGING
check "each_header_stands_alone_in_C99" headers_stand_alone cc -std=c99 -x c
check "its_API_is_as_documented_in_C99" api_is_as_documented cc -std=c99 -x c
if command -v c++ >/dev/null; then
        check "each_header_stands_alone_in_C++" headers_stand_alone c++ -std=c++11 -x c++
        check "its_API_is_as_documented_in_C++" api_is_as_documented c++ -std=c++11 -x c++
else
        skip "each_header_stands_alone_in_C++" "there is no C++ compiler here"
        skip "its_API_is_as_documented_in_C++" "there is no C++ compiler here"
fi
finish
