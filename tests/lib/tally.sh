# Sourced by tests/run and the check scripts: how a check reports. One line per check on standard
# output, "PASS NAME", "FAIL NAME: WHY" or "SKIP NAME: WHY"; tests/run counts these lines.

pass()
{
    printf 'PASS %s\n' "$1"
}

fail()
{
    printf 'FAIL %s: %s\n' "$1" "$2"
}

skip()
{
    printf 'SKIP %s: %s\n' "$1" "$2"
}

# verdict NAME FINDINGS: pass where FINDINGS is empty, else fail with them, one a line
verdict()
{
    if [ -z "$2" ]; then
        pass "$1"
    else
        printf '%s\n' "$2" | sed 's/^/    /'
        fail "$1" "$(printf '%s\n' "$2" | wc -l) finding(s) above"
    fi
}
