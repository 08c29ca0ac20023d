# Sourced by sandbox.sh: pages, tokens, the API, the callback page.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other parts

check_authorize()
{
    base=$url/integrations/oauth2/authorize
    equal "unknown client: a page" 400 "$(status "$base?client_id=x&redirect_uri=$callback&response_type=code")"
    for other in "$callback/" "$callback?x=1" "${callback%e}" "https://LOGIN.acme.example/code" "$callback#x" \
        "http://login.acme.example/code" https://evil.example/ ""; do
        equal "redirect address <$other>: a page" 400 \
            "$(status "$base?client_id=$web&redirect_uri=$(encode "$other")&response_type=code")"
    done
    equal "no redirect address: a page" 400 "$(status "$base?client_id=$web&response_type=code")"
    equal "m2m signs nobody in" 400 "$(status "$(address "$m2m")")"
    equal "a parameter twice" 400 "$(status "$(address "$web")client_id=$web")"
    equal "a NUL in a parameter" 400 "$(status "$(address "$web")scope=%00")"
    redirects "response_type=token" unsupported_response_type \
        "$base?client_id=$web&redirect_uri=$callback&response_type=token&state=s"
    redirects "no response_type" invalid_request "$base?client_id=$web&redirect_uri=$callback&state=s"
    redirects "an unknown scope" invalid_scope "$(address "$web" scope=root)"
    redirects "spa without PKCE" invalid_request "$(address "$spa")"
    new_verifier
    redirects "PKCE without a method" invalid_request "$(address "$web" "code_challenge=$challenge")"
    redirects "PKCE by plain" invalid_request \
        "$(address "$web" "code_challenge=$challenge&code_challenge_method=plain")"
    redirects "a short challenge" invalid_request \
        "$(address "$web" "code_challenge=abc&code_challenge_method=S256")"
    equal "POST to authorize" 405 "$(status -d x=1 "$base")"
    end=$(sign_in "$(address "$web")")
    like "the redirect has code, domain, lane and state" \
        "$callback?code=*&domain=acme&lane=production&state=s%26%3Cx" "$end"
    like "a redirect address with a query keeps it" 'https://login.acme.example/q?a=1&code=*' \
        "$(sign_in "$(address "$web" '' 'https://login.acme.example/q?a=1')")"
    like "deny" "$callback?error=access_denied&*state=s%26%3Cx" \
        "$(sandbox sign-in --url "$(address "$web")" --username jane@acme.example --password 'pw &1' --deny)"
    refused "a wrong password" 1 '*wrong*' \
        sandbox sign-in --url "$(address "$web")" --username jane@acme.example --password no
    refused "an unknown user, in the same words" 1 '*User name or password is wrong*' \
        sandbox sign-in --url "$(address "$web")" --username nobody --password no
    refused "sign-in goes to its own sandbox only" 1 '*not an address*' \
        sandbox sign-in --url "https://127.0.0.1.evil.example/" --username x --password x
    refused "sign-in: user info before another host" 1 '*not an address*' \
        sandbox sign-in --url "$url@evil.example/" --username x --password x
}

# redirects NAME ERROR ADDRESS: an error sent back with the state
redirects()
{
    where=$(fetch -o /dev/null -w '%{http_code} %{redirect_url}' "$3")
    like "$1: sent back as $2" "302 $callback?error=$2&*state=s*" "$where"
}

# hidden NAME: the value of a hidden field in the file page
hidden()
{
    sed -n 's/.*name="'"$1"'" value="\([^"]*\)".*/\1/p' page
}

