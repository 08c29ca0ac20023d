if HAVE_CMOCKA
unit_tests = \
	%D%/unit/test_base64 \
	%D%/unit/test_text
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
unit_cppflags = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
unit_ldadd = common/libwfcore.la $(CMOCKA_LIBS)

%C%_unit_test_base64_SOURCES = %D%/unit/test_base64.c
%C%_unit_test_base64_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_base64_LDADD = $(unit_ldadd)

%C%_unit_test_text_SOURCES = %D%/unit/test_text.c
%C%_unit_test_text_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_text_LDADD = $(unit_ldadd)
endif

# Fuzz targets: fuzz_X is made of fuzz_X.c and lives on corpus/X; a new one is one line here. With
# --enable-fuzzers each is a libFuzzer program, else a plain one that replays its corpus.
fuzz_targets = \
	%D%/fuzz/fuzz_base64 \
	%D%/fuzz/fuzz_json \
	%D%/fuzz/fuzz_text \
	%D%/fuzz/fuzz_url
check_PROGRAMS += $(fuzz_targets)
if ENABLE_FUZZERS
fuzz_engine = $(FUZZ_ENGINE)
else
check_LTLIBRARIES += %D%/fuzz/libdriver.la
%C%_fuzz_libdriver_la_SOURCES = %D%/fuzz/driver.c
fuzz_engine = %D%/fuzz/libdriver.la
TESTS += $(fuzz_targets)
endif
# What a program links that says nothing of its own: the fuzz targets
LDADD = $(fuzz_engine) common/libwfcore.la
EXTRA_DIST += %D%/fuzz/fuzz.h %D%/fuzz/corpus

dist_noinst_SCRIPTS += %D%/run %D%/lint.sh %D%/layers.sh %D%/symbols.sh %D%/man.sh
EXTRA_DIST += %D%/lib .ci/run
