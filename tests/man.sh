#!/bin/bash
# Manual pages: no finding of mandoc's, and what they document is what the code parses.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib/tally.sh

pages()
{
    find common pam sasl examples -name '*.[158]' -type f 2>/dev/null | sort
}

# Options and keys: the words of the lines ".It Cm name= Ns Ar value , other"
documented()
{
    sed -nE 's/^\.It Cm //p' "$1" | sed -E 's/ Ns//g; s/ Ar [a-z-]+//g' | tr ' ,' '\n\n' |
        sed -n 's/^\([a-z_][a-z_]*\)=*$/\1/p' | sort -u
}

# ".Op Cm name" of a synopsis
in_synopsis()
{
    sed -nE 's/^\.Op Cm ([a-z_]+).*/\1/p' "$1" | sort -u
}

# Names in the code's tables: {"config=", … and .name = "type"
parsed_arguments()
{
    sed -nE 's/^[[:space:]]*\{"([a-z_]+)=?", offsetof.*/\1/p' pam/args.c | sort -u
}

# Options of a SASL configuration: wf_option(utils, "oauthbearer_config", …
parsed_options_of_sasl()
{
    grep -ohE 'wf_option(_flag)?\([^;"]*"[a-z_]+"' sasl/*.c | sed 's/.*"\([a-z_]*\)"/\1/' | sort -u
}

parsed_keys()
{
    sed -nE 's/.*\.name = "([a-z_]+)".*/\1/p' common/conf_keys.c | sort -u
}

differences() # WHAT DOCUMENTED PARSED
{
    [ -n "$3" ] || echo "$1: no name found in the code; does this script still fit it?"
    diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") |
        sed -n "s,^< ,$1 documents what the code does not know: ,p; s,^> ,$1 does not document: ,p"
}

# Options of a page: "s" and "-json" of ".It Fl s Ar service , Fl -json"
documented_options()
{
    grep '^\.It Fl ' "$1" | grep -oE 'Fl -?[A-Za-z][A-Za-z-]*' | sed 's/^Fl //' | sort -u
}

# Options of sources: of getopt's "+s:u:" and of {"json", no_argument, …
parsed_options()
{
    {
        grep -ohE 'getopt(_long)?\([^;]*"\+[A-Za-z:]+"' "$@" | sed 's/.*"+//' | grep -o '[A-Za-z]'
        sed -nE 's/^[[:space:]]*\{"([a-z-]+)", (no|required)_argument,.*/-\1/p' "$@"
    } | sort -u
}

parsed_commands()
{
    sed -nE 's/^[[:space:]]*\{"([a-z]+)", wf_cmd_.*/\1/p' common/main.c | sort -u
}

list=$(pages)
if [ -z "$list" ]; then
    fail "manual pages" "there is none"
fi
for page in $list; do
    if command -v mandoc >/dev/null; then
        # References to pages of packages that are not installed are none of our mistakes.
        verdict "$page" "$(mandoc -Tlint -Wwarning "$page" 2>&1 | grep -v 'Xr.*no such manual')"
    else
        skip "$page" "mandoc is not installed"
    fi
done
page=pam/pam_workfront.8
verdict "$page: options" "$(differences $page "$(documented $page)" "$(parsed_arguments)")"
verdict "$page: synopsis" "$(differences $page "$(in_synopsis $page)" "$(parsed_arguments)")"
page=sasl/oauthbearer.8
verdict "$page: options" "$(differences $page "$(documented $page)" "$(parsed_options_of_sasl)")"
page=common/wfauth.conf.5
verdict "$page: keys" "$(differences $page "$(documented $page)" "$(parsed_keys)")"
page=common/wfauth.1
verdict "$page: commands" "$(differences $page "$(documented $page)" "$(parsed_commands)")"
verdict "$page: options" "$(differences $page "$(documented_options $page)" \
    "$(parsed_options common/main.c common/cmd_*.c)")"
exit 0
