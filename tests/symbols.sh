#!/bin/bash
# symbols.sh ROOT: judge the plug-ins installed below ROOT: exported symbols, libraries, hardening.
set -u
root=$1
cd "$(dirname "$0")/.." || exit 2
. tests/lib/tally.sh

# Needed directly. Nothing else, and nothing below them that does network or TLS.
pam_libraries="libpam.so.0 libcrypto.so.3 libjansson.so.4 libinih.so.1 libqrencode.so.4 libc.so.6"
banned_libraries='lib(curl|ssl|jwt|nghttp2|gssapi|ldap|gnutls|pthread_db)'

# The names between "global:" and "local:"
version_script()
{
    sed -e 's,/\*.*\*/,,' "$1" | tr ';{}' '\n\n\n' | sed 's/^[[:space:]]*//' |
        awk '/^local:/ { on = 0 } /^global:/ { on = 1; sub(/^global:[[:space:]]*/, "") } on && NF' |
        sed 's/[[:space:]]*$//' | sort
}

exported()
{
    nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}

differences() # WANTED HAVE
{
    diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") |
        sed -n 's/^< /missing: /p; s/^> /too many: /p'
}

needed()
{
    for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case " $2 " in
        *" $library "*) ;;
        *) echo "needs $library" ;;
        esac
    done
}

hardened()
{
    dynamic=$(readelf -Wd "$1")
    headers=$(readelf -Wl "$1")
    case $headers in *GNU_RELRO*) ;; *) echo "no RELRO" ;; esac
    case $dynamic in *BIND_NOW* | *"Flags: NOW"*) ;; *) echo "not bound at once (-z now)" ;; esac
    case $dynamic in *TEXTREL*) echo "text relocations" ;; esac
    case $dynamic in *RPATH* | *RUNPATH*) echo "has a run path" ;; esac
    printf '%s\n' "$headers" | grep 'GNU_STACK' | grep -q 'RWE' && echo "executable stack"
    printf '%s\n' "$headers" | grep 'LOAD' | grep -q 'RWE' && echo "writable code"
    nm -D "$1" | grep -q '__stack_chk_fail' || echo "no stack protector"
    return 0
}

nodelete()
{
    readelf -Wd "$1" | grep -q 'NODELETE' || echo "can be unloaded (-z nodelete)"
}

module() # FILE VERSION-SCRIPT LIBRARIES
{
    name=$(basename "$1")
    verdict "$name exports" "$(differences "$(version_script "$2")" "$(exported "$1")")"
    verdict "$name libraries" "$(needed "$1" "$3")"
    verdict "$name nothing of the network" "$(ldd "$1" | grep -E "$banned_libraries")"
    verdict "$name hardening" "$(hardened "$1"; nodelete "$1")"
    verdict "$name no .la beside it" "$(ls "${1%.so}.la" 2>/dev/null)"
    verdict "$name loads by itself" "$(/usr/bin/python3 -c '
import ctypes, os, sys
ctypes.CDLL(sys.argv[1], os.RTLD_NOW)' "$1" 2>&1)"
}

# Loaded by whatever uses SASL, which may have no libcurl and no libssl
sasl_libraries="libcrypto.so.3 libjansson.so.4 libinih.so.1 libqrencode.so.4 libc.so.6 ld-linux-x86-64.so.2"

pam=$(find "$root" -name pam_workfront.so)
if [ -n "$pam" ]; then
    module "$pam" "$(ls pam/*.map pam/*.sym 2>/dev/null | head -n 1)" "$pam_libraries"
else
    fail "pam_workfront.so" "not installed below $root"
fi
sasl=$(find "$root" -name liboauthbearer.so)
if [ -n "$sasl" ]; then
    module "$sasl" sasl/liboauthbearer.map "$sasl_libraries"
else
    fail "liboauthbearer.so" "not installed below $root"
fi
for program in "$root"/libexec/wfauth/* "$root"/bin/*; do
    [ -x "$program" ] || continue
    verdict "$(basename "$program") hardening" "$(hardened "$program")"
    verdict "$(basename "$program") is not set-user-id" "$(find "$program" -perm /6022)"
done
