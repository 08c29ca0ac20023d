# Sourced by sandbox.sh: the clock, what expires when, what ends a session.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other parts

# ahead: by how many seconds the sandbox's clock is
ahead()
{
    value ahead "$(sandbox clock)"
}

check_clock()
{
    equal "the clock is the machine's" 0 "$(ahead)"
    equal "clock +1h" 3600 "$(value ahead "$(sandbox clock +1h)")"
    equal "moves add up: -90" 3510 "$(value ahead "$(sandbox clock -90)")"
    equal "clock +2d" $((3510 + 2 * 86400)) "$(value ahead "$(sandbox clock +2d)")"
    like "clock --json" '*"ahead": 176310*' "$(sandbox clock --json)"
    like "clock tells the time" "$(date -u -d @$(($(date +%s) + 176310)) +%Y-%m-%d)*" "$(value time "$(sandbox clock)")"
    refused "eleven years" 2 '*no number*' sandbox clock +4015d
    sandbox clock +3000d >/dev/null
    refused "eleven years in two steps" 1 '*ten years*' sandbox clock +3000d
    refused "an unknown unit" 2 '*no number*' sandbox clock +1y
    refused "no number" 2 '*no number*' sandbox clock +h
    refused "no sign" 2 '*+DURATION*' sandbox clock 1h
    refused "one move at a time" 2 '*what is*' sandbox clock +1h +1h
    equal "clock reset" 0 "$(value ahead "$(sandbox clock reset)")"
}

# new_refresh: a refresh token of the application $life
new_refresh()
{
    json refresh_token "$(by_code "$(new_code "$life" scope=offline_access)" -u "$life:$life_secret")"
}

# use REFRESH-TOKEN: the answer
use()
{
    token -u "$life:$life_secret" -d grant_type=refresh_token -d "refresh_token=$1"
}

# next REFRESH-TOKEN: the refresh token in the answer, "" when it was refused
next()
{
    json refresh_token "$(use "$1")"
}

# dead NAME PATTERN REFRESH-TOKEN: invalid_grant, and why
dead()
{
    like "$1" '{"error":"invalid_grant","error_description":"'"$2"'"}' "$(use "$3")"
}

check_expiry()
{
    made=$(sandbox app create --type web --name Life --redirect-url "$callback" --rotation on)
    life=$(value client_id "$made")
    life_secret=$(value client_secret "$made")
    code=$(new_code "$life")
    sandbox clock +100 >/dev/null
    like "a code lives for two minutes" '*access_token*' "$(by_code "$code" -u "$life:$life_secret")"
    code=$(new_code "$life")
    sandbox clock +2m >/dev/null
    equal "and no longer" invalid_grant "$(json error "$(by_code "$code" -u "$life:$life_secret")")"
    access=$(json access_token "$(by_code "$(new_code "$life")" -u "$life:$life_secret")")
    sandbox clock +7h >/dev/null
    like "a session lives for eight hours" '{"data":*' "$(search "$access")"
    sandbox clock +1h >/dev/null
    equal "and no longer" 401 "$(search "$access" -o /dev/null -w '%{http_code}')"
    fetch -c jar -o page "$(address "$life")"
    sandbox clock +31m >/dev/null
    equal "a sign-in page waits for half an hour" 400 "$(status -b jar -d "csrf=$(hidden csrf)" \
        -d "request=$(hidden request)" -d username=x -d password=x "$url/integrations/oauth2/sign-in")"
    check_absolute_expiry
    check_inactivity_expiry
    sandbox clock reset >/dev/null
}

check_absolute_expiry()
{
    refresh=$(new_refresh)
    sandbox clock +1000d >/dev/null
    refresh=$(next "$refresh")
    like "no expiration: after a thousand days, unused" '????????????????????*' "$refresh"
    sandbox app edit "$life" --absolute-expiry 2h
    dead "the application's change counts at once" '*has expired' "$refresh"
    refresh=$(new_refresh)
    for _ in 1 2 3; do
        sandbox clock +30m >/dev/null
        refresh=$(next "$refresh")
    done
    like "absolute: used all the time, lives" '????????????????????*' "$refresh"
    sandbox clock +30m >/dev/null
    dead "absolute: over, however new the token" '*has expired' "$refresh"
    dead "absolute: and stays so" '*has expired' "$refresh"
    sandbox app edit "$life" --rotation off
    refresh=$(new_refresh)
    sandbox clock +110m >/dev/null
    equal "absolute, without rotation: lives" "$refresh" "$(next "$refresh")"
    sandbox clock +10m >/dev/null
    dead "absolute, without rotation: over" '*has expired' "$refresh"
    sandbox app edit "$life" --rotation on --absolute-expiry none
}

