# SPDX-License-Identifier: MIT
#
# bash completion of aziot

# The strings of a JSON array that is a member of the object on standard input. Whoever chose a name that a shell
# would not take as it stands has to write it out.
_aziot_strings() {
        sed -n "s/.*\"$1\":\[\([^]]*\)\].*/\1/p" | tr -d '"' | tr ',' '\n' | grep -E '^[A-Za-z0-9._*-]+$'
}

# The methods that can be called: those that the daemon says it has.
_aziot_methods() {
        local interface

        "$1" call org.varlink.service.GetInfo 2>/dev/null | _aziot_strings interfaces | while read -r interface; do
                "$1" call org.varlink.service.GetInterfaceDescription "{\"interface\":\"$interface\"}" 2>/dev/null |
                        grep -oE '\\(n|u000a)method [A-Za-z]+' | sed "s/.* /$interface./"
        done
}

_aziot() {
        COMPREPLY=()
        local cur prev aziot=${COMP_WORDS[0]}
        local verb='' words='' word n_arguments=0 i n first
        local -a known=() line=()
        local -A options=(
                [-]='--version'
                [status]=''
                [watch]=''
                [why]=''
                [check]=''
                [history]='--lines -n --follow -f'
                [provisioning]='--payload'
                [reprovision]='--wait'
                [send]='--property --content-type --message-id --component --ttl --text --data --priority --stage --timeout --verbose -v'
                [messages]='--count --wait'
                [twin]=''
                ['twin get']='--desired --reported --property'
                ['twin watch']='--component --property'
                ['twin report']='--component --verbose -v'
                ['twin acknowledge']='--status --version --description --component --verbose -v'
                [serve]=''
                [broker]=''
                ['broker send']='--token --property --content-type --text --data --event-source --event-type --event-id --event-subject --event-time --event-schema --retain --persist --expiry --priority --stage --timeout --verbose -v'
                ['broker watch']='--token --share --count --wait --verbose -v'
                ['broker invoke']='--token --property --content-type --text --data --event-source --event-type --event-id --event-subject --event-time --event-schema --response-topic --timeout'
                ['broker serve']='--token --share --content-type --text --data'
                [access]='--user --unit'
                [metrics]='--format --output'
                [bundle]=''
                [config]=''
                [reload]='--quiet'
                [log-level]=''
                [call]='--more'
        )

        # '--option=value' comes as three words.
        for ((i = 0; i <= COMP_CWORD; i++)); do
                if [[ ${COMP_WORDS[i]} != = || ${COMP_WORDS[i - 1]} != --* ]]; then
                        line+=("${COMP_WORDS[i]}")
                elif ((i == COMP_CWORD)); then
                        line+=('')
                fi
        done
        cur=${line[-1]} prev=${line[-2]} n=$((${#line[@]} - 1))

        # The verb, and how many arguments stand between it and the cursor.
        for ((i = 1; i < n; i++)); do
                case ${line[i]} in
                --) # behind it stands a command
                        if declare -F _command_offset >/dev/null; then
                                for ((first = 1; first < COMP_CWORD; first++)); do
                                        [[ ${COMP_WORDS[first]} != -- ]] || break
                                done
                                _command_offset $((first + 1))
                        elif ((i + 1 == n)); then
                                mapfile -t COMPREPLY < <(compgen -c -- "$cur")
                        else
                                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                        fi
                        return
                        ;;
                --socket) # of the daemon that is asked below
                        local -x AZIOT_SOCKET=${line[++i]}
                        ;;
                --version)
                        [[ $verb = 'twin acknowledge' ]] && ((i++))
                        ;;
                --color | --property | --content-type | --message-id | --component | --ttl | --priority | --stage | --timeout | \
                        --format | --output | --count | --wait | --status | --description | --lines | -n | --user | --unit | \
                        --token | --share | --expiry | --response-topic | --event-*)
                        ((i++))
                        ;;
                -?*) ;;
                *)
                        if [[ -z $verb ]]; then
                                verb=${line[i]}
                        elif [[ $verb = twin || $verb = broker ]]; then
                                verb+=" ${line[i]}"
                        else
                                ((n_arguments++))
                        fi
                        ;;
                esac
        done

        if [[ $prev = --socket || $prev = --output ]]; then
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return
        elif [[ $prev = --color ]]; then
                words='auto always never'
        elif [[ $prev = --user ]]; then
                mapfile -t COMPREPLY < <(compgen -u -- "$cur")
                return
        elif [[ $prev = --unit ]]; then
                words=$(systemctl list-units --full --all --plain --no-legend --type=service 2>/dev/null | cut -d' ' -f1)
        elif [[ $prev = --priority ]]; then
                words='normal high'
        elif [[ $prev = --format ]]; then
                words='openmetrics prometheus'
        elif [[ $prev = --stage ]]; then
                words='accepted durable delivered'
        elif ((i > n)); then
                return # the argument of another option
        elif [[ $cur = -* ]]; then
                words="--socket --color --help ${options[${verb:--}]-}"
                [[ $verb = *serve || $verb = bundle ]] || words+=' --json'
        else
                case $verb/$n_arguments in
                /0) words='status watch why check history provisioning reprovision send messages twin serve broker access metrics bundle config reload log-level call' ;;
                twin/0) words='get watch report acknowledge' ;;
                broker/0) words='send watch invoke serve' ;;
                'broker serve/1') words='--' ;;
                messages/0) words='--' ;;
                serve/*) words="$([[ $n_arguments -gt 0 ]] && echo --) $("$aziot" call io.aziotd.methods.List 2>/dev/null |
                        _aziot_strings names)" ;;
                bundle/0)
                        compopt -o filenames 2>/dev/null
                        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                        return
                        ;;
                config/*) words=$("$aziot" config 2>/dev/null | cut -d ' ' -f 1) ;;
                log-level/0) words='err warning notice info debug configured' ;;
                call/0) words=$(_aziot_methods "$aziot") ;;
                esac
        fi
        # 'compgen -W' would expand what stands in the words.
        read -rd '' -a known <<<"$words"
        for word in "${known[@]}"; do
                [[ $word != "$cur"* ]] || COMPREPLY+=("$word")
        done
}

complete -F _aziot aziot
