# SPDX-License-Identifier: MIT
#
# bash completion of aziot-hubsim

_aziot_hubsim() {
        COMPREPLY=()
        local cur prev words='' word i n
        local -a line=()
        local -a arguments=() # the command and what stands behind it, without options
        local -a known=()
        local -A options=(
                [-]='--version'
                [run]='--listen --listen-websocket --host --device --expiry-grace --basic --count'
                [monitor]='--device --json'
                [log]='--device --since --json'
                [counts]='--device'
                [invoke]='--timeout --connect-timeout'
                [messages]='--message-id --correlation-id --user-id --content-type --content-encoding --property --ttl --ack'
                [device]='--json --key --thumbprint --ca'
                [certificate]='--self-signed --intermediate --days --from'
                [enrollment]='--group --key --thumbprint --ca --device --hub --hub-socket --payload --status --failure --failure-message --assigning --retry-after --reprovision --json'
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

        for ((i = 1; i < n; i++)); do
                case ${line[i]} in
                --basic | --count | --json | --ca | --group | --self-signed | --help | --version) ;;
                --state-dir) local -x STATE_DIRECTORY=${line[++i]} ;; # of the hub that is asked below
                -?*) ((i++)) ;;
                *) arguments+=("${line[i]}") ;;
                esac
        done

        if [[ $prev = --socket || $prev = --hub-socket || $prev = --state-dir ||
                $cur != -* && "${arguments[*]:0:2}/${#arguments[@]}" = @(certificate create/3|certificate trust/2) ]]; then
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                return
        elif [[ $prev = --ack ]]; then
                words='none positive negative full'
        elif [[ $prev = --status ]]; then
                words='enabled disabled'
        elif [[ $prev = --reprovision ]]; then
                words='migrate reset never'
        elif ((i > n)); then
                return # the argument of another option
        elif [[ $cur = -* ]]; then
                words="--state-dir --socket --help ${options[${arguments[0]:--}]-}"
        else
                case ${arguments[0]-}/${#arguments[@]} in
                /0) words='run monitor log counts invoke twin messages fault limit rules cut device certificate enrollment registration' ;;
                device/1) words='add change enable disable remove list' ;;
                certificate/1) words='create ca trust untrust list' ;;
                enrollment/1) words='add change show list remove' ;;
                twin/2) words='update replace' ;;
                messages/2) words='send list purge feedback' ;;
                limit/1) words="reset $("${COMP_WORDS[0]}" limit 2>/dev/null | cut -d ' ' -f 1 | grep -v messages-today)" ;;
                fault/1) words=$("${COMP_WORDS[0]}" fault help 2>/dev/null | sed -n 's/^ *\([a-z][a-z-]*\).*/\1/p') ;;
                invoke/1 | twin/1 | messages/1 | device/2)
                        words=$("${COMP_WORDS[0]}" device list --json 2>/dev/null |
                                grep -o '"device":"[^"]*"' | cut -d '"' -f 4)
                        ;;
                enrollment/2 | registration/1)
                        words=$("${COMP_WORDS[0]}" enrollment list --json 2>/dev/null |
                                grep -o '"enrollment":"[^"]*"' | cut -d '"' -f 4)
                        ;;
                esac
        fi
        # 'compgen -W' would expand what stands in the words.
        read -rd '' -a known <<<"$words"
        for word in "${known[@]}"; do
                [[ $word != "$cur"* ]] || COMPREPLY+=("$word")
        done
}

complete -F _aziot_hubsim aziot-hubsim
