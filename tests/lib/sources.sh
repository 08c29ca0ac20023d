# Sourced: a copy of the sources to build from, so that neither the sources nor a build that was
# made inside them are touched.

# sources_copy FROM TO: without version control, what configure and make made, and cached bytecode
sources_copy()
{
    mkdir -p "$2" && tar -C "$1" --exclude-vcs --exclude='./build*' --exclude=autom4te.cache \
        --exclude='*.o' --exclude='*.lo' --exclude='*.la' --exclude='*.a' --exclude=.libs --exclude=.deps \
        --exclude=.dirstamp --exclude=Makefile --exclude=config.status --exclude=./config.h \
        --exclude=./libtool --exclude=stamp-h1 --exclude='*.log' --exclude='*.trs' \
        --exclude=__pycache__ -cf - . | tar -C "$2" -xf -
}
