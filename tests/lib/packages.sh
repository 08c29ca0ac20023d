# Sourced by tests/run: Debian packages, by name, installed only where they are missing.

packages_build="gcc libc6-dev make autoconf automake libtool pkg-config xz-utils binutils
 libssl-dev libjansson-dev libcurl4-openssl-dev libjwt-dev libinih-dev libpam0g-dev libqrencode-dev
 libcmocka-dev libmicrohttpd-dev libsqlite3-dev"
packages_e2e="openssh-server openssh-client sudo login passwd mount hostname util-linux iproute2 pamtester
 python3 python3-pexpect python3-jwcrypto openssl curl ca-certificates
 sasl2-bin dbconfig-sqlite3 glewlwyd"
# The README's recipes alone; the demo does without
packages_readme="nginx systemd|systemd-standalone-sysusers"
packages_fuzz="clang libclang-rt-dev"
packages_other="valgrind mandoc zbar-tools"

# "this|that": either will do; where none is there, the last one is installed
packages_missing()
{
    for choice in "$@"; do
        found=no
        for package in $(echo "$choice" | tr '|' ' '); do
            case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            *" installed") found=yes ;;
            esac
        done
        [ $found = yes ] || echo "${choice##*|}"
    done
}

# While packages are installed their daemons must not start: this machine is not ours.
packages_forbid_daemons()
{
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    packages_policy_is_ours=yes
}

packages_allow_daemons()
{
    [ "${packages_policy_is_ours:-no}" = yes ] && rm -f /usr/sbin/policy-rc.d
    packages_policy_is_ours=no
}

# packages_install LOG PACKAGE…: nothing is done where nothing is missing
packages_install()
{
    log=$1
    shift
    missing=$(packages_missing "$@" | tr '\n' ' ')
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "tests/run: these packages are missing: apt-get install $missing" >&2
        return 1
    fi
    echo "== installing $missing" >&2
    packages_forbid_daemons
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of names
    if apt-get update -qq >"$log" 2>&1 &&
        apt-get install -qq -y --no-install-recommends $missing >>"$log" 2>&1; then
        status=0
    else
        tail -n 20 "$log" >&2
        status=1
    fi
    packages_allow_daemons
    return $status
}