check_inactivity_expiry()
{
    sandbox app edit "$life" --inactivity-expiry 7d
    refresh=$(new_refresh)
    for _ in 1 2 3; do
        sandbox clock +6d >/dev/null
        refresh=$(next "$refresh")
    done
    like "inactivity: used in time, lives" '????????????????????*' "$refresh"
    sandbox clock +7d >/dev/null
    dead "inactivity: over" '*not used for too long' "$refresh"
    sandbox app edit "$life" --rotation off
    refresh=$(new_refresh)
    sandbox clock +6d >/dev/null
    next "$refresh" >/dev/null
    sandbox clock +6d >/dev/null
    equal "inactivity, without rotation: lives" "$refresh" "$(next "$refresh")"
    sandbox clock +7d >/dev/null
    dead "inactivity, without rotation: over" '*not used for too long' "$refresh"
    sandbox app edit "$life" --rotation on --absolute-expiry 2h
    refresh=$(new_refresh)
    sandbox clock +2h >/dev/null
    dead "whichever comes first" '*has expired' "$refresh"
    sandbox app edit "$life" --inactivity-expiry none --absolute-expiry none
}

check_family()
{
    first=$(new_refresh)
    second=$(next "$first")
    answer=$(use "$second")
    third=$(json refresh_token "$answer")
    access=$(json access_token "$answer")
    other=$(new_refresh)
    equal "the family's session lives" 200 "$(search "$access" -o /dev/null -w '%{http_code}')"
    dead "reuse of a rotated token" '*has been replaced' "$first"
    dead "ends the newest one" '*has been revoked' "$third"
    equal "and the session" 401 "$(search "$access" -o /dev/null -w '%{http_code}')"
    other=$(next "$other")
    like "another sign-in of the same person lives" '????????????????????*' "$other"
    sandbox fault set token drop --count 1
    equal "fault drop: no answer" "" "$(use "$other" 2>/dev/null)"
    other=$(next "$other")
    like "fault drop: and no effect" '????????????????????*' "$other"
    sandbox fault set token lost --count 1
    equal "fault lost: no answer" "" "$(use "$other" 2>/dev/null)"
    dead "fault lost: but the effect" '*has been replaced' "$other"
    sandbox app edit "$life" --rotation off
    refresh=$(new_refresh)
    equal "rotation off: used again and again" "$refresh $refresh" "$(next "$refresh") $(next "$refresh")"
    sandbox app edit "$life" --rotation on
    dead "a token that was rotated stays dead" '*has been replaced' "$(next "$refresh" >/dev/null && echo "$refresh")"
}

# tokens_of_life: sets refresh and access
tokens_of_life()
{
    answer=$(by_code "$(new_code "$life" scope=offline_access)" -u "$life:$life_secret")
    refresh=$(json refresh_token "$answer")
    access=$(json access_token "$answer")
}

session_status()
{
    search "$1" -o /dev/null -w '%{http_code}'
}

check_deactivation()
{
    tokens_of_life
    code=$(new_code "$life")
    service=$(json access_token "$(by_jwt "$(jwt "$(claims)")")")
    other=$(json access_token "$(by_jwt "$(jwt "$(claims "$(sandbox user show twin | sed -n 's/^id *//p')")")")")
    sandbox user edit jane@acme.example --inactive
    equal "deactivated: the session is dead" 401 "$(session_status "$access")"
    equal "deactivated: a service's session too" 401 "$(session_status "$service")"
    equal "deactivated: another user's lives" 200 "$(session_status "$other")"
    dead "deactivated: no refresh" '*has been revoked' "$refresh"
    equal "deactivated: no tokens for a code" invalid_grant "$(json error "$(by_code "$code" -u "$life:$life_secret")")"
    refused "deactivated: no sign-in" 1 '*deactivated*' sign_in "$(address "$web")"
    sandbox user edit jane@acme.example --name 'Jane <b>Doe'
    sandbox user edit jane@acme.example --active
    equal "active again: the session stays dead" 401 "$(session_status "$access")"
    dead "active again: so does the refresh token" '*has been revoked' "$refresh"
    equal "active again: so does the code" invalid_grant "$(json error "$(by_code "$code" -u "$life:$life_secret")")"
    tokens_of_life
    sandbox user edit jane@acme.example --name 'Jane <b>Doe' --active
    equal "an edit that changes no activity ends nothing" 200 "$(session_status "$access")"
}