check_browser()
{
    rm -f jar
    headers=$(fetch -c jar -D - -o page "$(address "$web")" | tr -d '\r')
    like "the cookie is bound" '*Set-Cookie: __Host-*Secure; HttpOnly; SameSite=Lax*' "$headers"
    like "pages are not stored" '*no-store*' "$headers"
    like "pages cannot be framed" "*frame-ancestors 'none'*" "$headers"
    like "pages send no referrer" '*Referrer-Policy: no-referrer*' "$headers"
    like "the name is escaped" '*Web &lt;i&gt;app 2*' "$(cat page)"
    unlike "and nowhere raw" '*<i>*' "$(cat page)"
    request=$(hidden request)
    csrf=$(hidden csrf)
    post=(--data-urlencode "request=$request" -d username=jane@acme.example --data-urlencode 'password=pw &1')
    sign=$url/integrations/oauth2/sign-in
    equal "no CSRF token" 403 "$(status -b jar "${post[@]}" "$sign")"
    equal "a wrong CSRF token" 403 "$(status -b jar -d csrf=x "${post[@]}" "$sign")"
    equal "no cookie" 403 "$(status -d "csrf=$csrf" "${post[@]}" "$sign")"
    before=$(grep -o '__Host-.*' jar)
    like "sign-in leads to consent" "303 $url/integrations/oauth2/consent?request=*" \
        "$(fetch -b jar -c jar -o /dev/null -w '%{http_code} %{redirect_url}' -d "csrf=$csrf" "${post[@]}" "$sign")"
    unlike "sign-in changes the cookie" "$before" "$(grep -o '__Host-.*' jar)"
    other_browser
    headers=$(fetch -b jar -D - -o page "$url/integrations/oauth2/consent?request=$request")
    consent=$(cat page)
    like "the policy lets the form end at the application" \
        "*form-action 'self' https://login.acme.example;*" "$headers"
    like "consent shows the description, escaped" '*&quot;quoted&quot; &amp; &lt;script&gt;*' "$consent"
    like "consent shows the logo" '*src="data:image/png;base64,*' "$consent"
    like "consent shows the app URL" '*href="https://acme.example/about"*' "$consent"
    like "consent shows who signed in" '*Jane &lt;b&gt;Doe*jane@acme.example*' "$consent"
    unlike "no script in a page" '*<script*' "$consent"
    equal "consent without CSRF token" 403 \
        "$(status -b jar -d "request=$request" -d decision=allow "$url/integrations/oauth2/consent")"
    csrf=$(hidden csrf)
    decide=(-b jar -d "request=$request" -d "csrf=$csrf" "$url/integrations/oauth2/consent")
    like "allow" "302 $callback?code=*" \
        "$(fetch -o /dev/null -w '%{http_code} %{redirect_url}' -d decision=allow "${decide[@]}")"
    equal "a request is answered once" 400 "$(status -d decision=allow "${decide[@]}")"
    fetch -b jar -o page "$(address "$web")"
    like "signed in already: straight to consent" '*name="decision"*' "$(cat page)"
    fetch -b jar -o page -d decision=switch -d "request=$(hidden request)" -d "csrf=$(hidden csrf)" \
        "$url/integrations/oauth2/consent"
    like "another account: the sign-in page" '*name="password"*' "$(cat page)"
    new_verifier
    fetch -o page "$(address "$spa" "code_challenge=$challenge&code_challenge_method=S256")"
    equal "a spa's request starts" 1 "$(grep -c 'name="password"' page)"
}

