# Sourced by sandbox.sh: the command line, faults, the record, start and stop.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other parts

check_start()
{
    start_server --port 0
    like "serve says where it listens" 'https://127.0.0.1:[0-9]*' "$url"
    equal "DIR/url" "$url" "$(cat st/url)"
    equal "DIR/pid" "$server" "$(cat st/pid)"
    token_url=$url/integrations/oauth2/api/v1/token
    equal "the state directory is private" 700 "$(stat -c %a st)"
    equal "so is every file in it" "" "$(find st -type f -perm /077)"
    equal "the certificate fits the CA and 127.0.0.1" 404 "$(status "$url/")"
    equal "localhost is in the certificate too" 404 \
        "$(status --resolve "localhost:${url##*:}:127.0.0.1" "https://localhost:${url##*:}/")"
    equal "TLS 1.1 is refused" 000 "$(status --tls-max 1.1 "$url/" 2>/dev/null)"
    refused "a second server in the same directory" 1 '*running*' sandbox serve
}

check_users()
{
    jane=$(sandbox user create jane@acme.example --password 'pw &1' --name 'Jane <b>Doe' \
        --group Staff --group Ops --role Admin --role Editor --team Core --access-level 'Plan')
    like "user create prints an ID" '[0-9a-f]???????????????????????????????' "$jane"
    refused "a user name is taken once" 1 '*taken*' sandbox user create jane@acme.example
    refused "an empty user name" 1 '*empty*' sandbox user create ''
    refused "broken UTF-8 in a user name" 1 '*UTF-8*' sandbox user create "$(printf 'a\xff')"
    refused "an unknown option" 2 '*' sandbox user create x --no-such-option
    refused "an unknown user" 1 '*no user*' sandbox user show nobody
    like "user show" '*Jane <b>Doe*Staff*Ops*' "$(sandbox user show jane@acme.example)"
    like "user show by ID, as JSON" '*"username": "jane@acme.example"*' \
        "$(sandbox user show "$jane" --json)"
    sandbox user create bob --password pw --no-email --inactive >/dev/null
    sandbox user edit bob --rename rob --name Rob
    like "user edit renames" '*inactive rob*' "$(sandbox user list)"
    sandbox user delete rob
    unlike "user delete" '*rob*' "$(sandbox user list)"
    second=$(sandbox group create Staff)
    refused "a name two groups have" 1 '*--group-id*' sandbox user create x --group Staff
    sandbox user create twin --password pw --group-id "$second" >/dev/null
    like "--group-id chooses" "*$second Staff*" "$(sandbox user show twin)"
    equal "group list has both" 2 "$(sandbox group list | grep -c Staff)"
}

check_hostile_users()
{
    # newline, escape sequence, quotes, NUL
    printf 'hexpw\n' >password
    sandbox user create --username-hex 6a0a1b5b33316d003c623e22 --password-file password >hostile-id
    hostile=$(cat hostile-id)
    sandbox user create "../../etc/passwd" --password pw >/dev/null
    sandbox user create "$(printf 'l%.0s' {1..60000})" --password pw >/dev/null
    like "a hostile name is listed harmlessly" '*j\\x0a\\x1b[[]31m\\x00<b>"*' \
        "$(sandbox user list)"
    like "a hostile user signs in" "$callback?code=*" \
        "$(sandbox sign-in --url "$(address "$web")" --username-hex 6a0a1b5b33316d003c623e22 \
            --password hexpw)"
    like "a very long user name signs in" "$callback?code=*" \
        "$(sandbox sign-in --url "$(address "$web")" --username "$(printf 'l%.0s' {1..60000})" --password pw)"
    end=$(sandbox sign-in --url "$(address "$web")" --username-hex 6a0a1b5b33316d003c623e22 --password hexpw)
    answer=$(by_code "$(code_of "$end")" -u "$web:$secret")
    like "a hostile name reaches the client as JSON" '*"username":"j\\n\\u001B[[]31m\\u0000<b>\\""*' \
        "$(search "$(json access_token "$answer")" -d fields=username)"
    like "user edit by ID" '' "$(sandbox user edit "$hostile" --inactive 2>&1)"
}

check_apps()
{
    made=$(sandbox app create --type web --name 'Web <i>app' --description '"quoted" & <script>' \
        --redirect-url "$callback" --redirect-url "https://login.acme.example/q?a=1" \
        --app-url https://acme.example/about)
    web=$(printf '%s\n' "$made" | sed -n 's/^client_id=//p')
    secret=$(printf '%s\n' "$made" | sed -n 's/^client_secret=//p')
    spa=$(sandbox app create --type spa --name Phone --redirect-url "$callback" --rotation on \
        --developer-name Dev --developer-email dev@acme.example --privacy-url https://acme.example/p \
        --absolute-expiry 86400 --inactivity-expiry none | sed -n 's/^client_id=//p')
    made=$(sandbox app create --type m2m --name Daemon --json)
    m2m=$(json client_id "$made")
    m2m_secret=$(json client_secret "$made")
    like "web: a secret" '????????????????????????????????*' "$secret"
    unlike "spa: no secret" '*client_secret*' \
        "$(sandbox app create --type spa --name Other --redirect-url "$callback")"
    like "m2m: a secret" '????????????????????????????????*' "$m2m_secret"
    like "expiry times are kept" '*86400 s*none*' "$(sandbox app show "$spa")"
    refused "an empty name" 1 '*empty*' sandbox app create --type web --name ' '
    refused "no name" 1 '*empty*' sandbox app create --type web
    refused "no type" 2 '*--type*' sandbox app create --name x
    refused "m2m: no redirect URLs" 1 '*no redirect*' \
        sandbox app create --type m2m --name x --redirect-url "$callback"
    refused "m2m: no logo" 1 '*no logo*' sandbox app create --type m2m --name x --logo /dev/null
    refused "spa: no app URL" 1 '*no app desc*' \
        sandbox app create --type spa --name x --app-url https://a.example
    refused "web: no privacy URL" 1 '*no privacy*' \
        sandbox app create --type web --name x --privacy-url https://a.example
    refused "web: no developer" 1 '*no developer*' \
        sandbox app create --type web --name x --developer-name y
    refused "spa: no choice about PKCE" 1 '*PKCE*' \
        sandbox app create --type spa --name x --bind-pkce off
    refused "javascript: is no redirect URL" 1 '*neither*' \
        sandbox app create --type web --name x --redirect-url 'javascript:alert(1)'
    refused "a fragment in a redirect URL" 1 '*fragment*' \
        sandbox app create --type web --name x --redirect-url 'https://a.example/#f'
    refused "javascript: is no app URL" 1 '*not an http*' \
        sandbox app create --type web --name x --app-url 'javascript:alert(1)'
    printf '<svg/>' >logo.svg
    refused "a logo must be a picture" 1 '*logo*' \
        sandbox app create --type web --name x --logo logo.svg
    refused "the type stays" 1 '*cannot be changed*' sandbox app edit "$web" --type spa
    refused "app edit keeps the rules" 1 '*no privacy*' \
        sandbox app edit "$web" --privacy-url https://a.example
    printf '\x89PNG\r\n\x1a\n0123456789' >logo.png
    sandbox app edit "$web" --logo logo.png --name 'Web <i>app 2'
    like "app edit" '*Web <i>app 2*image/png*' "$(sandbox app show "$web")"
    like "app edit leaves the rest" "*$callback*q[?]a=1*" "$(sandbox app show "$web")"
    equal "no secret in clear in the database" "" \
        "$(grep -a -l -e "$secret" -e "$m2m_secret" st/sandbox.db*)"
}

check_app_limit()
{
    while sandbox app create --type web --name filler --json >filler 2>limit; do :; done
    equal "ten applications at most" 10 "$(sandbox app list | wc -l)"
    like "the eleventh is refused with a reason" '*10 applications*' "$(cat limit)"
    sandbox app list | grep filler | while read -r id _; do sandbox app delete "$id"; done
    equal "app delete" 4 "$(sandbox app list | wc -l)"
}

check_secrets()
{
    note=$(printf 'é%.0s' {1..64})
    made=$(sandbox app secret add "$web" --note "$note")
    extra=$(printf '%s\n' "$made" | sed -n 's/^client_secret=//p')
    extra_id=$(printf '%s\n' "$made" | sed -n 's/^secret_id=//p')
    like "a note of 64 characters" "*$note*" "$(sandbox app secret list "$web")"
    refused "a note of 65 characters" 1 '*64*65*' sandbox app secret add "$web" --note "x$note"
    refused "spa: no secrets" 1 '*no client secret*' sandbox app secret add "$spa"
    like "never used" '*-  *' "$(sandbox app secret list "$web" | grep "$extra_id")"
    like "the second secret works" '*access_token*' "$(by_code "$(new_code "$web")" -u "$web:$extra")"
    unlike "last use is noted" '*-  *' "$(sandbox app secret list "$web" | grep "$extra_id")"
    sandbox app secret delete "$web" "$extra_id"
    equal "a deleted secret is dead" invalid_client \
        "$(json error "$(by_code "$(new_code "$web")" -u "$web:$extra")")"
    refused "a secret is deleted once" 1 '*no SECRET_ID*' sandbox app secret delete "$web" "$extra_id"
    like "the first one lives" '*access_token*' "$(by_code "$(new_code "$web")" -u "$web:$secret")"
}

# fault_status WANTED KIND OPTION…
fault_status()
{
    wanted=$1
    shift
    sandbox fault set token "$@"
    # Those that do not end by themselves; the first byte of a drip is to come in that time.
    case $1 in
    hang | endless) limit=3 ;;
    drip) limit=8 ;;
    *) limit=120 ;;
    esac
    equal "fault $*" "$wanted" "$(fetch --max-time "$limit" -o answer -D headers -w '%{http_code}' -d x=1 "$token_url" 2>curl.err)"
    sandbox fault clear
}