check_logout()
{
    tokens_of_life
    like "logout" '*success*' "$(fetch -H "sessionID: $access" "$url/attask/api/v20.0/logout")"
    equal "logout: the session is dead" 401 "$(session_status "$access")"
    equal "logout: and cannot log out" 401 "$(status -H "sessionID: $access" "$url/attask/api/v20.0/logout")"
    answer=$(use "$refresh")
    equal "logout: of the session, not of the refresh token" 200 "$(session_status "$(json access_token "$answer")")"
    sandbox fault set logout 503 --count 1
    access=$(json access_token "$answer")
    equal "logout: a fault ends no session" "503 200" \
        "$(status -H "sessionID: $access" "$url/attask/api/v20.0/logout") $(session_status "$access")"
}

check_grants()
{
    tokens_of_life
    next "$refresh" >refreshed
    row=$(sandbox grant list jane@acme.example | tail -n 1)
    like "grant list" "* client=$life * lives   sessions=2 refresh_tokens=2 jane@acme.example" "$row"
    like "grant list as JSON" '*"revoked": false,*"sessions": 2,*"refresh_tokens": 2,*' \
        "$(sandbox grant list "$jane" --json | tail -n 12 | tr -d '\n')"
    sandbox clock +9h >/dev/null
    like "grant list counts living sessions" '*sessions=0 refresh_tokens=2*' "$(sandbox grant list | grep "${row%% *}")"
    sandbox clock reset >/dev/null
    unlike "grant list of another user" '*jane*' "$(sandbox grant list twin)"
    sandbox grant revoke "${row%% *}"
    dead "revoked: no refresh" '*has been revoked' "$(cat refreshed)"
    equal "revoked: the session is dead" 401 "$(session_status "$access")"
    like "revoked: the list says so" '* revoked sessions=0 *' "$(sandbox grant list | grep "${row%% *}")"
    code=$(new_code "$life")
    sandbox grant revoke "$(sandbox grant list | tail -n 1 | cut -d' ' -f1)"
    equal "revoked: no tokens for a code" invalid_grant "$(json error "$(by_code "$code" -u "$life:$life_secret")")"
    refused "an unknown grant" 1 '*no grant*' sandbox grant revoke nonsense
    refused "an unknown user's grants" 1 '*no user*' sandbox grant list nobody
}

# A name that somebody had before: another account
check_recycled()
{
    gone=$(sandbox user create again@acme.example --password 'pw &1')
    again=(--username again@acme.example --password 'pw &1')
    answer=$(by_code "$(code_of "$(sandbox sign-in --url "$(address "$life" scope=offline_access)" "${again[@]}")")" -u "$life:$life_secret")
    sandbox user delete again@acme.example
    fresh=$(sandbox user create again@acme.example --password 'pw &1')
    unlike "the same name, another ID" "$gone" "$fresh"
    equal "the first one's session is dead" 401 "$(session_status "$(json access_token "$answer")")"
    dead "and the refresh token" '*not known' "$(json refresh_token "$answer")"
    fault_of "the first one's ID" '*sub*active user*' "$(jwt "$(claims "$gone")")"
    answer=$(by_code "$(code_of "$(sandbox sign-in --url "$(address "$life")" "${again[@]}")")" -u "$life:$life_secret")
    like "the second one signs in as itself" '*"ID":"'"$fresh"'"*"username":"again@acme.example"*' \
        "$(search "$(json access_token "$answer")" -d fields=username)"
    sandbox user edit again@acme.example --rename before@acme.example
    third=$(sandbox user create again@acme.example --password 'pw &1')
    unlike "a renamed account's name, another ID" "$fresh" "$third"
    like "a renamed account keeps its sessions" '*"ID":"'"$fresh"'"*"username":"before@acme.example"*' \
        "$(search "$(json access_token "$answer")" -d fields=username)"
}
