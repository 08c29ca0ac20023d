#!/bin/bash
# Tokens, good and bad, through the command `wfauth verify`: one by one, as JSON, and by --lines.
# Each must come to what the list says, whichever way it goes.
#
#   tests/e2e/vectors.sh BUILD      the folder where `make` ran, and `make tests/lib/forge`
#
# Two mints: the tests' own (tests/lib/vectors.c), and python3-jwcrypto, which knows nothing of us.
set -u

source_dir=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?the folder of the build}" && pwd) || exit 2
. "$source_dir/tests/lib/tally.sh"
wfauth=$build/common/wfauth
work=$(mktemp -d)
chmod 700 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# exit_of REASON: what design calls the exit status
exit_of()
{
    case $1 in
    accept) echo 0 ;;
    config | internal) echo 2 ;;
    unreachable) echo 3 ;;
    *) echo 1 ;;
    esac
}

# one_by_one FOLDER: findings
one_by_one()
{
    while IFS=$'\t' read -r number service reason user name; do
        out=$("$wfauth" -c "$1/wfauth.conf" verify -s "$service" <"$1/$number" 2>"$work/err")
        status=$?
        said=$(sed -n '$s/:.*//p' "$work/err")
        if [ "$reason" = accept ]; then
            [ "$status" -eq 0 ] && [ "$out" = "$user" ] && continue
        else
            [ "$status" -eq "$(exit_of "$reason")" ] && [ "$said" = "$reason" ] &&
                [ -z "$out" ] && continue
        fi
        echo "$name: status $status, \"$out\", $(tail -n 1 "$work/err" | cut -c -200)"
    done <"$1/list"
}

# as_json FOLDER: findings
as_json()
{
    while IFS=$'\t' read -r number service reason user name; do
        "$wfauth" -c "$1/wfauth.conf" verify -s "$service" --json <"$1/$number" >"$work/out" \
            2>/dev/null
        /usr/bin/python3 -B - "$reason" "$user" "$work/out" <<'PYTHON' || echo "$name: $(cat "$work/out")"
import json, sys
reason, user, path = sys.argv[1:]
answer = json.load(open(path))
if reason == "accept":
    good = answer["verdict"] == "accept" and answer["user"] == user and answer["claims"]["aud"]
else:
    good = answer["verdict"] == "refuse" and answer["reason"] == reason and "user" not in answer
sys.exit(0 if good else 1)
PYTHON
    done <"$1/list"
}

# by_lines FOLDER: findings
by_lines()
{
    cut -f 2 "$1/list" | sort -u >"$work/services"
    while read -r service; do
        awk -F '\t' -v service="$service" '$2 == service' "$1/list" >"$work/rows"
        while IFS=$'\t' read -r number _; do
            cat "$1/$number"
            echo
        done <"$work/rows" >"$work/in"
        "$wfauth" -c "$1/wfauth.conf" verify -s "$service" --lines <"$work/in" >"$work/out" \
            2>/dev/null || echo "[$service]: status $?"
        [ "$(wc -l <"$work/out")" -eq "$(wc -l <"$work/rows")" ] ||
            echo "[$service]: $(wc -l <"$work/out") answers"
        paste "$work/rows" "$work/out" |
            awk -F '\t' '{ want = $3 == "accept" ? "accept " $4 : "refuse " $3 " "
                           if (index($6, want) != 1 || ($3 == "accept" && $6 != want))
                               print $5 ": " substr($6, 1, 200) }'
    done <"$work/services"
}

# check_all MINT COMMAND…: each way with tokens of its own, since they live for minutes. The command gets
# the folder in which it is to make them.
check_all()
{
    mint=$1
    shift
    for way in "one by one" "as JSON" "by --lines"; do
        rm -rf "$work/tokens"
        mkdir "$work/tokens"
        if ! "$@" "$work/tokens"; then
            fail "$mint" "it made no tokens"
            return
        fi
        count=$(wc -l <"$work/tokens/list")
        case $way in
        "one by one") found=$(one_by_one "$work/tokens") ;;
        "as JSON") found=$(as_json "$work/tokens") ;;
        *) found=$(by_lines "$work/tokens") ;;
        esac
        verdict "$mint: $count tokens $way" "$found"
    done
}

check_all "own mint" "$build/tests/lib/forge"
if ! /usr/bin/python3 -c 'import jwcrypto' 2>/dev/null; then
    skip "jwcrypto" "python3-jwcrypto is not installed"
else
    check_all "jwcrypto" /usr/bin/python3 -B "$source_dir/tests/lib/jwcrypto_mint.py"
fi