check_faults()
{
    fault_status 401 401
    fault_status 429 429 --arg 7
    like "429: Retry-After" '*Retry-After: 7*' "$(cat headers)"
    fault_status 429 429 --arg none
    unlike "429 without Retry-After" '*Retry-After*' "$(cat headers)"
    fault_status 500 500
    fault_status 503 503
    fault_status 200 empty
    equal "empty: nothing" 0 "$(wc -c <answer)"
    fault_status 200 not-json
    like "not-json" '<html>*' "$(cat answer)"
    fault_status 200 oversized --arg 3000000
    like "oversized" '3000???' "$(wc -c <answer)"
    fault_status 302 redirect --arg https://evil.example/
    like "redirect" '*Location: https://evil.example/*' "$(cat headers)"
    fault_status 201 json --arg '{"token_type":1}' --status 201
    equal "json: the body as it was given" '{"token_type":1}' "$(cat answer)"
    fault_status 401 wrong-type
    like "wrong-type" '*Content-Type: text/html*' "$(cat headers)"
    fault_status 401 truncated
    like "truncated: the connection ends early" '*(18)*' "$(cat curl.err)"
    fault_status 401 drip --arg 1000
    like "drip: too slow" '*(28)*' "$(cat curl.err)"
    fault_status 200 endless
    [ "$(wc -c <answer)" -gt 1000000 ] && ok "endless: more and more" || not_ok "endless" "$(wc -c <answer) bytes"
    fault_status 000 drop
    like "drop: no answer" '*(5[26])*' "$(cat curl.err)"
    fault_status 000 hang
    like "hang: until the client gives up" '*(28)*' "$(cat curl.err)"
    sandbox fault set token delay --arg 700
    like "delay, then the normal answer" '401 late' \
        "$(fetch -o /dev/null -w '%{http_code} %{time_total}' -d x=1 "$token_url" |
            awk '{ print $1, ($2 >= 0.7 && $2 < 20 ? "late" : $2) }')"
    sandbox fault clear
    sandbox fault set any 503 --count 2
    sandbox fault add any 429
    equal "a fault for all endpoints, counted" "503 503 429" \
        "$(status -d x=1 "$token_url") $(status "$url/attask/api/v20.0/user/search") $(status "$(address "$web")")"
    like "fault list" '*any*429*all*' "$(sandbox fault list)"
    sandbox fault clear any
    sandbox fault set search 500
    equal "a fault of one endpoint leaves the others alone" "500 200" \
        "$(status "$url/attask/api/v20.0/user/search") $(status "$(address "$web")")"
    sandbox fault clear
    equal "fault clear" "" "$(sandbox fault list)"
    refused "an unknown kind" 2 '*no kind*' sandbox fault set token nonsense
    refused "an unknown endpoint" 2 '*none of*' sandbox fault set nonsense 500
    equal "hang does not hinder others" 200 "$(hang_and_ask)"
}