# The request of one browser in another one, whose own token is right
other_browser()
{
    fetch -c jar2 -o page2 "$(address "$web")"
    csrf2=$(sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' page2)
    equal "another browser's request" 400 "$(status -b jar2 -d "csrf=$csrf2" "${post[@]}" "$sign")"
    equal "another browser's CSRF token" 403 "$(status -b jar2 -d "csrf=$csrf" "${post[@]}" "$sign")"
}

# What a browser sees when its person's account is deactivated: before, at and after the sign-in
check_deactivated_browser()
{
    rm -f jar
    fetch -c jar -o page "$(address "$web")"
    post=(-d "request=$(hidden request)" -d "csrf=$(hidden csrf)" -d username=jane@acme.example
        --data-urlencode 'password=pw &1')
    sandbox user edit jane@acme.example --inactive
    equal "deactivated: the sign-in is refused" 403 "$(status -b jar "${post[@]}" "$sign")"
    sandbox user edit jane@acme.example --active
    equal "active again: it is not" 303 "$(status -b jar -c jar "${post[@]}" "$sign")"
    sandbox user edit jane@acme.example --name 'Jane <b>Doe'
    fetch -b jar -o page "$(address "$web")"
    like "an edit of the name signs nobody out" '*name="decision"*' "$(cat page)"
    sandbox user edit jane@acme.example --inactive
    fetch -b jar -o page2 -d decision=allow -d "request=$(hidden request)" -d "csrf=$(hidden csrf)" \
        "$url/integrations/oauth2/consent"
    like "deactivated while reading: no code" '*deactivated*name="password"*' "$(cat page2)"
    like "deactivated: signed out" '*deactivated*name="password"*' "$(fetch -b jar "$(address "$web")")"
    sandbox user edit jane@acme.example --active
    fetch -b jar -o page "$(address "$web")"
    like "active again: asked to sign in" '*name="password"*' "$(cat page)"
    unlike "active again: and not told otherwise" '*deactivated*' "$(cat page)"
}

check_codes()
{
    basic=(-u "$web:$secret")
    code=$(new_code "$web")
    answer=$(by_code "$code" "${basic[@]}")
    like "the answer" '{"token_type":"sessionID","access_token":"*","expires_in":0,"wid":"*"}' "$answer"
    unlike "no refresh token without offline_access" '*refresh_token*' "$answer"
    equal "whose it is" "$jane" "$(json wid "$answer")"
    access=$(json access_token "$answer")
    like "the session lives" '{"data":[[]{*' "$(search "$access")"
    equal "a code works once" invalid_grant "$(json error "$(by_code "$code" "${basic[@]}")")"
    equal "its reuse ends the session" 401 "$(status -H "sessionID: $access" "$url/attask/api/v20.0/user/search")"
    code=$(new_code "$web" scope=offline_access)
    answer=$(by_code "$code" "${basic[@]}")
    by_code "$code" "${basic[@]}" >/dev/null
    equal "its reuse ends the refresh token" invalid_grant \
        "$(json error "$(token "${basic[@]}" -d grant_type=refresh_token -d "refresh_token=$(json refresh_token "$answer")")")"
    code=$(new_code "$web")
    equal "a wrong secret" invalid_client "$(json error "$(by_code "$code" -u "$web:no")")"
    equal "a wrong secret: 401" 401 "$(by_code "$code" -u "$web:no" -o /dev/null -w '%{http_code}')"
    equal "no secret" invalid_client "$(json error "$(by_code "$code" -d "client_id=$web")")"
    equal "an unknown client" invalid_client "$(json error "$(by_code "$code" -u "nobody:$secret")")"
    equal "another redirect address" invalid_grant \
        "$(json error "$(token "${basic[@]}" -d grant_type=authorization_code -d "code=$code" --data-urlencode "redirect_uri=https://login.acme.example/q?a=1")")"
    equal "no redirect address" invalid_grant \
        "$(json error "$(token "${basic[@]}" -d grant_type=authorization_code -d "code=$code")")"
    equal "another client's code" invalid_grant \
        "$(json error "$(by_code "$code" -d "client_id=$spa")")"
    equal "an unknown code" invalid_grant "$(json error "$(by_code nonsense "${basic[@]}")")"
    equal "no code" invalid_request "$(json error "$(token "${basic[@]}" -d grant_type=authorization_code)")"
    equal "an unknown grant type" unsupported_grant_type "$(json error "$(token "${basic[@]}" -d grant_type=password)")"
    equal "no grant type" invalid_request "$(json error "$(token "${basic[@]}" -d code=x)")"
    equal "m2m has no codes" unauthorized_client "$(json error "$(by_code "$code" -u "$m2m:$m2m_secret")")"
    equal "credentials twice" invalid_request "$(json error "$(by_code "$code" "${basic[@]}" -d "client_secret=$secret")")"
    equal "a parameter twice" invalid_request "$(json error "$(by_code "$code" "${basic[@]}" -d code=x)")"
    equal "Bearer is no client authentication" invalid_client \
        "$(json error "$(by_code "$code" -H 'Authorization: Bearer x')")"
    equal "GET is refused" 405 "$(status "$token_url?grant_type=authorization_code")"
    like "after all that the code still works, by body" '*access_token*' \
        "$(by_code "$code" -d "client_id=$web" -d "client_secret=$secret")"
    like "by JSON" '*access_token*' "$(token -H 'Content-Type: application/json' -d '{"grant_type":"authorization_code",
        "code":"'"$(new_code "$web")"'","redirect_uri":"'"$callback"'","client_id":"'"$web"'","client_secret":"'"$secret"'"}')"
    equal "JSON with a name twice" invalid_request \
        "$(json error "$(token "${basic[@]}" -H 'Content-Type: application/json' -d '{"grant_type":"a","grant_type":"b"}')")"
    equal "JSON with a number" invalid_request \
        "$(json error "$(token "${basic[@]}" -H 'Content-Type: application/json' -d '{"grant_type":1}')")"
    equal "another content type" invalid_request \
        "$(json error "$(token "${basic[@]}" -H 'Content-Type: text/plain' -d grant_type=refresh_token)")"
    equal "a body too long" 413 \
        "$(head -c 300000 /dev/zero | tr '\0' a | fetch -o /dev/null -w '%{http_code}' --data-binary @- "$token_url")"
    like "answers are not stored" '*no-store*' "$(by_code x "${basic[@]}" -D - -o /dev/null)"
    like "401 names the scheme" '*WWW-Authenticate: Basic*' "$(by_code x -u "$web:no" -D - -o /dev/null)"
}

