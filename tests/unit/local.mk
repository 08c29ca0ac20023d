# Tests of what is kept on this host, of silent sign-in, and of sessions and token files; the others
# stand in the file above.
kept_tests = \
	%D%/test_store \
	%D%/test_store_faults \
	%D%/test_member \
	%D%/test_record \
	%D%/test_refresh_change \
	%D%/test_anchor \
	%D%/test_anchor_proc \
	%D%/test_pin \
	%D%/test_stamp \
	%D%/test_stamp_pending \
	%D%/test_stamp_faults \
	%D%/test_report \
	%D%/test_rlimits \
	%D%/test_past \
	%D%/test_refresh \
	%D%/test_refresh_faults \
	%D%/test_session \
	%D%/test_session_faults \
	%D%/test_session_memory \
	%D%/test_account \
	%D%/test_keep \
	%D%/test_resume \
	%D%/test_silent_memory \
	%D%/test_dialogue
check_PROGRAMS += $(kept_tests)
TESTS += $(kept_tests)

%C%_test_store_SOURCES = %D%/test_store.c
%C%_test_store_CPPFLAGS = $(unit_cppflags)
%C%_test_store_LDADD = $(unit_ldadd)
%C%_test_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=fsync,--wrap=renameat \
	-Wl,--wrap=write,--wrap=wf_file_read,--wrap=lstat

%C%_test_store_faults_SOURCES = %D%/test_store_faults.c
%C%_test_store_faults_CPPFLAGS = $(unit_cppflags)
%C%_test_store_faults_LDADD = $(unit_ldadd)
%C%_test_store_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup \
	-Wl,--wrap=wf_json_new,--wrap=wf_json_set_text,--wrap=wf_json_set_number,--wrap=wf_crypto_sha256_parts \
	-Wl,--wrap=wf_crypto_random,--wrap=flock,--wrap=unlinkat,--wrap=wf_file_read,--wrap=gethostname,--wrap=lstat \
	-Wl,--wrap=wf_folder_choose

%C%_test_record_SOURCES = %D%/test_record.c
%C%_test_record_CPPFLAGS = $(unit_cppflags)
%C%_test_record_LDADD = $(unit_ldadd)

%C%_test_refresh_change_SOURCES = %D%/test_refresh_change.c $(fake_door)
%C%_test_refresh_change_CPPFLAGS = $(unit_cppflags)
%C%_test_refresh_change_LDADD = $(unit_ldadd)
%C%_test_refresh_change_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup

%C%_test_member_SOURCES = %D%/test_member.c
%C%_test_member_CPPFLAGS = $(unit_cppflags)
%C%_test_member_LDADD = $(unit_ldadd)

%C%_test_anchor_SOURCES = %D%/test_anchor.c
%C%_test_anchor_CPPFLAGS = $(unit_cppflags)
%C%_test_anchor_LDADD = $(unit_ldadd)
%C%_test_anchor_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getuid

%C%_test_anchor_proc_SOURCES = %D%/test_anchor_proc.c
%C%_test_anchor_proc_CPPFLAGS = $(unit_cppflags)
%C%_test_anchor_proc_LDADD = $(unit_ldadd)
%C%_test_anchor_proc_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open,--wrap=close,--wrap=fstatfs,--wrap=read,--wrap=getuid

%C%_test_pin_SOURCES = %D%/test_pin.c
%C%_test_pin_CPPFLAGS = $(unit_cppflags)
%C%_test_pin_LDADD = $(unit_ldadd)
%C%_test_pin_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=fsync,--wrap=linkat \
	-Wl,--wrap=unlinkat,--wrap=write,--wrap=wf_file_read,--wrap=lstat

stamp_ldflags = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=unlinkat,--wrap=write \
	-Wl,--wrap=wf_file_read,--wrap=lstat,--wrap=wf_anchor_lives,--wrap=wf_anchor_has_gone \
	-Wl,--wrap=wf_anchor_holds_us,--wrap=wf_anchor_boot
%C%_test_stamp_SOURCES = %D%/test_stamp.c tests/lib/stampcase.h
%C%_test_stamp_CPPFLAGS = $(unit_cppflags)
%C%_test_stamp_LDADD = $(unit_ldadd)
%C%_test_stamp_LDFLAGS = $(stamp_ldflags)

%C%_test_stamp_faults_SOURCES = %D%/test_stamp_faults.c tests/lib/stampcase.h
%C%_test_stamp_faults_CPPFLAGS = $(unit_cppflags)
%C%_test_stamp_faults_LDADD = $(unit_ldadd)
%C%_test_stamp_faults_LDFLAGS = $(stamp_ldflags)

%C%_test_stamp_pending_SOURCES = %D%/test_stamp_pending.c tests/lib/stampcase.h
%C%_test_stamp_pending_CPPFLAGS = $(unit_cppflags)
%C%_test_stamp_pending_LDADD = $(unit_ldadd)
%C%_test_stamp_pending_LDFLAGS = $(stamp_ldflags)

%C%_test_report_SOURCES = %D%/test_report.c
%C%_test_report_CPPFLAGS = $(unit_cppflags)
%C%_test_report_LDADD = $(unit_ldadd)
%C%_test_report_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll,--wrap=recv

