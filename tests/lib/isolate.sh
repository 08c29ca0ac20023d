#!/bin/bash
# isolate.sh COMMAND…: run a command as root in namespaces of its own, so that it may write users,
# PAM services, sudoers and logs freely and leaves no trace. It gets a copy of /etc, an empty /run,
# /home, /var/log and /var/lib/sudo, a small /dev without /dev/log, a loopback network and a process
# tree that the kernel ends with the command. Nothing of it can reach another machine.
#
# Environment: WFAUTH_SHARE_NET=yes leaves it the machine's own network, so that the command's
# daemons can be reached from outside (a demonstration).
#
# Exit status: the command's; 77 where this system does not permit the namespaces.
set -eu

hide() # an empty, private folder in the place of each
{
    for dir in "$@"; do
        [ -d "$dir" ] && mount -t tmpfs -o mode=755 tmpfs "$dir"
    done
}

private_etc()
{
    copy=$(mktemp -d /run/etc.XXXXXX)
    cp -a /etc/. "$copy"
    chmod 755 "$copy"
    mount --bind "$copy" /etc
    printf '127.0.0.1 localhost wfhost\n::1 localhost\n' >/etc/hosts
    # Names come from the files alone: no look-up waits for a network that is not there.
    sed -i -e 's/^\(passwd\|group\|shadow\|gshadow\):.*/\1: files/' -e 's/^hosts:.*/hosts: files/' \
        /etc/nsswitch.conf
    : >/etc/environment
    rm -f /etc/ld.so.preload
    touch /etc/ld.so.preload
}

private_dev()
{
    new=$(mktemp -d /run/dev.XXXXXX)
    mount -t tmpfs -o mode=755 tmpfs "$new"
    for node in null zero full random urandom tty; do
        touch "$new/$node"
        mount --bind "/dev/$node" "$new/$node"
    done
    mkdir "$new/pts" "$new/shm"
    chmod 1777 "$new/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$new/pts"
    ln -s pts/ptmx "$new/ptmx"
    ln -s /proc/self/fd "$new/fd"
    for n in 0:stdin 1:stdout 2:stderr; do
        ln -s "/proc/self/fd/${n%%:*}" "$new/${n#*:}"
    done
    mount --rbind "$new" /dev
}

if [ "${WFAUTH_ISOLATED:-no}" != yes ]; then
    flags=(-m -p -f -u --mount-proc --kill-child --propagation private)
    [ "${WFAUTH_SHARE_NET:-no}" = yes ] || flags+=(-n)
    if ! unshare "${flags[@]}" true 2>/dev/null; then
        echo "isolate.sh: namespaces are not permitted here (needs root with CAP_SYS_ADMIN)" >&2
        exit 77
    fi
    export WFAUTH_ISOLATED=yes
    exec unshare "${flags[@]}" "$0" "$@"
fi

umask 022
hostname wfhost
[ "${WFAUTH_SHARE_NET:-no}" = yes ] || ip link set lo up
hide /run /home /var/log /var/lib/sudo /var/mail
mkdir -p /run/sshd /run/lock /run/sudo
touch /var/log/lastlog /var/log/wtmp /var/log/btmp /run/utmp
chmod 700 /run/sudo
private_etc
private_dev
# Nothing of the caller's environment but what a test may need. No exec: this shell stays process 1
# and collects the orphans, as an init does.
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LANG=C.UTF-8 TERM=xterm CI="${CI:-}" \
    WFAUTH_KILL_ROUNDS="${WFAUTH_KILL_ROUNDS:-}" "$@"
exit $?
