# Tests of what is kept on the host: whose names are, in which session who has signed in, and token
# files. The others stand in the file above.
visit_tests = \
	%D%/test_export \
	%D%/test_export_program \
	%D%/test_visit \
	%D%/test_visit_faults \
	%D%/test_visit_memory \
	%D%/test_visit_several
check_PROGRAMS += $(visit_tests)
TESTS += $(visit_tests)
visit_cppflags = $(unit_cppflags) -DTEST_EXPORT='"$(abs_top_builddir)/common/wfauth-export"'
visit_ldflags = $(stateful_ldflags) -Wl,--wrap=wf_child_start

export_case = tests/lib/export_case.h tests/lib/export_file.h
%C%_test_export_SOURCES = %D%/test_export.c $(export_case)
%C%_test_export_CPPFLAGS = $(visit_cppflags)
%C%_test_export_LDADD = $(unit_ldadd)
%C%_test_export_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=wf_child_start

%C%_test_export_program_SOURCES = %D%/test_export_program.c $(export_case) common/drop.c
%C%_test_export_program_CPPFLAGS = $(visit_cppflags)
%C%_test_export_program_LDADD = $(unit_ldadd)
%C%_test_export_program_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=wf_child_start,--wrap=wf_frame_now,--wrap=recv,--wrap=malloc

visit_case = tests/lib/visit_case.h tests/lib/stateful.h tests/lib/export_case.h $(fake_door)
%C%_test_visit_SOURCES = %D%/test_visit.c $(visit_case)
%C%_test_visit_CPPFLAGS = $(visit_cppflags)
%C%_test_visit_LDADD = $(unit_ldadd)
%C%_test_visit_LDFLAGS = $(visit_ldflags)

%C%_test_visit_faults_SOURCES = %D%/test_visit_faults.c $(visit_case)
%C%_test_visit_faults_CPPFLAGS = $(visit_cppflags)
%C%_test_visit_faults_LDADD = $(unit_ldadd)
%C%_test_visit_faults_LDFLAGS = $(visit_ldflags) -Wl,--wrap=wf_anchor_process,--wrap=wf_stamp_lock \
	-Wl,--wrap=wf_stamp_put,--wrap=wf_stamp_remove,--wrap=wf_context_http_new,--wrap=strdup

%C%_test_visit_memory_SOURCES = %D%/test_visit_memory.c $(visit_case)
%C%_test_visit_memory_CPPFLAGS = $(visit_cppflags)
%C%_test_visit_memory_LDADD = $(unit_ldadd)
%C%_test_visit_memory_LDFLAGS = $(visit_ldflags) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup

%C%_test_visit_several_SOURCES = %D%/test_visit_several.c $(visit_case)
%C%_test_visit_several_CPPFLAGS = $(visit_cppflags)
%C%_test_visit_several_LDADD = $(unit_ldadd)
%C%_test_visit_several_LDFLAGS = $(visit_ldflags)

state_tests = \
	%D%/test_member \
	%D%/test_anchor \
	%D%/test_anchor_proc \
	%D%/test_pin \
	%D%/test_stamp \
	%D%/test_stamp_pending
check_PROGRAMS += $(state_tests)
TESTS += $(state_tests)

%C%_test_member_SOURCES = %D%/test_member.c
%C%_test_member_CPPFLAGS = $(unit_cppflags)
%C%_test_member_LDADD = $(unit_ldadd)

%C%_test_pin_SOURCES = %D%/test_pin.c
%C%_test_pin_CPPFLAGS = $(unit_cppflags)
%C%_test_pin_LDADD = $(unit_ldadd)
%C%_test_pin_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=fsync,--wrap=linkat \
	-Wl,--wrap=unlinkat,--wrap=write,--wrap=wf_file_read,--wrap=lstat

stamp_ldflags = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=unlinkat,--wrap=write \
	-Wl,--wrap=wf_file_read,--wrap=lstat,--wrap=wf_anchor_lives,--wrap=wf_anchor_holds_us,--wrap=wf_anchor_boot
%C%_test_stamp_SOURCES = %D%/test_stamp.c tests/lib/stampcase.h
%C%_test_stamp_CPPFLAGS = $(unit_cppflags)
%C%_test_stamp_LDADD = $(unit_ldadd)
%C%_test_stamp_LDFLAGS = $(stamp_ldflags)

%C%_test_stamp_pending_SOURCES = %D%/test_stamp_pending.c tests/lib/stampcase.h
%C%_test_stamp_pending_CPPFLAGS = $(unit_cppflags)
%C%_test_stamp_pending_LDADD = $(unit_ldadd)
%C%_test_stamp_pending_LDFLAGS = $(stamp_ldflags)

%C%_test_anchor_SOURCES = %D%/test_anchor.c
%C%_test_anchor_CPPFLAGS = $(unit_cppflags)
%C%_test_anchor_LDADD = $(unit_ldadd)
%C%_test_anchor_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getuid

%C%_test_anchor_proc_SOURCES = %D%/test_anchor_proc.c
%C%_test_anchor_proc_CPPFLAGS = $(unit_cppflags)
%C%_test_anchor_proc_LDADD = $(unit_ldadd)
%C%_test_anchor_proc_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open,--wrap=close,--wrap=fstatfs,--wrap=read,--wrap=getuid
