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
    like "clock tells the time" "$(date -u -d @$(($(date +%s) + 176310)) +%Y-%m-%dT%H:)*" "$(value time "$(sandbox clock)")"
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
    like "another sign-in of the same person lives" '*access_token*' "$(use "$other")"
    sandbox app edit "$life" --rotation off
    refresh=$(new_refresh)
    equal "rotation off: used again and again" "$refresh $refresh" "$(next "$refresh") $(next "$refresh")"
    sandbox app edit "$life" --rotation on
    dead "a token that was rotated stays dead" '*has been replaced' "$(next "$refresh" >/dev/null && echo "$refresh")"
}
