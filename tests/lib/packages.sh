# Sourced by tests/run: Debian packages, by name, installed only where they are missing.

packages_build="gcc libc6-dev make autoconf automake libtool pkg-config xz-utils binutils
 libssl-dev libjansson-dev libcurl4-openssl-dev libjwt-dev libinih-dev libpam0g-dev libqrencode-dev
 libsasl2-dev libcmocka-dev libmicrohttpd-dev libsqlite3-dev"
packages_e2e="openssh-server openssh-client sudo login passwd mount hostname util-linux iproute2 pamtester
 python3 python3-pexpect python3-jwcrypto openssl curl ca-certificates
 sasl2-bin dbconfig-sqlite3 glewlwyd"
# Servers that conflict with others of the suites: unpacked, never installed
packages_unpacked="exim4-daemon-heavy dovecot-core dovecot-imapd"
# What those need
packages_e2e="$packages_e2e libdb5.3 libgnutls-dane0 libidn12 libidn2-0 libldap-2.5-0 libmariadb3 libnsl2
 libpcre2-8-0 libperl5.36 libpq5 libspf2-2 libapparmor1 libicu72 liblua5.4-0 libsodium23
 libstemmer0d libtirpc3 libunwind8 libwrap0"
# Their clients
packages_e2e="$packages_e2e cyrus-clients isync"
# Cyrus wants some mail transport agent: Debian's standard one conflicts with postfix
packages_e2e="$packages_e2e cyrus-imapd cyrus-pop3d postfix mutt neomutt"
packages_e2e="$packages_e2e msmtp nodejs slapd ldap-utils"
# What the programs that refresh are looked at with
packages_e2e="$packages_e2e strace valgrind"
# Of the npm registry, for the e2e suites; this one runs with the nodejs of Debian 12, too
packages_npm="nodemailer@6.10.1"
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

# packages_unpack LOG DIR PACKAGE…: each into DIR/PACKAGE, without its scripts and its set-user-id bits
packages_unpack()
{
    log=$1
    dir=$2
    shift 2
    for package in "$@"; do
        [ -e "$dir/$package" ] && continue
        echo "== unpacking $package" >&2
        rm -rf "$dir/tmp"
        mkdir -p "$dir/tmp"
        if (
            cd "$dir/tmp" || exit 1
            apt-get -qq download "$package" || { apt-get update -qq && apt-get -qq download "$package"; } || exit 1
            dpkg -x "$package"_*.deb files && chmod -R ug-s files && mv files "$dir/$package"
        ) >>"$log" 2>&1; then
            rm -rf "$dir/tmp"
        else
            tail -n 20 "$log" >&2
            return 1
        fi
    done
}

# packages_install_npm LOG FOLDER: $packages_npm below a folder, without running any code of theirs
packages_install_npm()
{
    absent=no
    for package in $packages_npm; do
        [ -d "$2/node_modules/${package%@*}" ] || absent=yes
    done
    [ $absent = yes ] || return 0
    command -v npm >/dev/null || packages_install "$1" npm || return 1
    echo "== fetching $packages_npm" >&2
    mkdir -p "$2"
    # shellcheck disable=SC2086 # a list of names
    if ! npm install --prefix "$2" --cache "$2/cache" --no-save --ignore-scripts --no-audit --no-fund \
        $packages_npm >>"$1" 2>&1; then
        tail -n 20 "$1" >&2
        return 1
    fi
}
