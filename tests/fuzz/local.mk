# Fuzz targets: fuzz_X is made of fuzz_X.c and lives on corpus/X; a new one is one line here. With
# --enable-fuzzers each is a libFuzzer program, else a plain one that replays its corpus.
fuzz_targets = \
	%D%/fuzz_answer \
	%D%/fuzz_authz \
	%D%/fuzz_base64 \
	%D%/fuzz_challenge \
	%D%/fuzz_conf \
	%D%/fuzz_http_frame \
	%D%/fuzz_introspect \
	%D%/fuzz_json \
	%D%/fuzz_jwk \
	%D%/fuzz_jws \
	%D%/fuzz_jwks \
	%D%/fuzz_mapfile \
	%D%/fuzz_oidc \
	%D%/fuzz_store \
	%D%/fuzz_text \
	%D%/fuzz_url \
	%D%/fuzz_workfront
check_PROGRAMS += $(fuzz_targets)
if ENABLE_FUZZERS
fuzz_engine = $(FUZZ_ENGINE)
else
check_LTLIBRARIES += %D%/libdriver.la
%C%_libdriver_la_SOURCES = %D%/driver.c
fuzz_engine = %D%/libdriver.la
TESTS += $(fuzz_targets)
endif
%C%_fuzz_introspect_SOURCES = %D%/fuzz_introspect.c tests/lib/fakedoor.c tests/lib/fakedoor.h
%C%_fuzz_introspect_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib
%C%_fuzz_workfront_SOURCES = %D%/fuzz_workfront.c tests/lib/fakedoor.c tests/lib/fakedoor.h
%C%_fuzz_workfront_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib
%C%_fuzz_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=wf_storefile_enter,--wrap=wf_folder_read \
	-Wl,--wrap=wf_folder_list,--wrap=wf_folder_remove,--wrap=wf_folder_replace \
	-Wl,--wrap=wf_anchor_boot,--wrap=wf_anchor_holds_us
if ENABLE_SASL
fuzz_targets += %D%/fuzz_message
endif
%C%_fuzz_message_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/sasl
%C%_fuzz_message_LDADD = sasl/libwfmessage.la $(LDADD)
# What a program links that says nothing of its own: the fuzz targets
LDADD = $(fuzz_engine) common/libwfcore.la
EXTRA_DIST += %D%/fuzz.h %D%/corpus
