#!/bin/bash
# House rules that a script can see: banned calls, blanks, lengths. Prints one line per check.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib/tally.sh

# What a host process loads never calls these (style: names, memory, errors).
banned="strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol sscanf gets realloc getenv
 secure_getenv setenv putenv localtime gmtime strerror alloca assert abort exit system popen signal
 setlocale umask chdir"
# FILE CALL WHY: the exceptions
allowed="\
common/wfauth-http.c signal it is a process of its own
common/wfauth-refresh.c signal it is a process of its own
common/cmd_login.c secure_getenv whether there is a screen; the command alone links it
common/folder.c secure_getenv where a person keeps files; it is NULL in a privileged process
common/drop.c umask the helper program alone links it
common/drop.c chdir the helper program alone links it"
# Programs and tests own their process: there only what is dangerous anywhere is banned.
# assert_in_range: tests/lib/within.h says why.
banned_everywhere="strcpy strcat sprintf vsprintf strncpy strtok atoi gets assert_in_range"

# Functions over 60 and files over 600 lines that are so on purpose: NAME WHY
long_functions=""
long_files="\
common/wfauth.conf.5 the keys of one file belong on one page"

sources()
{
    find "$@" -name '*.[ch]' -not -path '*/.*' 2>/dev/null | sort
}

without_comments()
{
    # Keeps the line numbers; macros stay unexpanded
    gcc -fpreprocessed -dD -E -w "$1" | awk '/^# [0-9]+ "/ { n = $2; next } { print n++ ": " $0 }'
}

calls() # FILE WORD…
{
    file=$1
    shift
    words=$(printf '%s|' "$@")
    without_comments "$file" | grep -E "(^|[^A-Za-z0-9_.>])(${words%|})[[:space:]]*\(" |
        while IFS= read -r line; do
            for word in "$@"; do
                printf '%s\n' "$line" | grep -qE "(^|[^A-Za-z0-9_.>])$word[[:space:]]*\(" || continue
                printf '%s\n' "$allowed" | grep -q "^$file $word " && continue
                echo "$file:${line%%:*}: $word()"
            done
        done
}

banned_calls()
{
    for file in $(sources common pam sasl); do
        # shellcheck disable=SC2086 # a list of words
        calls "$file" $banned
    done
    for file in $(sources tests examples); do
        # shellcheck disable=SC2086
        calls "$file" $banned_everywhere
    done
}

text_files()
{
    find .ci common pam sasl tests examples Makefile.am configure.ac README COPYING -type f \
        -not -path '*/corpus/*' 2>/dev/null | grep -vE '(Makefile\.in|~|\.pyc|\.patch)$' |
        xargs grep -lI '' | sort
}

over_long_functions()
{
    for file in $(sources common pam sasl examples tests); do
        awk -v file="$file" '
            /^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
            /^{/ { start = NR }
            /^}/ && start { if (NR - start - 1 > 60) print file ": " name " has " NR - start - 1 " lines"
                            start = 0 }' "$file"
    done | while IFS= read -r line; do
        name=${line#*: }
        printf '%s\n' "$long_functions" | grep -q "^${name%% *} " || echo "$line"
    done
}

over_long_files()
{
    for file in $(text_files); do
        lines=$(wc -l <"$file")
        [ "$lines" -le 600 ] && continue
        case $file in README | *.html) continue ;; esac
        printf '%s\n' "$long_files" | grep -q "^$file " || echo "$file: $lines lines"
    done
}

# A switch over an enum with a default hides the case that nobody thought of.
guards()
{
    for file in $(sources common pam sasl); do
        case $file in
        *.h)
            guard=WF_$(basename "$file" .h | tr 'a-z-' 'A-Z_')_H
            grep -q "^#ifndef $guard\$" "$file" || echo "$file: no include guard $guard"
            ;;
        *.c)
            head -n 12 "$file" | grep -q '^#include "config.h"' || echo "$file: config.h comes first"
            ;;
        esac
    done
}

ignored_tests()
{
    for file in tests/unit/test_*.c tests/fuzz/fuzz_*.c; do
        [ -e "$file" ] || continue
        name=$(basename "$file" .c)
        grep -q "%D%/\(unit/\)\?$name\\b" tests/local.mk tests/*/local.mk ||
            echo "$file is in no local.mk"
    done
}

verdict "banned calls" "$(banned_calls)"
verdict "blanks at line ends" "$(text_files | xargs grep -nE '[[:blank:]]+$' | cut -c -120)"
verdict "tabs in C" "$(sources common pam sasl tests examples | xargs grep -nP '^\t| \t' | cut -c -120)"
verdict "last newline" "$(for f in $(text_files); do [ -z "$(tail -c 1 "$f")" ] || echo "$f"; done)"
verdict "functions of at most 60 lines" "$(over_long_functions)"
verdict "files of at most 600 lines" "$(over_long_files)"
verdict "include guards and config.h" "$(guards)"
verdict "every test is run" "$(ignored_tests)"