# begin_hanging SECONDS: a request to the token endpoint hangs, its client waits so long
begin_hanging()
{
    sandbox requests --clear
    fetch --max-time "$1" -o /dev/null -d x=1 "$token_url" 2>/dev/null &
    hanging=$!
    until [ "$(sandbox requests --count --endpoint token)" -eq 1 ]; do sleep 0.1; done
}

# The status that somebody else gets meanwhile; a server that waited for the one would let the other wait, too.
hang_and_ask()
{
    sandbox fault set token hang --count 1
    begin_hanging 120
    status --max-time 30 "$(address "$web")"
    kill "$hanging"
    wait "$hanging"
}

check_record()
{
    sandbox requests --clear
    equal "the record is cleared" 0 "$(sandbox requests --count)"
    code=$(new_code "$web" scope=offline_access)
    answer=$(by_code "$code" -u "$web:$secret" -A 'agent/1')
    refresh=$(json refresh_token "$answer")
    access=$(json access_token "$answer")
    token -u "$web:$secret" -d grant_type=refresh_token -d "refresh_token=$refresh" >/dev/null
    search "$access" >/dev/null
    # secrets where they do not belong: in a name, in a path, as a client ID
    fetch -d "$secret" "$token_url" >/dev/null
    fetch "$url/$code" >/dev/null
    fetch -d "client_id=$secret" -d grant_type=x "$token_url" >/dev/null
    fetch -H 'Content-Type: application/json' -d '{"'"$refresh"'":"x"}' "$token_url" >/dev/null
    equal "requests are counted" 5 "$(sandbox requests --count --endpoint token)"
    row=$(sandbox requests --endpoint token | head -n 1)
    like "a request is described" "*token POST /integrations/oauth2/api/v1/token 200 tokens client=$web auth=basic connection=*parameters=\"grant_type code redirect_uri\" agent=\"agent/1\"" "$row"
    sandbox requests --json >record
    sandbox requests >>record
    for word in "$code" "$secret" "$refresh" "$access" 'pw &1' 'pw+%261'; do
        if grep -q -F -e "$word" record; then not_ok "no secret in the record" "$word"; else ok "no secret in the record"; fi
    done
    if grep -a -q -F -e "$code" -e "$refresh" -e "$access" st/sandbox.db*; then
        not_ok "no code or token in the database" found
    else
        ok "no code or token in the database"
    fi
    sandbox requests --clear
    fetch -o /dev/null -o /dev/null "$url/attask/api/v20.0/user/search" "$url/attask/api/v20.0/user/search"
    equal "one connection, kept for two requests" 1 \
        "$(sandbox requests | grep -o 'connection=[0-9]*' | sort -u | wc -l)"
    fetch -o /dev/null "$url/attask/api/v20.0/user/search"
    equal "another connection, another number" 2 \
        "$(sandbox requests | grep -o 'connection=[0-9]*' | sort -u | wc -l)"
    fetch -o /dev/null -A "$(printf 'a\033[31m%s' "$(printf 'x%.0s' {1..900})")" "$url/"
    unlike "a hostile agent is recorded harmlessly" "*$(printf '\033')*" "$(sandbox requests)"
}

