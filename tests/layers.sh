#!/bin/bash
# No circles: a file of common/ includes only headers that common/local.mk lists above it, a wrapper
# only common/wfauth.h, and a foreign library is included in the files that own it alone.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib/tally.sh

# "HEADER FILES": who may include a foreign library
owners="\
curl/ common/http_curl.c examples/
openssl/ common/crypto.c common/crypto.h common/jwk.c common/jws.c common/pem.c common/keypair.c common/http_curl.c examples/
jansson.h common/json.c common/json_parse.c common/json.h examples/
ini.h common/conf.c common/conf_parse.c common/conf_read.c
jwt.h common/assertion.c
qrencode.h common/qr.c
security/ pam/
sasl/ sasl/
microhttpd.h examples/
sqlite3.h examples/"

listed()
{
    grep -o '%D%/[A-Za-z0-9_-]*\.[ch]' common/local.mk | sed 's,%D%/,,' | awk '!seen[$0]++'
}

# NAME NUMBER: a module's place in the list, that of its first file
places()
{
    listed | awk '{ sub(/\.[ch]$/, ""); sub(/_internal$/, "") } !($0 in at) { at[$0] = NR; print $0, NR }'
}

includes() # FILE: the quoted ones
{
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]+"([^"]+)".*/\1/p' "$1"
}

core()
{
    table=$(places)
    for path in common/*.[ch]; do
        file=${path#common/}
        listed | grep -qx "$file" || {
            echo "$path is not in common/local.mk"
            continue
        }
        own=$(place "$file")
        for header in $(includes "$path"); do
            case $header in config.h | macros.h) continue ;; esac
            at=$(place "$header")
            if [ -z "$at" ]; then
                echo "$path includes $header, which common/local.mk does not list"
            elif [ "$at" -gt "$own" ]; then
                echo "$path includes $header, which stands below it in common/local.mk"
            fi
        done
    done
}

place() # FILE, within $table
{
    name=${1%.[ch]}
    name=${name%_internal}
    printf '%s\n' "$table" | sed -n "s/^$name //p"
}

wrappers()
{
    for path in pam/*.[ch] sasl/*.[ch]; do
        [ -e "$path" ] || continue
        for header in $(includes "$path"); do
            case $header in config.h | wfauth.h) continue ;; esac
            [ -e "$(dirname "$path")/$header" ] || echo "$path includes $header: wrappers see wfauth.h alone"
        done
    done
}

foreign()
{
    printf '%s\n' "$owners" | while read -r header files; do
        grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+<$header" \
            common pam sasl examples --include='*.[ch]' 2>/dev/null | while IFS= read -r line; do
            for file in $files; do
                case $line in "$file"*) continue 2 ;; esac
            done
            echo "${line%%:*} includes <$header…>: that is for $files"
        done
    done
}

verdict "common/ from the bottom up" "$(core)"
verdict "wrappers include wfauth.h alone" "$(wrappers)"
verdict "foreign headers in one place" "$(foreign)"
