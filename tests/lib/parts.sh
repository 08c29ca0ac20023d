# Sourced by tests/run: what each part does. Every part ends with its checks recorded in $results.

# record_line LINE: one result. In CI a skipped check is a failed one.
record_line()
{
    line=$1
    case ${CI:-}:$line in
    true:SKIP\ *) line="FAIL ${line#SKIP } (a skip fails in CI)" ;;
    esac
    printf '%s\n' "$line" >>"$results"
    case $line in
    PASS\ *) ;;
    *) printf '%s\n' "$line" ;;
    esac
}

# record LABEL LOG STATUS: the PASS, FAIL and SKIP lines of a log, "LABEL" before each name
record()
{
    before=$(grep -c '^FAIL ' "$results")
    found=$(grep -cE '^(PASS|FAIL|SKIP) ' "$2")
    while IFS= read -r line; do
        record_line "${line%% *} $1 ${line#* }"
    done < <(grep -aE '^(PASS|FAIL|SKIP) ' "$2")
    after=$(grep -c '^FAIL ' "$results")
    if [ "$3" -ne 0 ] && [ "$after" -eq "$before" ]; then
        tail -n 25 "$2"
        record_line "FAIL ${1%:}: ended with status $3"
    elif [ "$3" -eq 0 ] && [ "$found" -eq 0 ]; then
        record_line "FAIL ${1%:}: ended without a single check"
    elif [ "$after" -ne "$before" ]; then
        echo "   (log: $2)"
        # Findings are indented; those of a scratch folder that goes away are shown at once.
        grep -a '^    ' "$2" | head -n 60
    fi
}

# step NAME COMMAND…: a check that is one command
step()
{
    name=$1
    shift
    log=$logs/$(printf %s "$name" | tr -c 'a-z0-9\n' '-')
    if "$@" >"$log" 2>&1 </dev/null; then
        record_line "PASS $name"
    else
        grep -aE '(error|warning|Error|FAIL)[: ]' "$log" | head -n 20
        tail -n 15 "$log"
        record_line "FAIL $name: see above"
        return 1
    fi
}

# suite NAME COMMAND…: a program that prints its checks
suite()
{
    name=$1
    shift
    log=$logs/$(printf %s "$name" | tr -c 'a-z0-9\n' '-')
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    record "$name:" "$log" $status
}

# at_once COUNT FUNCTION NAME…: the function of each name, so many at a time, in this order. All of
# them are done when it returns.
at_once()
{
    count=$1
    function=$2
    shift 2
    export -f "$function" step suite record record_line
    export results logs scratch src
    printf '%s\n' "$@" | xargs -P "$count" -I {} bash -c "$function {}"
}

configure_fresh()
{
    newer=$(find "$src/configure.ac" "$src/Makefile.am" "$src"/*/local.mk "$src"/*/*/local.mk -newer "$src/configure" 2>&1)
    [ -n "$newer" ] || return 0
    (cd "$src" && autoreconf -fi)
}

# build_tree NAME CONFIGURE-ARGUMENT…: configure and make in $scratch/NAME, once in a run
build_tree()
{
    tree=$1
    shift
    grep -q "^PASS build $tree\$" "$results" && return 0
    grep -q "^FAIL build $tree:" "$results" && return 1
    mkdir -p "$scratch/$tree"
    step "build $tree" build_commands "$tree" "$@"
}

build_commands()
{
    tree=$1
    shift
    configure_fresh || return 1
    cd "$scratch/$tree" || return 1
    if [ ! -e Makefile ]; then
        "$src/configure" --enable-werror --prefix="$scratch/$tree/root" \
            --with-pamdir="$scratch/$tree/root/lib/security" \
            --with-sasldir="$scratch/$tree/root/lib/sasl2" "$@" || return 1
    fi
    make -j2
}

build_plain()
{
    build_tree gcc
}

# The sanitizers' own settings; leaks are looked for in our own programs alone.
build_asan()
{
    build_tree asan --enable-sanitizers=address,undefined CFLAGS='-g -O1'
}

# make_check NAME [VARIABLE=VALUE…]: every single cmocka test counts, and every other program of TESTS
make_check()
{
    tree=$1
    shift
    log=$logs/check-$tree
    step "build checks $tree" make -C "$scratch/$tree" -j2 check TESTS= || return
    rm -f "$log.checks"
    (
        cd "$scratch/$tree" || exit 1
        find tests -name '*.log' -o -name '*.trs' | xargs -r rm -f
        env CMOCKA_MESSAGE_OUTPUT=TAP make -j2 -k check "$@"
    ) >"$log" 2>&1 </dev/null
    status=$?
    for trs in $(cd "$scratch/$tree" && find tests -name '*.trs' | sort); do
        tap_checks "$scratch/$tree/${trs%.trs}" >>"$log.checks"
    done
    touch "$log.checks"
    [ -s "$log.checks" ] || tail -n 30 "$log"
    record "unit ($tree):" "$log.checks" $status
}

