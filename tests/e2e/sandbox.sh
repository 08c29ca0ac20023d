#!/bin/bash
# Every rule of the sandbox, seen from outside: the command line and HTTPS on 127.0.0.1.
#
#   WFAUTH_SANDBOX=/path/to/wfauth-sandbox tests/e2e/sandbox.sh
#
# Needs curl and openssl. Works in a temporary folder and ends the server it starts.
set -u

source_dir=$(cd "$(dirname "$0")/../.." && pwd)
program=${WFAUTH_SANDBOX:?the path of the built wfauth-sandbox}
work=$(mktemp -d)
passed=0
failed=0
skipped=0
server=

stop_server()
{
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null
    wait "$server"
    server_status=$?
    server=
}

leave()
{
    stop_server
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 2

# --- checks ---

ok()
{
    passed=$((passed + 1))
    echo "ok - $1"
}

not_ok()
{
    failed=$((failed + 1))
    echo "not ok - $1: $2"
}

# equal NAME WANTED GOT
equal()
{
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted <$2>, got <$(printf %.300s "$3")>"; fi
}

# like NAME PATTERN TEXT: a shell pattern
like()
{
    # shellcheck disable=SC2254 # it is a pattern
    case $3 in
    $2) ok "$1" ;;
    *) not_ok "$1" "wanted <$2>, got <$(printf %.300s "$3")>" ;;
    esac
}

# unlike NAME PATTERN TEXT
unlike()
{
    # shellcheck disable=SC2254
    case $3 in
    $2) not_ok "$1" "found <$2> in <$(printf %.300s "$3")>" ;;
    *) ok "$1" ;;
    esac
}

# refused NAME STATUS PATTERN COMMAND…: ends with the status and says so on standard error
refused()
{
    name=$1
    wanted=$2
    pattern=$3
    shift 3
    said=$("$@" 2>&1 >/dev/null)
    got=$?
    if [ "$got" -ne "$wanted" ]; then
        not_ok "$name" "status $got: $said"
    else
        like "$name" "$pattern" "$said"
    fi
}

# --- helpers ---

sandbox()
{
    "$program" -d st "$@"
}

# start_server OPTION…: waits for the line "ready …"
start_server()
{
    rm -f ready
    mkfifo ready
    "$program" -d st serve "$@" >ready 2>>server.err &
    server=$!
    read -r _ url <ready
    rm -f ready
}

fetch()
{
    curl -sS --noproxy '*' --max-time 120 --cacert st/ca.pem "$@"
}

# status CURL-ARGUMENT…: the HTTP status alone
status()
{
    fetch -o /dev/null -w '%{http_code}' "$@"
}

# json NAME TEXT: the value of a string, number or literal member, by its first occurrence
json()
{
    printf %s "$2" | sed -n 's/.*"'"$1"'": \{0,1\}"\{0,1\}\([^",}]*\).*/\1/p' | head -n 1
}

# value NAME TEXT: the value in a line NAME=VALUE
value()
{
    printf '%s\n' "$2" | sed -n "s/^$1=//p"
}

# encode TEXT: percent-encoding
encode()
{
    printf %s "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ \(..\)/%\1/g'
}

# address CLIENT-ID [PARAMETERS] [REDIRECT-URI]
address()
{
    printf '%s/integrations/oauth2/authorize?client_id=%s&redirect_uri=%s&response_type=code&state=s%%26%%3Cx&%s' \
        "$url" "$1" "$(encode "${3:-$callback}")" "${2:-}"
}

# code_of ADDRESS: the code in a redirect address
code_of()
{
    printf %s "$1" | sed -n 's/.*[?&]code=\([^&]*\).*/\1/p'
}

# sign_in ADDRESS: as jane; prints where it ends
sign_in()
{
    sandbox sign-in --url "$1" --username jane@acme.example --password 'pw &1'
}

# new_code CLIENT-ID [PARAMETERS]
new_code()
{
    code_of "$(sign_in "$(address "$1" "${2:-}")")"
}

token()
{
    fetch "$token_url" "$@"
}

# by_code CODE CURL-ARGUMENT…: the token request, redirect_uri included
by_code()
{
    code=$1
    shift
    token -d grant_type=authorization_code --data-urlencode "code=$code" \
        --data-urlencode "redirect_uri=$callback" "$@"
}

search()
{
    session=$1
    shift
    fetch -G -H "sessionID: $session" "$url/attask/api/v20.0/user/search" \
        --data-urlencode 'ID=$$USER.ID' -d ID_Mod=eq "$@"
}

# new_verifier: sets verifier and challenge
new_verifier()
{
    verifier=$(openssl rand -base64 48 | tr '+/' '-_')
    challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =)
}

# --- the parts, in the order of a life ---

callback=https://login.acme.example/code
. "$source_dir/tests/e2e/sandbox_manage.sh"
. "$source_dir/tests/e2e/sandbox_protocol.sh"
. "$source_dir/tests/e2e/sandbox_machine.sh"
. "$source_dir/tests/e2e/sandbox_life.sh"

check_start
check_users
check_apps
check_app_limit
check_hostile_users
check_secrets
check_authorize
check_browser
check_deactivated_browser
check_codes
check_special_secret
check_pkce
check_refresh
check_parallel
check_clock
check_expiry
check_family
check_keys
check_exchange
check_search
check_deactivation
check_logout
check_grants
check_recycled
check_faults
check_record
check_callback
check_restart
check_options
equal "the server complained of nothing" "" "$(cat server.err)"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
