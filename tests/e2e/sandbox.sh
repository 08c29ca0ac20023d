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
    curl -sS --noproxy '*' --max-time 20 --cacert st/ca.pem "$@"
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
    openssl genrsa -out key.pem 2048 2>/dev/null
    openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null
    like "m2m: a public key" 'key_id=*' "$(sandbox app key add "$m2m" public.pem)"
    refused "web: no public keys" 1 '*only*' sandbox app key add "$web" public.pem
    refused "a private key is no public key" 1 '*no RSA*' sandbox app key add "$m2m" key.pem
}

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
    fetch -b jar -o page "$url/integrations/oauth2/consent?request=$request"
    consent=$(cat page)
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
    equal "rotation on: the old one is dead" invalid_grant "$(json error "$(token "${by_spa[@]}" -d "refresh_token=$old")")"
    like "rotation on: the new one lives" '*access_token*' "$(token "${by_spa[@]}" -d "refresh_token=$new")"
    equal "the JWT exchange is not there yet" 501 "$(status -d x=1 "$url/integrations/oauth2/api/v1/jwt/exchange")"
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
    sandbox user edit jane@acme.example --inactive
    like "deactivated: a living session says so" '*"isActive":false*' "$(search "$access" -d fields=isActive)"
    refused "deactivated: no sign-in" 1 '*deactivated*' sign_in "$(address "$web")"
    sandbox user edit jane@acme.example --active
    like "logout" '*success*' "$(fetch -H "sessionID: $access" "$url/attask/api/v20.0/logout")"
    equal "after logout: 401" 401 "$(search "$access" -o /dev/null -w '%{http_code}')"
    equal "logout of a dead session: 401" 401 "$(status -H "sessionID: $access" "$url/attask/api/v20.0/logout")"
}

check_inactive()
{
    refresh=$(json refresh_token "$(by_code "$(new_code "$web" scope=offline_access)" -u "$web:$secret")")
    code=$(new_code "$web")
    sandbox user edit jane@acme.example --inactive
    equal "deactivated: no tokens for a code" invalid_grant "$(json error "$(by_code "$code" -u "$web:$secret")")"
    equal "deactivated: no refresh" invalid_grant \
        "$(json error "$(token -u "$web:$secret" -d grant_type=refresh_token -d "refresh_token=$refresh")")"
    sandbox user edit jane@acme.example --active
    like "active again: refresh" '*access_token*' \
        "$(token -u "$web:$secret" -d grant_type=refresh_token -d "refresh_token=$refresh")"
}

# fault_status WANTED KIND OPTION…
fault_status()
{
    wanted=$1
    shift
    sandbox fault set token "$@"
    equal "fault $*" "$wanted" "$(fetch --max-time 3 -o answer -D headers -w '%{http_code}' -d x=1 "$token_url" 2>curl.err)"
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
    like "delay, then the normal answer" '401 0.[789]*' \
        "$(fetch -o /dev/null -w '%{http_code} %{time_total}' -d x=1 "$token_url")"
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
    like "hang does not hinder others" '200 0.*' "$(hang_and_ask)"
}

hang_and_ask()
{
    sandbox fault set token hang --count 1
    fetch --max-time 3 -o /dev/null -d x=1 "$token_url" 2>/dev/null &
    hanging=$!
    sleep 0.5
    fetch -o /dev/null -w '%{http_code} %{time_total}' "$(address "$web")"
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
    start_server --code-lifetime 1 --session-lifetime 1 --domain other --lane preview
    end=$(sign_in "$(address "$web")")
    like "--domain and --lane" '*domain=other&lane=preview*' "$end"
    answer=$(by_code "$(code_of "$end")" -u "$web:$secret")
    code=$(new_code "$web")
    sleep 2
    equal "a code expires" invalid_grant "$(json error "$(by_code "$code" -u "$web:$secret")")"
    equal "a session expires" 401 "$(search "$(json access_token "$answer")" -o /dev/null -w '%{http_code}')"
    stop_server
    start_server --bearer-style --lenient-inactive --strict-rotation
    sandbox user edit jane@acme.example --inactive
    answer=$(by_code "$(new_code "$web" scope=offline_access)" -u "$web:$secret")
    like "--bearer-style" '*"token_type":"Bearer"*"expires_in":3600*' "$answer"
    like "--lenient-inactive" '*"isActive":false*' "$(search "$(json access_token "$answer")" -d fields=isActive)"
    sandbox user edit jane@acme.example --active
    new_verifier
    answer=$(by_code "$(new_code "$spa" "scope=offline_access&code_challenge_method=S256&code_challenge=$challenge")" \
        -d "client_id=$spa" -d "code_verifier=$verifier")
    old=$(json refresh_token "$answer")
    by_spa=(-d "client_id=$spa" -d grant_type=refresh_token)
    new=$(json refresh_token "$(token "${by_spa[@]}" -d "refresh_token=$old")")
    token "${by_spa[@]}" -d "refresh_token=$old" >/dev/null
    equal "--strict-rotation: reuse ends the family" invalid_grant \
        "$(json error "$(token "${by_spa[@]}" -d "refresh_token=$new")")"
    sandbox user delete jane@acme.example
    equal "a deleted user's session is dead" 401 "$(search "$(json access_token "$answer")" -o /dev/null -w '%{http_code}')"
    # a stop while a request hangs: the server must not wait for the client
    sandbox fault set token hang
    fetch --max-time 15 -o /dev/null -d x=1 "$token_url" 2>/dev/null &
    hanging=$!
    sleep 0.5
    started=$SECONDS
    stop_server
    [ $((SECONDS - started)) -lt 5 ] && ok "a stop wakes what hangs" || not_ok "a stop wakes what hangs" "$((SECONDS - started)) s"
    equal "and is clean" 0 "$server_status"
    wait "$hanging"
}

check_start
check_users
check_apps
check_app_limit
check_hostile_users
check_secrets
check_authorize
check_browser
check_codes
check_special_secret
check_pkce
check_refresh
check_parallel
check_search
check_inactive
check_faults
check_record
check_callback
check_restart
check_options
equal "the server complained of nothing" "" "$(cat server.err)"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