# tap_checks BASE: BASE.log (TAP, or anything) and BASE.trs (automake's verdict) as PASS and FAIL lines
tap_checks()
{
    program=${1##*/}
    verdict=$(sed -n 's/^:test-result: //p' "$1.trs" | head -n 1)
    bad=$(grep -acE '^not ok ' "$1.log")
    sed -nE "s/^ok [0-9]+ - (.*)/PASS $program \\1/p; s/^not ok [0-9]+ - (.*)/FAIL $program \\1: see its log/p" \
        "$1.log"
    case $verdict in
    PASS) grep -aqE '^(not )?ok ' "$1.log" || pass "$program" ;;
    SKIP) skip "$program" "$(tail -n 1 "$1.log")" ;;
    *)
        grep -avE '^(ok|1\.\.)' "$1.log" | tail -n 40 | sed 's/^/    /'
        [ "$bad" -gt 0 ] || fail "$program" "ended with $verdict"
        ;;
    esac
}

part_lint()
{
    suite lint "$src/tests/lint.sh"
    suite layers "$src/tests/layers.sh"
    suite man "$src/tests/man.sh"
}

part_unit()
{
    build_plain && make_check gcc
}

# Installed as a package would be, below the scratch prefix
installed()
{
    build_tree "$@" || return 1
    step "install $1" make -C "$scratch/$1" install
}

# Its lines are "ok - NAME" and "not ok - NAME: WHY"
sandbox_checks()
{
    WFAUTH_SANDBOX=$1 "$src/tests/e2e/sandbox.sh" | sed 's/^ok - /PASS /; s/^not ok - /FAIL /'
    return "${PIPESTATUS[0]}"
}

e2e_suites()
{
    tree=$1
    step "tools ($tree)" make -C "$scratch/$tree" tests/lib/refresher tests/lib/forge
    # They need no machine of their own, and run beside those that have one.
    suite "vectors ($tree)" "$src/tests/e2e/vectors.sh" "$scratch/$tree" &
    jobs=$!
    suite "sandbox ($tree)" sandbox_checks "$scratch/$tree/examples/sandbox/wfauth-sandbox" &
    jobs="$jobs $!"
    if [ "$(id -u)" -ne 0 ]; then
        # shellcheck disable=SC2086 # a list of numbers
        wait $jobs
        record_line "SKIP e2e ($tree): needs root"
        return
    fi
    # Each has a machine of its own, so they run side by side.
    names=
    for file in "$src"/tests/e2e/*.py; do
        name=$(basename "$file" .py)
        # These two show what a person does, who has no sanitizers to preload.
        case $tree:$name in asan:demo | asan:readme) continue ;; esac
        names="$names $name"
        e2e_one "$tree" "$name" &
        jobs="$jobs $!"
    done
    # shellcheck disable=SC2086 # a list of numbers
    wait $jobs
    for name in $names; do
        record "$name ($tree):" "$logs/e2e-$tree-$name" "$(cat "$logs/e2e-$tree-$name.status")"
    done
}

e2e_one()
{
    "$src/tests/lib/isolate.sh" /usr/bin/python3 -B "$src/tests/e2e/$2.py" \
        "$scratch/$1/root" "$scratch/$1" >"$logs/e2e-$1-$2" 2>&1 </dev/null
    echo $? >"$logs/e2e-$1-$2.status"
}

part_e2e()
{
    installed gcc || return
    suite symbols "$src/tests/symbols.sh" "$scratch/gcc/root"
    e2e_suites gcc
}

part_dist()
{
    build_plain && step "make distcheck" make -C "$scratch/gcc" -j2 distcheck
}

part_asan()
{
    build_asan || return
    make_check asan ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    installed asan --enable-sanitizers=address,undefined && e2e_suites asan
}

# Every unit test once more in valgrind: it sees reads of uninitialised memory, which the
# sanitizers do not. But for those that look at processes and descriptors, of which valgrind has
# its own (drop, http_helper, export_program), those that replace malloc itself, as valgrind does,
# and the one with a hundred processes at once, whose waits valgrind stretches beyond their bounds.
not_in_valgrind="test_drop test_http_helper test_export_program test_login_memory test_session_memory test_keyring_many"
# Forks beside threads: in the child their memory has no owner, and what our locks guarded is left
# to the parent. LeakSanitizer, which looks at the parent alone, looks for its leaks.
no_leaks_in_valgrind="test_http_curl test_forksafe test_opaque_many test_sasl_threads"

# The longest first, or the last one would run alone.
long_in_valgrind="test_keypair test_http test_sasl_threads test_replies test_pin test_silent_memory"

valgrind_one()
{
    leaks=full
    case " $no_leaks_in_valgrind " in *" $1 "*) leaks=no ;; esac
    step "valgrind $1" env srcdir="$src" timeout 1800 "$scratch/gcc/libtool" \
        --mode=execute valgrind -q --error-exitcode=9 --leak-check=$leaks \
        --errors-for-leak-kinds=definite --trace-children=no "$scratch/gcc/tests/unit/$1"
}

part_valgrind()
{
    build_plain && step "build checks gcc" make -C "$scratch/gcc" -j2 check TESTS= || return
    names=
    for program in "$scratch"/gcc/tests/unit/test_*; do
        name=${program##*/}
        case " $not_in_valgrind $long_in_valgrind " in *" $name "*) continue ;; esac
        case $name in *.*) continue ;; esac
        [ -f "$program" ] && [ -x "$program" ] && names="$names $name"
    done
    if [ -z "$names" ]; then
        record_line "FAIL valgrind: no unit test was found"
        return
    fi
    export no_leaks_in_valgrind
    # shellcheck disable=SC2086 # lists of names
    at_once 2 valgrind_one $long_in_valgrind $names
}