check_special_secret()
{
    made=$(sandbox app secret add "$web" --special-secret)
    special=$(printf '%s\n' "$made" | sed -n 's/^client_secret=//p')
    like "a secret with special characters" '*:%41+&= /?*' "$special"
    like "Basic, both halves encoded" '*access_token*' \
        "$(by_code "$(new_code "$web")" -u "$web:$(encode "$special")")"
    equal "Basic, not encoded" invalid_client \
        "$(json error "$(by_code "$(new_code "$web")" -u "$web:$special")")"
    like "in the body" '*access_token*' \
        "$(by_code "$(new_code "$web")" -d "client_id=$web" --data-urlencode "client_secret=$special")"
}

check_pkce()
{
    s256="code_challenge_method=S256&code_challenge"
    new_verifier
    code=$(new_code "$spa" "$s256=$challenge")
    equal "spa: no verifier" invalid_grant "$(json error "$(by_code "$code" -d "client_id=$spa")")"
    equal "spa: a wrong verifier" invalid_grant \
        "$(json error "$(by_code "$code" -d "client_id=$spa" -d "code_verifier=x${verifier#?}")")"
    equal "spa: a secret it does not have" invalid_client \
        "$(json error "$(by_code "$code" -d "client_id=$spa" -d client_secret=x -d "code_verifier=$verifier")")"
    like "spa: the right verifier" '*access_token*' \
        "$(by_code "$code" -d "client_id=$spa" -d "code_verifier=$verifier")"
    verifier=short
    challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =)
    code=$(new_code "$spa" "$s256=$challenge")
    equal "spa: a verifier under 43 characters" invalid_grant \
        "$(json error "$(by_code "$code" -d "client_id=$spa" -d code_verifier=short)")"
    new_verifier
    code=$(new_code "$web" "$s256=$challenge")
    equal "web, bound: no verifier" invalid_grant "$(json error "$(by_code "$code" -u "$web:$secret")")"
    like "web, bound: the right verifier" '*access_token*' \
        "$(by_code "$code" -u "$web:$secret" -d "code_verifier=$verifier")"
    code=$(new_code "$web")
    equal "web, bound: a verifier without a challenge" invalid_grant \
        "$(json error "$(by_code "$code" -u "$web:$secret" -d "code_verifier=$verifier")")"
    sandbox app edit "$web" --bind-pkce off
    code=$(new_code "$web" "$s256=$challenge")
    like "web, not bound: no verifier" '*access_token*' "$(by_code "$code" -u "$web:$secret")"
    sandbox app edit "$web" --bind-pkce on
}

