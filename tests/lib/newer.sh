#!/bin/bash
# newer.sh FOLDER [SUITE…]: make check, and some suites of tests/e2e, with the newest of every library
# that Debian has: libjwt 3, which has another interface than Debian 12's, cmocka 2, gcc and OpenSSL.
#
# FOLDER becomes a chroot of Debian's "sid", made by mmdebstrap where it is missing; it is reused, and
# the caller removes it. Needs root, the network and a gigabyte. The suites are those that need no
# daemon of Debian's: machine login_command cron secrecy refresh. No part of tests/run, and never of
# CI: what sid has tomorrow must not fail a change of today.
set -eu

[ $# -ge 1 ] || { echo "usage: tests/lib/newer.sh FOLDER [SUITE...]" >&2; exit 2; }
src=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$(dirname "$1")"
root=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
. "$src/tests/lib/packages.sh"
. "$src/tests/lib/sources.sh"

if [ ! -e "$root/etc/debian_version" ]; then
    # shellcheck disable=SC2086,SC2154 # a list, of packages.sh
    packages=$(echo $packages_build | sed 's/\blibjwt-dev\b/libjwt14-dev/; s/ /,/g')
    # A snapshot of sid is as good: its signature counts, its age does not
    mmdebstrap --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' sid "$root" \
        --include="$packages,python3-pexpect,python3-cryptography,openssl,ca-certificates" \
        --include=passwd,login,mount,hostname,util-linux,iproute2,strace,valgrind
fi

rm -rf "$root/src"
mkdir -p "$root/src" "$root/build"
sources_copy "$src" "$root/src"

# shellcheck disable=SC2016 # for the shells inside
inside='
set -e
cd /src
autoreconf -fi >/dev/null 2>&1
cd /build
/src/configure --enable-werror --prefix=/build/root --with-pamdir=/build/root/lib/security \
    --with-sasldir=/build/root/lib/sasl2 >configure.log
make -j2 >make.log
make install >install.log 2>&1
make tests/lib/refresher >>install.log 2>&1
dpkg-query -W -f "\${Package} \${Version}\n" libjwt14-dev libssl-dev libcurl4-openssl-dev libcmocka-dev gcc
status=0
make -k -j2 check >check.log 2>&1 || status=1
grep -E "^(FAIL|ERROR|# (TOTAL|PASS|FAIL|ERROR))" check.log
for suite in "$@"; do
    echo "== $suite"
    /src/tests/lib/isolate.sh /usr/bin/python3 -B "/src/tests/e2e/$suite.py" /build/root /build || status=1
done
exit $status'
# A mount of its own, for only that can be made private by what isolates the suites
# shellcheck disable=SC2016 # for the shell inside
exec unshare -mpf --kill-child --propagation private bash -c '
mount --bind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount --rbind /dev dev || exit 1
inside=$1; shift
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root chroot . /bin/bash -c "$inside" newer.sh "$@"' \
    "$root" "$inside" "$@"