check_restart()
{
    access=$(json access_token "$(by_code "$(new_code "$web")" -u "$web:$secret")")
    code=$(new_code "$web")
    count=$(sandbox requests --count)
    before=$url
    fetch -o /dev/null --max-time 60 -d x=1 "$token_url" &
    wait $!
    count=$((count + 1))
    stop_server
    equal "SIGTERM ends the server cleanly" 0 "$server_status"
    equal "url and pid are gone" "" "$(ls st/url st/pid 2>/dev/null)"
    refused "sign-in without a server" 1 '*no server*' sign_in "$(address "$web")"
    cp st/ca.pem ca.before
    start_server
    equal "the same port after a restart" "$before" "$url"
    cmp -s ca.before st/ca.pem && ok "the same CA after a restart" || not_ok "the same CA after a restart" differs
    like "a session survives" '{"data":*' "$(search "$access")"
    like "a code survives" '*access_token*' "$(by_code "$code" -u "$web:$secret")"
    equal "the record survives" $((count + 2)) "$(sandbox requests --count)"
    stop_server
}

check_options()
{
    start_server --code-lifetime 1h --session-lifetime 2h --domain other --lane preview
    end=$(sign_in "$(address "$web")")
    like "--domain and --lane" '*domain=other&lane=preview*' "$end"
    answer=$(by_code "$(code_of "$end")" -u "$web:$secret")
    code=$(new_code "$web")
    access=$(json access_token "$answer")
    sandbox clock +1h >/dev/null
    equal "--code-lifetime" invalid_grant "$(json error "$(by_code "$code" -u "$web:$secret")")"
    equal "--session-lifetime: lives" 200 "$(search "$access" -o /dev/null -w '%{http_code}')"
    sandbox clock +1h >/dev/null
    equal "--session-lifetime: over" 401 "$(search "$access" -o /dev/null -w '%{http_code}')"
    stop_server
    equal "the clock survives" 7200 "$(ahead)"
    sandbox clock reset >/dev/null
    check_lenient_options
}

