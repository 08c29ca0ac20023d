# Fuzz targets: fuzz_X is made of fuzz_X.c and lives on corpus/X; a new one is one line here. With
# --enable-fuzzers each is a libFuzzer program, else a plain one that replays its corpus.
fuzz_targets = \
	%D%/fuzz/fuzz_authz \
	%D%/fuzz/fuzz_base64 \
	%D%/fuzz/fuzz_challenge \
	%D%/fuzz/fuzz_conf \
	%D%/fuzz/fuzz_http_frame \
	%D%/fuzz/fuzz_introspect \
	%D%/fuzz/fuzz_json \
	%D%/fuzz/fuzz_jwk \
	%D%/fuzz/fuzz_jws \
	%D%/fuzz/fuzz_jwks \
	%D%/fuzz/fuzz_kept_token \
	%D%/fuzz/fuzz_mapfile \
	%D%/fuzz/fuzz_oidc \
	%D%/fuzz/fuzz_text \
	%D%/fuzz/fuzz_url \
	%D%/fuzz/fuzz_workfront
check_PROGRAMS += $(fuzz_targets)
if ENABLE_FUZZERS
fuzz_engine = $(FUZZ_ENGINE)
else
check_LTLIBRARIES += %D%/fuzz/libdriver.la
%C%_fuzz_libdriver_la_SOURCES = %D%/fuzz/driver.c
fuzz_engine = %D%/fuzz/libdriver.la
TESTS += $(fuzz_targets)
endif
%C%_fuzz_fuzz_introspect_SOURCES = %D%/fuzz/fuzz_introspect.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_fuzz_fuzz_introspect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib
%C%_fuzz_fuzz_workfront_SOURCES = %D%/fuzz/fuzz_workfront.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_fuzz_fuzz_workfront_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib
if ENABLE_SASL
fuzz_targets += %D%/fuzz/fuzz_message
endif
%C%_fuzz_fuzz_message_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/sasl
%C%_fuzz_fuzz_message_LDADD = sasl/libwfmessage.la $(LDADD)
# What a program links that says nothing of its own: the fuzz targets
LDADD = $(fuzz_engine) common/libwfcore.la
EXTRA_DIST += %D%/fuzz/fuzz.h %D%/fuzz/corpus