check_refresh()
{
    basic=(-u "$web:$secret" -d grant_type=refresh_token)
    answer=$(by_code "$(new_code "$web" scope=offline_access)" -u "$web:$secret")
    refresh=$(json refresh_token "$answer")
    answer=$(token "${basic[@]}" -d "refresh_token=$refresh")
    equal "rotation off: the same token comes back" "$refresh" "$(json refresh_token "$answer")"
    like "its access token works" '{"data":*' "$(search "$(json access_token "$answer")")"
    like "and again, with redirect_uri" '*access_token*' \
        "$(token "${basic[@]}" -d "refresh_token=$refresh" --data-urlencode "redirect_uri=$callback")"
    equal "an unknown redirect_uri" invalid_request \
        "$(json error "$(token "${basic[@]}" -d "refresh_token=$refresh" -d redirect_uri=https://evil.example)")"
    equal "an unknown refresh token" invalid_grant "$(json error "$(token "${basic[@]}" -d refresh_token=x)")"
    new_verifier
    answer=$(by_code "$(new_code "$spa" "scope=offline_access&code_challenge_method=S256&code_challenge=$challenge")" \
        -d "client_id=$spa" -d "code_verifier=$verifier")
    old=$(json refresh_token "$answer")
    by_spa=(-d "client_id=$spa" -d grant_type=refresh_token)
    equal "another client's refresh token" invalid_grant "$(json error "$(token "${basic[@]}" -d "refresh_token=$old")")"
    new=$(json refresh_token "$(token "${by_spa[@]}" -d "refresh_token=$old")")
    unlike "rotation on: a new token" "$old" "$new"
    like "rotation on: the new one lives" '*access_token*' "$(token "${by_spa[@]}" -d "refresh_token=$new")"
    equal "rotation on: the old one is dead" invalid_grant "$(json error "$(token "${by_spa[@]}" -d "refresh_token=$old")")"
}

check_parallel()
{
    new_verifier
    answer=$(by_code "$(new_code "$spa" "scope=offline_access&code_challenge_method=S256&code_challenge=$challenge")" \
        -d "client_id=$spa" -d "code_verifier=$verifier")
    refresh=$(json refresh_token "$answer")
    for i in 1 2 3; do
        token -d "client_id=$spa" -d grant_type=refresh_token -d "refresh_token=$refresh" >"parallel.$i" &
        eval "pid$i=$!"
    done
    # shellcheck disable=SC2154 # set by eval
    wait "$pid1" "$pid2" "$pid3"
    equal "of three parallel refreshes one wins" 1 "$(cat parallel.? | grep -o '"access_token"' | wc -l)"
}

check_search()
{
    access=$(json access_token "$(by_code "$(new_code "$web")" -u "$web:$secret")")
    fields=ID,username,emailAddr,isActive,accessLevelID,accessLevel:name,homeGroupID,homeGroup:name
    fields=$fields,homeTeamID,homeTeam:name,roles:ID,roles:name,otherGroups:name
    row=$(search "$access" -d "fields=$fields")
    like "the user's own fields" "*\"ID\":\"$jane\"*\"username\":\"jane@acme.example\",\"emailAddr\":\"jane@acme.example\",\"isActive\":true*" "$row"
    like "the home group is the first" '*"homeGroup":{"ID":"*","objCode":"GROUP","name":"Staff"}*' "$row"
    like "the others beside it" '*"otherGroups":[[]{*"name":"Ops"}]*' "$row"
    like "roles as a list" '*"roles":[[]{*"name":"Admin"},{*"name":"Editor"}]*' "$row"
    like "access level and team" '*"accessLevel":{*"name":"Plan"}*"homeTeam":{*"name":"Core"}*' "$row"
    twin=$(search "$access" -d username=twin -d fields=username 2>/dev/null)
    equal "two conditions that fit nobody: no row" '{"data":[]}' "$twin"
    like "another user, and nothing for what it has not" '*"homeTeamID":null*' \
        "$(fetch -G -H "sessionID: $access" "$url/attask/api/v15.0/user/search" -d username=twin -d fields=homeTeamID)"
    like "an unknown field" '{"error":{"class":"*","message":"*userName*"}}' "$(search "$access" -d fields=userName)"
    equal "an unknown parameter" 400 "$(search "$access" -d status=x -o /dev/null -w '%{http_code}')"
    equal "an unknown version" 404 "$(status -H "sessionID: $access" "$url/attask/api/v14.0/user/search")"
    equal "version 22" 200 "$(status -H "sessionID: $access" "$url/attask/api/v22.0/user/search")"
    dead=$(search nonsense)
    like "a dead session" '{"error":{"class":"com.attask.common.AuthenticationException","message":"*"}}' "$dead"
    equal "a dead session: 401" 401 "$(search nonsense -o /dev/null -w '%{http_code}')"
    equal "no session: 401" 401 "$(status "$url/attask/api/v20.0/user/search")"
    equal "Bearer is no session" 401 "$(status -H "Authorization: Bearer $access" "$url/attask/api/v20.0/user/search")"
}

check_callback()
{
    headers=$(fetch -D - -o page "$url/callback/?code=x" | tr -d '\r')
    cmp -s page "$source_dir/examples/callback/index.html" && ok "the callback page is served" ||
        not_ok "the callback page is served" differs
    like "callback: not stored" '*Cache-Control: no-store*' "$headers"
    like "callback: no referrer" '*Referrer-Policy: no-referrer*' "$headers"
    like "callback: no sniffing" '*nosniff*' "$headers"
    like "callback: no framing" "*default-src 'none'*frame-ancestors 'none'*" "$headers"
    for element in style script; do
        hash=$(hash_of $element)
        like "callback: the $element's hash is in the page's own policy" "*$element-src 'sha256-$hash'*" "$(cat page)"
        like "callback: and in the server's" "*$element-src 'sha256-$hash'*" "$headers"
    done
    equal "callback: nothing is loaded from elsewhere" "" "$(grep -nE '(src|href)=|url\(|https?://' page)"
    equal "callback: nothing becomes markup" "" "$(grep -nE 'innerHTML|outerHTML|insertAdjacent|document\.write|eval' page)"
}

# hash_of ELEMENT: SHA-256 of what stands inside it in the file page
hash_of()
{
    sed -n "/^<$1>/,/^<\/$1>/p" page | sed "1s/<$1>//" | sed '$d' | openssl dgst -sha256 -binary | base64
}