check_lenient_options()
{
    start_server --bearer-style --lenient-inactive --lenient-jwt --lenient-rotation --absolute-per-token
    sandbox user edit jane@acme.example --inactive
    answer=$(by_code "$(new_code "$web" scope=offline_access)" -u "$web:$secret")
    like "--bearer-style" '*"token_type":"Bearer"*"expires_in":3600*' "$answer"
    like "--lenient-inactive" '*"isActive":false*' "$(search "$(json access_token "$answer")" -d fields=isActive)"
    refresh=$(json refresh_token "$answer")
    sandbox user edit jane@acme.example --active
    sandbox user edit jane@acme.example --inactive
    like "--lenient-inactive: deactivated, a living session says so" '*"isActive":false*' \
        "$(search "$(json access_token "$answer")" -d fields=isActive)"
    like "--lenient-inactive: refresh" '*access_token*' \
        "$(token -u "$web:$secret" -d grant_type=refresh_token -d "refresh_token=$refresh")"
    sandbox user edit jane@acme.example --active
    new_verifier
    answer=$(by_code "$(new_code "$spa" "scope=offline_access&code_challenge_method=S256&code_challenge=$challenge")" \
        -d "client_id=$spa" -d "code_verifier=$verifier")
    old=$(json refresh_token "$answer")
    by_spa=(-d "client_id=$spa" -d grant_type=refresh_token)
    new=$(json refresh_token "$(token "${by_spa[@]}" -d "refresh_token=$old")")
    equal "--lenient-rotation: reuse is refused" invalid_grant "$(json error "$(token "${by_spa[@]}" -d "refresh_token=$old")")"
    new=$(json refresh_token "$(token "${by_spa[@]}" -d "refresh_token=$new")")
    like "--lenient-rotation: and ends nothing" '????????????????????*' "$new"
    sandbox app edit "$spa" --absolute-expiry 2h
    sandbox clock +90m >/dev/null
    new=$(json refresh_token "$(token "${by_spa[@]}" -d "refresh_token=$new")")
    sandbox clock +90m >/dev/null
    like "--absolute-per-token: each token's own time" '*access_token*' "$(token "${by_spa[@]}" -d "refresh_token=$new")"
    sandbox clock reset >/dev/null
    good=$(jwt "$(claims "$jane" $(($(date +%s) + 86400)))")
    like "--lenient-jwt: exp far ahead" '*access_token*' "$(by_jwt "$good")"
    like "--lenient-jwt: and again" '*"token_type":"Bearer"*"expires_in":3600*' "$(by_jwt "$good")"
    sandbox user delete jane@acme.example
    equal "a deleted user's session is dead" 401 "$(search "$(json access_token "$answer")" -o /dev/null -w '%{http_code}')"
    # a stop while a request hangs: the server must not wait for the client
    sandbox fault set token hang
    begin_hanging 120
    started=$SECONDS
    stop_server
    [ $((SECONDS - started)) -lt 60 ] && ok "a stop wakes what hangs" || not_ok "a stop wakes what hangs" "$((SECONDS - started)) s"
    equal "and is clean" 0 "$server_status"
    wait "$hanging"
}
