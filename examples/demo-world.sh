#!/bin/bash
# demo-world.sh SCRATCH BUILD PORT auto|wait: run by examples/demo inside tests/lib/isolate.sh, where
# /etc, /run, /home, /var/log and /dev are private. Makes users, sandbox, configuration and sshd, then
# plays the person or waits for one. Exit status 0: all was seen.
set -eu

scratch=$1
build=$2
port=$3
mode=$4
src=$(cd "$(dirname "$0")/.." && pwd)
box=$scratch/sandbox
log=$scratch/log
account=alice@acme.example
password=$(head -c 9 /dev/urandom | base64 | tr '+/' 'xy')
service=wfdemosshd

fail()
{
    printf 'examples/demo: %s\n' "$*" >&2
    exit 1
}

# within SECONDS WHAT COMMAND…: wait until the command succeeds
within()
{
    local left=$(($1 * 20)) what=$2
    shift 2
    until "$@"; do
        [ $((left -= 1)) -gt 0 ] || fail "$what: not in time"
        sleep 0.05
    done
}

find_built() # NAME
{
    find "$build" -name "$1" -type f -perm -u+x -not -path '*/.libs/*' | head -n 1
}

sandbox()
{
    "$program" -d "$box" "$@"
}

listens() # PORT, on 127.0.0.1 or everywhere
{
    grep -qiE "^ *[0-9]+: (0100007F|00000000):$(printf %04X "$1") [0-9A-F:]+ 0A" /proc/net/tcp
}

choose_port()
{
    if [ "$port" -ne 0 ]; then
        listens "$port" && fail "port $port is taken; choose another by --port"
        return 0
    fi
    for port in $(seq 2222 2299); do
        listens "$port" || return 0
    done
    fail "the ports 2222 to 2299 are taken; choose one by --port"
}

make_users()
{
    # An alice of the machine's own is none in this copy of /etc
    sed -i '/^alice:/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow
    getent passwd _wfauth >/dev/null ||
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin _wfauth
    # No password: the sign-in is her only way in
    useradd --create-home --shell /bin/bash alice
    printf 'Defaults !lecture, !fqdn\nroot ALL=(ALL:ALL) ALL\nalice ALL=(ALL:ALL) ALL\n' >/etc/sudoers
    : >/etc/motd
}

# The stand-in for Workfront: an account and an application, as an administrator makes them there
start_sandbox()
{
    sandbox serve --port 0 --domain acme >"$scratch/sandbox.out" 2>&1 &
    within 20 "the sandbox" grep -q '^ready ' "$scratch/sandbox.out"
    url=$(sed -n 's/^ready //p' "$scratch/sandbox.out")
    cp "$box/ca.pem" "$scratch/ca.pem"
    chmod 644 "$scratch/ca.pem"
    sandbox user create "$account" --email "$account" --name Alice --password "$password" >/dev/null
    client=$(sandbox app create --type spa --name "Demo" --developer-name "examples/demo" \
        --description "Sign in to a shell on this machine" --redirect-url "$url/callback/" |
        sed -n 's/^client_id=//p')
}

# The configuration that the README shows, with the sandbox in Workfront's place
configure()
{
    sed -e "s|^url = .*|url = $url|" -e "s|^client_id = .*|client_id = $client|" \
        -e "s|^redirect_uri = .*|redirect_uri = $url/callback/\\nca_file = $scratch/ca.pem|" \
        "$src/examples/conf/wfauth.conf.pkce" >"$scratch/wfauth.conf"
    module="$(find_built pam_workfront.so) config=$scratch/wfauth.conf state=$scratch/sessions"
    for name in "$service" sudo sudo-i; do
        printf '%s\n' "auth sufficient $module" "auth required pam_deny.so" "account required $module" \
            "account required pam_unix.so" "session required pam_permit.so" >"/etc/pam.d/$name"
    done
}

start_sshd()
{
    ssh-keygen -q -t ed25519 -N '' -f "$scratch/hostkey"
    cat >"$scratch/sshd_config" <<EOF
Port $port
ListenAddress 127.0.0.1
HostKey $scratch/hostkey
PidFile none
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
PubkeyAuthentication no
LoginGraceTime 180
PrintLastLog no
EOF
    # sshd's own name is that of its PAM service; since 9.8 an option says it
    ln -s /usr/sbin/sshd "$scratch/$service"
    if /usr/sbin/sshd -t -f "$scratch/sshd_config" -o "PAMServiceName=$service" 2>/dev/null; then
        echo "PAMServiceName $service" >>"$scratch/sshd_config"
    fi
    "$scratch/$service" -D -e -f "$scratch/sshd_config" 2>"$scratch/sshd.log" &
    within 10 "sshd (its log: $(tail -n 2 "$scratch/sshd.log"))" listens "$port"
}

instructions()
{
    cat <<EOF

Ready. Now you, in another terminal of this machine:

 1. ssh -p $port -o NoHostAuthenticationForLocalhost=yes alice@127.0.0.1
 2. Open the address that it shows, $url/…, in a browser of this machine. The sandbox's
    certificate is its own: let the browser go on ("Advanced"), or make it trust $scratch/ca.pem
 3. Sign in there as $account with the password $password and allow it.
 4. Copy the code that the page shows, and paste it into the terminal: you are alice.
 5. In that shell, try: sudo id    (or sudo -i: the same sign-in again)

From afar: ssh -L ${url##*:}:127.0.0.1:${url##*:} to this machine first.
Ctrl-C here ends the demo and removes it. Below is what an administrator finds in the log.

EOF
}

accepted() # SERVICE: the log shows that alice was let in
{
    grep -q "sign-in service=\"$1\" user=\"alice\".* verdict=accept" "$log"
}

wait_for_person()
{
    instructions
    tail -n +1 -f "$log" | sed -u -n '/pam_workfront/s/^/log: /p' &
    while sleep 0.5; do
        kill -0 "$sshd" || fail "sshd has ended: $(tail -n 2 "$scratch/sshd.log")"
        if [ ! -e "$scratch/seen" ] && accepted "$service" && { accepted sudo || accepted sudo-i; }; then
            touch "$scratch/seen"
            echo "Both sign-ins worked. Ctrl-C ends the demo."
        fi
    done
}

program=$(find_built wfauth-sandbox)
[ -n "$program" ] || fail "the build has no sandbox (libmicrohttpd and sqlite3 are needed)"
[ -n "$(find_built pam_workfront.so)" ] || fail "the build has no pam_workfront.so"
choose_port
make_users
: >"$log"
/usr/bin/python3 -B "$src/examples/demo-person.py" log "$log" &
within 10 "the log" test -S /dev/log
start_sandbox
configure
start_sshd
sshd=$!
if [ "$mode" = auto ]; then
    /usr/bin/python3 -B "$src/examples/demo-person.py" play "$log" "$port" "$account" "$password" \
        "$program" -d "$box"
else
    wait_for_person
fi
