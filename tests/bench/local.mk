# Benchmarks: `make bench` builds and runs them, nothing else does
bench_programs = \
	%D%/bench_judge \
	%D%/bench_cold \
	%D%/bench_lines
EXTRA_PROGRAMS = $(bench_programs)
bench_common = %D%/bench.c %D%/bench.h %D%/pool.c
bench_cppflags = $(unit_cppflags)
bench_ldadd = tests/lib/libmint.la common/libwfcore.la $(CRYPTO_LIBS)

%C%_bench_judge_SOURCES = %D%/bench_judge.c $(bench_common)
%C%_bench_judge_CPPFLAGS = $(bench_cppflags)
%C%_bench_judge_LDADD = $(bench_ldadd)

%C%_bench_cold_SOURCES = %D%/bench_cold.c $(bench_common)
%C%_bench_cold_CPPFLAGS = $(bench_cppflags)
%C%_bench_cold_LDADD = tests/lib/libhttpd.la common/libwfcurl.la $(bench_ldadd) $(CMOCKA_LIBS)

%C%_bench_lines_SOURCES = %D%/bench_lines.c $(bench_common)
%C%_bench_lines_CPPFLAGS = $(bench_cppflags)
%C%_bench_lines_LDADD = $(bench_ldadd)

if ENABLE_PAM
bench_programs += %D%/bench_pam %D%/pam_child
endif
%C%_bench_pam_SOURCES = %D%/bench_pam.c $(bench_common) $(fake_door)
%C%_bench_pam_CPPFLAGS = $(bench_cppflags) \
	-DBENCH_FOLDER='"$(abs_builddir)/%D%"' \
	-DBENCH_MODULE='"$(abs_builddir)/pam/.libs/pam_workfront.so"'
%C%_bench_pam_LDADD = $(bench_ldadd)
%C%_pam_child_SOURCES = %D%/pam_child.c
%C%_pam_child_LDADD = $(PAM_LIBS)

if ENABLE_SASL
bench_programs += %D%/bench_sasl
endif
%C%_bench_sasl_SOURCES = %D%/bench_sasl.c $(bench_common)
%C%_bench_sasl_CPPFLAGS = $(bench_cppflags) $(SASL_CFLAGS) \
	-DBENCH_PLUGINS='"$(abs_builddir)/sasl/.libs"'
%C%_bench_sasl_LDADD = $(bench_ldadd) $(SASL_LIBS)
bench: all $(bench_programs)
	$(SHELL) $(srcdir)/%D%/run.sh $(abs_top_builddir)
.PHONY: bench
dist_noinst_SCRIPTS += %D%/run.sh
