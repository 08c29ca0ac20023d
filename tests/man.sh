#!/bin/bash
# Manual pages: no finding of mandoc's, and what they document is what the code parses.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib/tally.sh

pages()
{
    find common pam sasl examples -name '*.[158]' -type f 2>/dev/null | sort
}

# The words after ".It Cm", ".It Ic" or ".It Fl" of a page, up to "=" or the argument
documented()
{
    sed -nE 's/^\.It (Cm|Ic|Va|Li) ([a-z_]+).*/\2/p' "$1" | sort -u
}

# Names in a table of the source: {"name", … or .name = "name", …
parsed()
{
    sed -nE 's/^[[:space:]]*(\[[A-Z_]+\] = )?\{ ?"([a-z_]+)=?",?.*/\2/p
        s/^[[:space:]]*\.name = "([a-z_]+)",.*/\1/p' "$@" | sort -u
}

compare() # PAGE SOURCE…
{
    page=$1
    shift
    diff <(documented "$page") <(parsed "$@") |
        sed -n "s,^< ,$page documents what the code does not know: ,p; s,^> ,$page does not document: ,p"
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
[ -e pam/pam_workfront.8 ] &&
    verdict "arguments of pam_workfront" "$(compare pam/pam_workfront.8 pam/args.c)"
[ -e common/wfauth.conf.5 ] &&
    verdict "keys of wfauth.conf" "$(compare common/wfauth.conf.5 common/conf_keys.c)"
exit 0