%C%_test_rlimits_SOURCES = %D%/test_rlimits.c
%C%_test_rlimits_CPPFLAGS = $(unit_cppflags)
%C%_test_rlimits_LDADD = common/libwfrlimits.la $(unit_ldadd)
%C%_test_rlimits_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrlimit,--wrap=setrlimit,--wrap=mmap,--wrap=munmap

%C%_test_refresh_SOURCES = %D%/test_refresh.c $(fake_door)
%C%_test_refresh_CPPFLAGS = $(unit_cppflags)
%C%_test_refresh_LDADD = $(unit_ldadd)
%C%_test_refresh_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync

%C%_test_refresh_faults_SOURCES = %D%/test_refresh_faults.c $(fake_door)
%C%_test_refresh_faults_CPPFLAGS = $(unit_cppflags)
%C%_test_refresh_faults_LDADD = $(unit_ldadd)
%C%_test_refresh_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=close,--wrap=wf_store_lock \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup

%C%_test_session_SOURCES = %D%/test_session.c $(fake_door)
%C%_test_session_CPPFLAGS = $(unit_cppflags)
%C%_test_session_LDADD = $(unit_ldadd)
%C%_test_session_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=wf_store_open

%C%_test_session_faults_SOURCES = %D%/test_session_faults.c $(fake_door)
%C%_test_session_faults_CPPFLAGS = $(unit_cppflags)
%C%_test_session_faults_LDADD = $(unit_ldadd)
%C%_test_session_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=wf_store_open,--wrap=malloc \
	-Wl,--wrap=calloc,--wrap=wf_store_lock,--wrap=wf_store_read,--wrap=wf_context_http_new

%C%_test_session_memory_SOURCES = %D%/test_session_memory.c $(fake_door)
%C%_test_session_memory_CPPFLAGS = $(unit_cppflags)
%C%_test_session_memory_LDADD = $(unit_ldadd)
%C%_test_session_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=wf_store_open

stateful_ldflags = $(AM_LDFLAGS) -Wl,--wrap=getpwnam_r,--wrap=wf_refresh_session

%C%_test_past_SOURCES = %D%/test_past.c $(fake_door)
%C%_test_past_CPPFLAGS = $(unit_cppflags)
%C%_test_past_LDADD = $(unit_ldadd)
%C%_test_past_LDFLAGS = $(stateful_ldflags) -Wl,--wrap=calloc,--wrap=wf_crypto_sha256_parts,--wrap=wf_folder_list \
	-Wl,--wrap=wf_folder_remove,--wrap=wf_folder_replace,--wrap=wf_folder_read

%C%_test_account_SOURCES = %D%/test_account.c $(fake_door)
%C%_test_account_CPPFLAGS = $(unit_cppflags)
%C%_test_account_LDADD = $(unit_ldadd)
%C%_test_account_LDFLAGS = $(stateful_ldflags) -Wl,--wrap=wf_folder_read

%C%_test_keep_SOURCES = %D%/test_keep.c $(fake_door)
%C%_test_keep_CPPFLAGS = $(unit_cppflags)
%C%_test_keep_LDADD = $(unit_ldadd)
%C%_test_keep_LDFLAGS = $(stateful_ldflags) -Wl,--wrap=geteuid,--wrap=fsync,--wrap=wf_anchor_terminal,--wrap=wf_json_dump,--wrap=wf_past_keep

%C%_test_resume_SOURCES = %D%/test_resume.c $(fake_door)
%C%_test_resume_CPPFLAGS = $(unit_cppflags)
%C%_test_resume_LDADD = $(unit_ldadd)
%C%_test_resume_LDFLAGS = $(stateful_ldflags) \
	-Wl,--wrap=geteuid,--wrap=fsync,--wrap=wf_keep_stamp,--wrap=wf_user_find

%C%_test_silent_memory_SOURCES = %D%/test_silent_memory.c $(fake_door)
%C%_test_silent_memory_CPPFLAGS = $(unit_cppflags)
%C%_test_silent_memory_LDADD = $(unit_ldadd)
%C%_test_silent_memory_LDFLAGS = $(stateful_ldflags) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup

%C%_test_dialogue_SOURCES = %D%/test_dialogue.c
%C%_test_dialogue_CPPFLAGS = $(unit_cppflags)
%C%_test_dialogue_LDADD = $(unit_ldadd)
%C%_test_dialogue_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gethostname,--wrap=wf_authz_new

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
	-Wl,--wrap=wf_stamp_put,--wrap=wf_stamp_remove,--wrap=wf_context_http_new,--wrap=strdup \
	-Wl,--wrap=wf_stamp_find_left,--wrap=wf_past_take,--wrap=wf_past_keep

%C%_test_visit_memory_SOURCES = %D%/test_visit_memory.c $(visit_case)
%C%_test_visit_memory_CPPFLAGS = $(visit_cppflags)
%C%_test_visit_memory_LDADD = $(unit_ldadd)
%C%_test_visit_memory_LDFLAGS = $(visit_ldflags) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup

%C%_test_visit_several_SOURCES = %D%/test_visit_several.c $(visit_case)
%C%_test_visit_several_CPPFLAGS = $(visit_cppflags)
%C%_test_visit_several_LDADD = $(unit_ldadd)
%C%_test_visit_several_LDFLAGS = $(visit_ldflags)
