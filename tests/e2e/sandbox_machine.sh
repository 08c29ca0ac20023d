# Sourced by sandbox.sh: Machine to Machine applications, their keys, the JWT exchange.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other parts

check_keys()
{
    openssl genrsa -out key.pem 2048 2>/dev/null
    openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null
    openssl req -x509 -sha256 -nodes -newkey rsa:2048 -subj /CN=ClientApp -keyout cert.key -out cert.crt 2>/dev/null
    openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -pubout -out ec.pem 2>/dev/null
    openssl genrsa 1024 2>/dev/null | openssl rsa -pubout -out short.pem 2>/dev/null
    key_id=$(value key_id "$(sandbox app key add "$m2m" public.pem)")
    like "a public key is added" '????????????????????????????????' "$key_id"
    like "a certificate, as the documentation makes one" 'key_id=*' "$(sandbox app key add "$m2m" cert.crt)"
    fingerprint=$(openssl pkey -pubin -in public.pem -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
    like "key list tells them apart" "$key_id *sha256=$fingerprint" "$(sandbox app key list "$m2m" | grep "$key_id")"
    like "key list as JSON" '*"sha256": "'"$fingerprint"'"*' "$(sandbox app key list "$m2m" --json)"
    like "a pair is generated" 'key_id=*' "$(sandbox app key generate "$m2m" made.pem)"
    equal "its private key is private" 600 "$(stat -c %a made.pem)"
    like "and not in the list" '*sha256=*' \
        "$(sandbox app key list "$m2m" | grep "$(openssl pkey -in made.pem -pubout -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)")"
    equal "several keys" 3 "$(sandbox app key list "$m2m" | wc -l)"
    refused "a file in the way is left alone" 1 '*exists*' sandbox app key generate "$m2m" made.pem
    refused "web: no public keys" 1 '*only*' sandbox app key add "$web" public.pem
    refused "web: no pairs" 1 '*only*' sandbox app key generate "$web" web.pem
    refused "a private key is no public key" 1 '*no public key*' sandbox app key add "$m2m" key.pem
    refused "RS256 has no use for an EC key" 1 '*no RSA key*' sandbox app key add "$m2m" ec.pem
    refused "1024 bits" 1 '*less than 2048*' sandbox app key add "$m2m" short.pem
    refused "the same key again" 1 '*already*' sandbox app key add "$m2m" public.pem
    refused "no file" 1 '*cannot read*' sandbox app key add "$m2m" nowhere.pem
    refused "an unknown key" 1 '*no KEY_ID*' sandbox app key delete "$m2m" nonsense
    equal "refused, nothing is kept" 3 "$(sandbox app key list "$m2m" | wc -l)"
}

base64url()
{
    base64 -w 0 | tr '+/' '-_' | tr -d =
}

# jwt CLAIMS [KEY [HEADER]]: signed by RS256
jwt()
{
    printf '%s.%s' "$(printf %s "${3:-$rs256}" | base64url)" "$(printf %s "$1" | base64url)" >signed
    printf '%s.%s' "$(cat signed)" "$(openssl dgst -sha256 -sign "${2:-key.pem}" signed | base64url)"
}

# claims [SUB [EXP [ISS [MORE]]]]: with a jti of its own
claims()
{
    read -r jti </proc/sys/kernel/random/uuid
    printf '{"iss":"%s","sub":"%s","exp":%s,"jti":"%s"%s}' "${3-$customer}" "${1-$jane}" \
        "${2-$(($(date +%s) + 300))}" "$jti" "${4-}"
}

exchange()
{
    fetch "$url/integrations/oauth2/api/v1/jwt/exchange" "$@"
}

# by_jwt JWT CURL-ARGUMENT…
by_jwt()
{
    token=$1
    shift
    exchange -d "client_id=$m2m" --data-urlencode "client_secret=$m2m_secret" --data-urlencode "jwt_token=$token" "$@"
}

# fault_of NAME PATTERN JWT: invalid_grant, and why
fault_of()
{
    like "jwt: $1" '{"error":"invalid_grant","error_description":"'"$2"'"}' "$(by_jwt "$3")"
}

check_exchange()
{
    rs256='{"alg":"RS256","typ":"JWT"}'
    customer=$(json customer_id "$(sandbox app show "$m2m" --json)")
    like "the Customer ID is the application's to show" "*customer_id *$customer*" "$(sandbox app show "$m2m")"
    unlike "and no other type's" '*customer*' "$(sandbox app show "$web")"
    good=$(jwt "$(claims)")
    answer=$(by_jwt "$good")
    like "jwt: the answer" '{"token_type":"sessionID","access_token":"*","expires_in":0,"wid":"'"$jane"'"}' "$answer"
    unlike "jwt: no refresh token" '*refresh_token*' "$answer"
    access=$(json access_token "$answer")
    like "jwt: the session is the user's" '*"username":"jane@acme.example"*' "$(search "$access" -d fields=username)"
    fault_of "works once" '*used before*' "$good"
    like "jwt: without jti" '*access_token*' "$(by_jwt "$(jwt "$(claims | sed 's/,"jti":"[^"]*"//')" | tee once)")"
    fault_of "without jti, works once" '*used before*' "$(cat once)"
    good=$(claims)
    by_jwt "$(jwt "$good")" >/dev/null
    fault_of "a jti works once, whatever else is in it" '*used before*' "$(jwt "${good%?},\"x\":1}")"
    like "jwt: by the certificate's key" '*access_token*' "$(by_jwt "$(jwt "$(claims)" cert.key)")"
    like "jwt: by the generated key" '*access_token*' "$(by_jwt "$(jwt "$(claims)" made.pem)")"
    like "jwt: with aud, iat and nbf" '*access_token*' \
        "$(by_jwt "$(jwt "$(claims "$jane" "$(($(date +%s) + 300))" "$customer" ',"aud":"'"$url"'","iat":'"$(date +%s)"',"nbf":0')")")"
    check_exchange_faults
    check_exchange_clients
    check_exchange_keys
}

check_exchange_faults()
{
    openssl genrsa -out stranger.pem 2048 2>/dev/null
    soon=$(($(date +%s) + 300))
    good=$(jwt "$(claims)")
    fault_of "another key" '*none of*keys*' "$(jwt "$(claims)" stranger.pem)"
    fault_of "claims changed after signing" '*none of*keys*' \
        "${good%%.*}.$(claims "$(sandbox user show twin | sed -n 's/^id *//p')" | base64url).${good##*.}"
    fault_of "alg none" '*RS256*' "$(jwt "$(claims)" key.pem '{"alg":"none"}')"
    fault_of "alg HS256" '*RS256*' "$(jwt "$(claims)" key.pem '{"alg":"HS256"}')"
    fault_of "alg RS384" '*RS256*' "$(jwt "$(claims)" key.pem '{"alg":"RS384"}')"
    fault_of "no alg" '*RS256*' "$(jwt "$(claims)" key.pem '{}')"
    fault_of "crit" '*crit*' "$(jwt "$(claims)" key.pem '{"alg":"RS256","crit":["exp"]}')"
    fault_of "no signature" '*no signed JWT*' "${good%.*}."
    fault_of "two parts" '*no signed JWT*' "${good%.*}"
    fault_of "four parts" '*no signed JWT*' "$good.x"
    fault_of "padding" '*no signed JWT*' "$good=="
    fault_of "the other base64" '*no signed JWT*' "${good%?}+"
    fault_of "bits behind the last byte" '*no signed JWT*' "${good%?}$(printf %s "${good: -1}" | tr AQgw BRhx)"
    fault_of "claims that are no object" '*no signed JWT*' "$(jwt '[]')"
    fault_of "a claim twice" '*no signed JWT*' "$(jwt "$(claims "$jane" "$soon" "$customer" ',"sub":"x"')")"
    fault_of "another customer" '*iss*' "$(jwt "$(claims "$jane" "$soon" nobody)")"
    fault_of "the client ID as iss" '*iss*' "$(jwt "$(claims "$jane" "$soon" "$m2m")")"
    fault_of "no iss" '*iss*' "$(jwt "$(claims | sed 's/"iss"/"x"/')")"
    fault_of "an unknown user" '*sub*active user*' "$(jwt "$(claims nobody)")"
    fault_of "the user's name as sub" '*sub*active user*' "$(jwt "$(claims jane@acme.example)")"
    fault_of "no sub" '*sub is missing*' "$(jwt "$(claims | sed 's/"sub"/"x"/')")"
    fault_of "expired" '*has expired*' "$(jwt "$(claims "$jane" "$(date +%s)")")"
    fault_of "exp too far ahead" '*too far*' "$(jwt "$(claims "$jane" $((soon + 600)))")"
    fault_of "exp as text" '*exp is missing or no number*' "$(jwt "$(claims "$jane" "\"$soon\"")")"
    fault_of "no exp" '*exp is missing or no number*' "$(jwt "$(claims | sed 's/"exp"/"x"/')")"
    fault_of "iat ahead" '*ahead*' "$(jwt "$(claims "$jane" "$soon" "$customer" ",\"iat\":$soon")")"
    fault_of "nbf ahead" '*ahead*' "$(jwt "$(claims "$jane" "$soon" "$customer" ",\"nbf\":$soon")")"
    sandbox clock +5m >/dev/null
    fault_of "expired by the sandbox's clock" '*has expired*' "$(jwt "$(claims)")"
    sandbox clock reset >/dev/null
    like "jwt: refused for all that, it was not used up" '*access_token*' "$(by_jwt "$good")"
    sandbox user edit jane@acme.example --inactive
    fault_of "a deactivated user" '*sub*active user*' "$(jwt "$(claims)")"
    sandbox user edit jane@acme.example --active
}

check_exchange_clients()
{
    good=$(jwt "$(claims)")
    form=(-d "client_id=$m2m" --data-urlencode "client_secret=$m2m_secret")
    equal "jwt: a wrong secret" invalid_client \
        "$(json error "$(exchange -d "client_id=$m2m" -d client_secret=no -d "jwt_token=$good")")"
    equal "jwt: no secret" invalid_client "$(json error "$(exchange -d "client_id=$m2m" -d "jwt_token=$good")")"
    equal "jwt: an unknown client" invalid_client \
        "$(json error "$(exchange -d client_id=x -d client_secret=x -d "jwt_token=$good")")"
    equal "jwt: a Web Application" unauthorized_client \
        "$(json error "$(exchange -d "client_id=$web" --data-urlencode "client_secret=$secret" -d "jwt_token=$good")")"
    equal "jwt: no jwt_token" invalid_request "$(json error "$(exchange "${form[@]}")")"
    equal "jwt: jwt_token twice" invalid_request "$(json error "$(by_jwt "$good" -d "jwt_token=$good")")"
    equal "jwt: the secret belongs into the form" invalid_request \
        "$(json error "$(exchange -u "$m2m:$m2m_secret" -d "jwt_token=$good")")"
    equal "jwt: a form, no JSON" invalid_request "$(json error "$(exchange -H 'Content-Type: application/json' \
        -d '{"client_id":"'"$m2m"'","client_secret":"'"$m2m_secret"'","jwt_token":"'"$good"'"}')")"
    equal "jwt: no GET" 405 "$(status "$url/integrations/oauth2/api/v1/jwt/exchange")"
    extra=$(value client_secret "$(sandbox app secret add "$m2m" --note second)")
    like "jwt: a second secret" '*access_token*' \
        "$(exchange -d "client_id=$m2m" -d "client_secret=$extra" -d "jwt_token=$good")"
    sandbox fault set jwt 503 --arg 3 --count 1
    sandbox requests --clear
    equal "jwt: a fault" "503 200" \
        "$(by_jwt "$(jwt "$(claims)")" -o /dev/null -w '%{http_code}') $(by_jwt "$(jwt "$(claims)")" -o /dev/null -w '%{http_code}')"
    like "jwt: the record" '*jwt POST */jwt/exchange 200 tokens client='"$m2m"' auth=body*parameters="client_id client_secret jwt_token"*' \
        "$(sandbox requests --endpoint jwt | tail -n 1)"
}

check_exchange_keys()
{
    access=$(json access_token "$(by_jwt "$(jwt "$(claims)")")")
    sandbox app key delete "$m2m" "$key_id"
    fault_of "a removed key is dead" '*none of*keys*' "$(jwt "$(claims)")"
    like "jwt: the others live" '*access_token*' "$(by_jwt "$(jwt "$(claims)" cert.key)")"
    like "jwt: a session outlives its key" '{"data":*' "$(search "$access")"
    sandbox app key list "$m2m" | while read -r id _; do sandbox app key delete "$m2m" "$id"; done
    fault_of "no keys at all" '*no public key*' "$(jwt "$(claims)" cert.key)"
    key_id=$(value key_id "$(sandbox app key add "$m2m" public.pem)")
    like "jwt: added again" '*access_token*' "$(by_jwt "$(jwt "$(claims)")")"
}