tsan_one()
{
    # shellcheck disable=SC2086 # a command, or none
    step "tsan ${1##*/}" env -C "$scratch/tsan" srcdir="$src" timeout 900 $fixed "./$1"
}

# The unit tests that start threads, under the thread sanitizer. It needs its addresses where it
# expects them, which newer kernels' randomisation does not leave free.
part_tsan()
{
    build_tree tsan --enable-sanitizers=thread --disable-pam CFLAGS='-g -O1' || return
    names=$(cd "$src" && grep -lE "pthread_create|run_threads" tests/unit/test_*.c | sed 's/\.c$//')
    # shellcheck disable=SC2086 # a list of names
    step "build checks tsan" make -C "$scratch/tsan" -j2 $names || return
    fixed=
    setarch -R true 2>/dev/null && fixed='setarch -R'
    if [ -z "$names" ]; then
        record_line "FAIL tsan: no test starts threads"
        return
    fi
    export fixed
    # shellcheck disable=SC2086 # a list of names
    at_once 2 tsan_one $names
}

fuzz_one()
{
    program=$1
    seconds=$2
    name=$(basename "$program")
    work=$scratch/fuzz-work/$name
    rm -rf "$work"
    mkdir -p "$work/corpus"
    dict=$src/tests/fuzz/${name#fuzz_}.dict
    set -- "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$work/" -verbosity=1
    [ -e "$dict" ] && set -- "$@" -dict="$dict"
    if (cd "$work" && "$@" corpus "$src/tests/fuzz/corpus/${name#fuzz_}") >"$work/log" 2>&1; then
        pass "$name"
    else
        grep -aE 'ERROR|SUMMARY|runtime error' "$work/log" | head -n 5 | sed 's/^/    /'
        for file in "$work"/crash-* "$work"/timeout-* "$work"/oom-* "$work"/leak-*; do
            [ -e "$file" ] && printf '    %s: %s\n' "${file##*/}" "$(base64 -w0 "$file" | head -c 2000)"
        done
        fail "$name" "the input stands above, in base64"
    fi
    sed -n 's/^stat::number_of_executed_units:/    runs/p' "$work/log"
}

# A minute for each target, two at a time; with many targets less, so that all end in five minutes.
fuzz_all()
{
    programs=$(find "$scratch/fuzz/tests/fuzz" -maxdepth 1 -type f -perm -u+x -name 'fuzz_*' | sort)
    count=$(printf '%s\n' "$programs" | grep -c .)
    [ "$count" -gt 0 ] || return 1
    seconds=${WFAUTH_FUZZ_SECONDS:-60}
    [ $((seconds * count)) -le 560 ] || seconds=$((560 / count))
    export -f fuzz_one pass fail
    export scratch src
    printf '%s\n' "$programs" | xargs -P 2 -I {} bash -c 'fuzz_one {} '"$seconds"
}

# The fuzzing begins here, in the background and behind everything else; part_fuzz waits for it.
fuzz_begin()
{
    build_tree fuzz --enable-fuzzers --disable-pam CC=clang CFLAGS='-g -O1' || return
    step "build fuzz targets" make -C "$scratch/fuzz" -j2 check TESTS= || return
    # A process group of its own, so that an interrupted run ends all of it
    set -m
    (
        renice -n 19 $BASHPID >/dev/null
        fuzz_all >"$logs/fuzz" 2>&1 </dev/null
        echo $? >"$logs/fuzz.status"
    ) &
    fuzz_job=$!
    set +m
}

part_fuzz()
{
    [ -n "$fuzz_job" ] || return
    wait "$fuzz_job"
    fuzz_job=
    record fuzz: "$logs/fuzz" "$(cat "$logs/fuzz.status")"
}
