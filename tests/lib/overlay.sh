#!/bin/bash
# overlay.sh FOLDER… -- COMMAND…: run a command on a copy of the file system that is forgotten when
# it ends, with an empty /tmp: changed code that runs as root may make, replace and remove what it
# likes. FOLDER…: what the command needs of the real one, to be read only.
#
# Who is not root has no such power, and the command runs as it is.
#
# Exit status: the command's; 77 where this system does not permit the namespaces.
set -eu

if [ "$(id -u)" != 0 ]; then
    while [ "$1" != -- ]; do shift; done
    shift
    exec "$@"
fi
if [ "${WFAUTH_OVERLAY:-no}" != yes ]; then
    if ! unshare -m --propagation private true 2>/dev/null; then
        echo "overlay.sh: namespaces are not permitted here (needs root with CAP_SYS_ADMIN)" >&2
        exit 77
    fi
    WFAUTH_OVERLAY=yes exec unshare -m --propagation private "$0" "$@"
fi
unset WFAUTH_OVERLAY

mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -m 755 /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
for dir in /dev /proc; do
    mount --rbind "$dir" "/mnt/root$dir"
done
mount -t tmpfs -o mode=1777 tmpfs /mnt/root/tmp
while [ "$1" != -- ]; do
    mkdir -p "/mnt/root$1"
    mount --bind "$1" "/mnt/root$1"
    mount -o remount,bind,ro "/mnt/root$1"
    shift
done
shift
# shellcheck disable=SC2016 # for the shell inside
exec chroot /mnt/root /bin/sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
