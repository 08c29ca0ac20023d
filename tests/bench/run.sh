#!/bin/bash
# What judging costs on this machine: bench/run.sh BUILD, as `make bench` calls it. Every figure is
# a ratio within one run, or comes with the machine's raw rate beside it.
#   MANY=N   the most distinct tokens through the cache (1000000, which takes two minutes)
set -eu
cd "${1:-.}"
bench=tests/bench

title()
{
    printf '\n== %s ==\n' "$1"
}

title "machine"
grep -m 1 '^model name' /proc/cpuinfo || true
echo "cores: $(nproc), load: $(cut -d ' ' -f 1-3 /proc/loadavg), kernel: $(uname -r)"
title "a token against its signature"
$bench/bench_judge ratios
$bench/bench_judge many "${MANY:-1000000}"
$bench/bench_judge threads
title "the command"
$bench/bench_lines common/wfauth
title "cold start"
$bench/bench_cold
if [ -x $bench/bench_sasl ]; then
    title "SASL"
    $bench/bench_sasl
fi
if [ -x $bench/bench_pam ]; then
    title "PAM"
    $bench/bench_pam
fi
