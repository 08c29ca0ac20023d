if HAVE_CMOCKA
unit_tests = \
	%D%/unit/test_age \
	%D%/unit/test_base64 \
	%D%/unit/test_text \
	%D%/unit/test_err \
	%D%/unit/test_buf \
	%D%/unit/test_secret \
	%D%/unit/test_log \
	%D%/unit/test_url \
	%D%/unit/test_json \
	%D%/unit/test_file \
	%D%/unit/test_conf \
	%D%/unit/test_conf_machine \
	%D%/unit/test_conf_silent \
	%D%/unit/test_conf_man \
	%D%/unit/test_conf_mistakes \
	%D%/unit/test_conf_tokens \
	%D%/unit/test_user \
	%D%/unit/test_mapfile \
	%D%/unit/test_identity \
	%D%/unit/test_identity_alias \
	%D%/unit/test_identity_memory \
	%D%/unit/test_judge \
	%D%/unit/test_keyring_entry \
	%D%/unit/test_keyring_fetch \
	%D%/unit/test_jwk \
	%D%/unit/test_jwk_rfc \
	%D%/unit/test_jwk_verify \
	%D%/unit/test_jws \
	%D%/unit/test_jwks \
	%D%/unit/test_rules \
	%D%/unit/test_verdict \
	%D%/unit/test_verify \
	%D%/unit/test_verify_threads \
	%D%/unit/test_qr \
	%D%/unit/test_authz \
	%D%/unit/test_workfront \
	%D%/unit/test_introspect \
	%D%/unit/test_machine \
	%D%/unit/test_machine_threads \
	%D%/unit/test_keypair \
	%D%/unit/test_token \
	%D%/unit/test_assertion \
	%D%/unit/test_forksafe \
	%D%/unit/test_bounds \
	%D%/unit/test_bounds_shared \
	%D%/unit/test_replies \
	%D%/unit/test_opaque \
	%D%/unit/test_opaque_kept \
	%D%/unit/test_opaque_many \
	%D%/unit/test_login \
	%D%/unit/test_login_memory
if ENABLE_PAM
unit_tests += %D%/unit/test_pam %D%/unit/test_pam_args %D%/unit/test_pam_conv %D%/unit/test_pam_entry \
	%D%/unit/test_pam_mark %D%/unit/test_pam_proof %D%/unit/test_pam_session %D%/unit/test_pam_token
endif
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
unit_cppflags = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
unit_ldadd = common/libwfcore.la $(CMOCKA_LIBS)

%C%_unit_test_base64_SOURCES = %D%/unit/test_base64.c
%C%_unit_test_base64_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_base64_LDADD = $(unit_ldadd)
%C%_unit_test_base64_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc

%C%_unit_test_text_SOURCES = %D%/unit/test_text.c
%C%_unit_test_text_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_text_LDADD = $(unit_ldadd)

%C%_unit_test_err_SOURCES = %D%/unit/test_err.c
%C%_unit_test_err_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_err_LDADD = $(unit_ldadd)

%C%_unit_test_buf_SOURCES = %D%/unit/test_buf.c
%C%_unit_test_buf_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_buf_LDADD = $(unit_ldadd)
%C%_unit_test_buf_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=free

%C%_unit_test_secret_SOURCES = %D%/unit/test_secret.c
%C%_unit_test_secret_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_secret_LDADD = $(unit_ldadd)
%C%_unit_test_secret_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=free

%C%_unit_test_log_SOURCES = %D%/unit/test_log.c
%C%_unit_test_log_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_log_LDADD = $(unit_ldadd)

%C%_unit_test_url_SOURCES = %D%/unit/test_url.c
%C%_unit_test_url_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_url_LDADD = $(unit_ldadd)

%C%_unit_test_json_SOURCES = %D%/unit/test_json.c
%C%_unit_test_json_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_json_LDADD = $(unit_ldadd)
%C%_unit_test_json_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc

%C%_unit_test_age_SOURCES = %D%/unit/test_age.c
%C%_unit_test_age_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_age_LDADD = $(unit_ldadd)

%C%_unit_test_file_SOURCES = %D%/unit/test_file.c
%C%_unit_test_file_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_file_LDADD = $(unit_ldadd)
%C%_unit_test_file_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=fstat,--wrap=read,--wrap=geteuid,--wrap=getegid

%C%_unit_test_conf_SOURCES = %D%/unit/test_conf.c %D%/lib/conf_case.h
%C%_unit_test_conf_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_conf_LDADD = $(unit_ldadd)
%C%_unit_test_conf_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=geteuid,--wrap=eaccess

%C%_unit_test_conf_silent_SOURCES = %D%/unit/test_conf_silent.c %D%/lib/conf_case.h
%C%_unit_test_conf_silent_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_conf_silent_LDADD = $(unit_ldadd)
%C%_unit_test_conf_machine_SOURCES = %D%/unit/test_conf_machine.c %D%/lib/conf_case.h
%C%_unit_test_conf_machine_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_conf_machine_LDADD = $(unit_ldadd)

%C%_unit_test_conf_man_SOURCES = %D%/unit/test_conf_man.c
%C%_unit_test_conf_man_CPPFLAGS = $(unit_cppflags) -DTEST_MAN_PAGE='"$(abs_top_srcdir)/common/wfauth.conf.5"'
%C%_unit_test_conf_man_LDADD = $(unit_ldadd)

%C%_unit_test_conf_mistakes_SOURCES = %D%/unit/test_conf_mistakes.c %D%/lib/conf_case.h
%C%_unit_test_conf_mistakes_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_conf_mistakes_LDADD = $(unit_ldadd)

%C%_unit_test_conf_tokens_SOURCES = %D%/unit/test_conf_tokens.c %D%/lib/conf_case.h
%C%_unit_test_conf_tokens_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_conf_tokens_LDADD = $(unit_ldadd)

%C%_unit_test_user_SOURCES = %D%/unit/test_user.c
%C%_unit_test_user_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_user_LDADD = $(unit_ldadd)
%C%_unit_test_user_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=free,--wrap=getpwnam_r

%C%_unit_test_mapfile_SOURCES = %D%/unit/test_mapfile.c
%C%_unit_test_mapfile_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_mapfile_LDADD = $(unit_ldadd)
%C%_unit_test_mapfile_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

%C%_unit_test_identity_SOURCES = %D%/unit/test_identity.c
%C%_unit_test_identity_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_identity_LDADD = $(unit_ldadd)
%C%_unit_test_identity_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getpwnam_r

%C%_unit_test_identity_alias_SOURCES = %D%/unit/test_identity_alias.c
%C%_unit_test_identity_alias_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_identity_alias_LDADD = $(unit_ldadd)

%C%_unit_test_identity_memory_SOURCES = %D%/unit/test_identity_memory.c
%C%_unit_test_identity_memory_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_identity_memory_LDADD = $(unit_ldadd)
%C%_unit_test_identity_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=regcomp,--wrap=regexec,--wrap=wf_text_locale

%C%_unit_test_qr_SOURCES = %D%/unit/test_qr.c
%C%_unit_test_qr_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_qr_LDADD = $(unit_ldadd)
%C%_unit_test_qr_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc

%C%_unit_test_authz_SOURCES = %D%/unit/test_authz.c
%C%_unit_test_authz_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_authz_LDADD = $(unit_ldadd)

%C%_unit_test_workfront_SOURCES = %D%/unit/test_workfront.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_workfront_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_workfront_LDADD = $(unit_ldadd)

%C%_unit_test_introspect_SOURCES = %D%/unit/test_introspect.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_introspect_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_introspect_LDADD = $(unit_ldadd)

%C%_unit_test_machine_SOURCES = %D%/unit/test_machine.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_machine_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_machine_LDADD = $(unit_ldadd)

%C%_unit_test_machine_threads_SOURCES = %D%/unit/test_machine_threads.c
%C%_unit_test_machine_threads_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_machine_threads_LDADD = $(unit_ldadd)

%C%_unit_test_token_SOURCES = %D%/unit/test_token.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_token_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_token_LDADD = $(unit_ldadd)
%C%_unit_test_token_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

%C%_unit_test_keypair_SOURCES = %D%/unit/test_keypair.c common/keypair.c
%C%_unit_test_keypair_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keypair_LDADD = common/libwfjwt.la $(unit_ldadd) $(CRYPTO_LIBS)

%C%_unit_test_assertion_SOURCES = %D%/unit/test_assertion.c
%C%_unit_test_assertion_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_assertion_LDADD = common/libwfjwt.la $(mint_ldadd) $(CRYPTO_LIBS)

%C%_unit_test_forksafe_SOURCES = %D%/unit/test_forksafe.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_forksafe_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_forksafe_LDADD = $(unit_ldadd)
%C%_unit_test_forksafe_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=madvise,--wrap=mmap,--wrap=munmap,--wrap=getpid,--wrap=pthread_mutex_unlock

%C%_unit_test_bounds_SOURCES = %D%/unit/test_bounds.c
%C%_unit_test_bounds_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_bounds_LDADD = $(unit_ldadd)

%C%_unit_test_bounds_shared_SOURCES = %D%/unit/test_bounds_shared.c
%C%_unit_test_bounds_shared_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_bounds_shared_LDADD = $(unit_ldadd)
%C%_unit_test_bounds_shared_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=mmap \
	-Wl,--wrap=wf_crypto_sha256,--wrap=wf_cachedir_lock

%C%_unit_test_replies_SOURCES = %D%/unit/test_replies.c
%C%_unit_test_replies_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_replies_LDADD = $(unit_ldadd)
%C%_unit_test_replies_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=mmap

%C%_unit_test_opaque_SOURCES = %D%/unit/test_opaque.c
%C%_unit_test_opaque_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_opaque_LDADD = $(unit_ldadd)
%C%_unit_test_opaque_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=wf_text_locale,--wrap=regcomp,--wrap=wf_crypto_sha256_parts

%C%_unit_test_opaque_many_SOURCES = %D%/unit/test_opaque_many.c
%C%_unit_test_opaque_many_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_opaque_many_LDADD = $(unit_ldadd)
%C%_unit_test_opaque_many_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_cond_wait

%C%_unit_test_opaque_kept_SOURCES = %D%/unit/test_opaque_kept.c
%C%_unit_test_opaque_kept_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_opaque_kept_LDADD = $(unit_ldadd)
%C%_unit_test_opaque_kept_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=mmap,--wrap=wf_frame_now

%C%_unit_test_login_SOURCES = %D%/unit/test_login.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_login_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_login_LDADD = $(unit_ldadd)

%C%_unit_test_login_memory_SOURCES = %D%/unit/test_login_memory.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_login_memory_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_login_memory_LDADD = $(unit_ldadd)

%C%_unit_test_pam_SOURCES = %D%/unit/test_pam.c
%C%_unit_test_pam_CPPFLAGS = $(unit_cppflags) \
	-DTEST_MODULE='"$(abs_builddir)/pam/.libs/pam_workfront.so"'
%C%_unit_test_pam_LDADD = $(unit_ldadd) $(PAM_LIBS)

# The module's own files, which it hides
%C%_unit_test_pam_args_SOURCES = %D%/unit/test_pam_args.c pam/args.c pam/code.c
%C%_unit_test_pam_args_CPPFLAGS = $(unit_cppflags) -I$(srcdir)/pam
%C%_unit_test_pam_args_LDADD = $(unit_ldadd)

%C%_unit_test_pam_conv_SOURCES = %D%/unit/test_pam_conv.c %D%/lib/pamcase.h pam/conv.c
%C%_unit_test_pam_conv_CPPFLAGS = $(unit_cppflags) -I$(srcdir)/pam
%C%_unit_test_pam_conv_LDADD = $(unit_ldadd) $(PAM_LIBS)
%C%_unit_test_pam_conv_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup \
	-Wl,--wrap=free

pam_module = pam/args.c pam/call.c pam/code.c pam/conv.c pam/mark.c pam/proof.c pam/pam_session.c pam/pam_workfront.c
pam_core_case = %D%/lib/pamcore.h %D%/lib/pamcase.h
pam_core_ldflags = $(AM_LDFLAGS) -Wl,--wrap=getuid,--wrap=pam_get_data,--wrap=pam_set_data \
	-Wl,--wrap=pam_get_item,--wrap=pam_set_item,--wrap=pam_get_user,--wrap=pam_putenv,--wrap=pam_syslog \
	-Wl,--wrap=wf_context_new,--wrap=wf_context_free,--wrap=wf_wants_token,--wrap=wf_resume,--wrap=wf_verify \
	-Wl,--wrap=wf_login_begin,--wrap=wf_login_prompt_borrow,--wrap=wf_login_answer,--wrap=wf_login_is_open \
	-Wl,--wrap=wf_login_advice,--wrap=wf_login_abandon,--wrap=wf_login_free,--wrap=wf_account_check \
	-Wl,--wrap=wf_visit_begin,--wrap=wf_visit_end \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup
%C%_unit_test_pam_entry_SOURCES = %D%/unit/test_pam_entry.c $(pam_core_case) $(pam_module)
%C%_unit_test_pam_entry_CPPFLAGS = $(unit_cppflags) -I$(srcdir)/pam
%C%_unit_test_pam_entry_LDADD = $(unit_ldadd) $(PAM_LIBS)
%C%_unit_test_pam_entry_LDFLAGS = $(pam_core_ldflags)

%C%_unit_test_pam_session_SOURCES = %D%/unit/test_pam_session.c $(pam_core_case) $(pam_module)
%C%_unit_test_pam_session_CPPFLAGS = $(unit_cppflags) -I$(srcdir)/pam
%C%_unit_test_pam_session_LDADD = $(unit_ldadd) $(PAM_LIBS)
%C%_unit_test_pam_session_LDFLAGS = $(pam_core_ldflags)

%C%_unit_test_pam_proof_SOURCES = %D%/unit/test_pam_proof.c %D%/lib/fakepasswd.h \
	pam/proof.c pam/call.c pam/args.c
%C%_unit_test_pam_proof_CPPFLAGS = $(unit_cppflags) -I$(srcdir)/pam
%C%_unit_test_pam_proof_LDADD = $(unit_ldadd) $(PAM_LIBS)
%C%_unit_test_pam_proof_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getuid,--wrap=getpwnam_r,--wrap=wf_anchor_caller

%C%_unit_test_pam_mark_SOURCES = %D%/unit/test_pam_mark.c %D%/lib/pamcase.h \
	pam/mark.c pam/proof.c pam/call.c pam/args.c
%C%_unit_test_pam_mark_CPPFLAGS = $(unit_cppflags) -I$(srcdir)/pam
%C%_unit_test_pam_mark_LDADD = $(unit_ldadd) $(PAM_LIBS)
%C%_unit_test_pam_mark_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getuid,--wrap=pam_get_data,--wrap=pam_set_data \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup,--wrap=free,--wrap=pam_putenv

%C%_unit_test_pam_token_SOURCES = %D%/unit/test_pam_token.c
%C%_unit_test_pam_token_CPPFLAGS = $(unit_cppflags) \
	-DTEST_MODULE='"$(abs_builddir)/pam/.libs/pam_workfront.so"' \
	-DTEST_PROBE='"$(abs_builddir)/%D%/lib/.libs/pam_probe.so"'
%C%_unit_test_pam_token_LDADD = %D%/lib/libmint.la $(unit_ldadd) $(PAM_LIBS)
if ENABLE_PAM
# The other module of a stack
check_LTLIBRARIES += %D%/lib/pam_probe.la
%C%_lib_pam_probe_la_SOURCES = %D%/lib/pam_probe.c
%C%_lib_pam_probe_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%C%_lib_pam_probe_la_LIBADD = $(PAM_LIBS)
endif

if ENABLE_SASL
unit_tests += \
	%D%/unit/test_message \
	%D%/unit/test_sasl_server \
	%D%/unit/test_sasl_client \
	%D%/unit/test_sasl_threads
endif
# The wrapper's own modules, which the plug-in hides
wrapper_cppflags = $(unit_cppflags) -I$(srcdir)/sasl $(SASL_CFLAGS)
%C%_unit_test_message_SOURCES = %D%/unit/test_message.c
%C%_unit_test_message_CPPFLAGS = $(wrapper_cppflags)
%C%_unit_test_message_LDADD = sasl/libwfmessage.la $(unit_ldadd)

sasl_cppflags = $(unit_cppflags) $(SASL_CFLAGS) -DTEST_PLUGINS='"$(abs_builddir)/sasl/.libs"'
%C%_unit_test_sasl_server_SOURCES = %D%/unit/test_sasl_server.c %D%/lib/saslcase.h
%C%_unit_test_sasl_server_CPPFLAGS = $(sasl_cppflags)
%C%_unit_test_sasl_server_LDADD = $(mint_ldadd) $(SASL_LIBS)

%C%_unit_test_sasl_client_SOURCES = %D%/unit/test_sasl_client.c %D%/lib/saslcase.h
%C%_unit_test_sasl_client_CPPFLAGS = $(sasl_cppflags)
%C%_unit_test_sasl_client_LDADD = $(mint_ldadd) $(SASL_LIBS)

%C%_unit_test_sasl_threads_SOURCES = %D%/unit/test_sasl_threads.c %D%/lib/saslcase.h
%C%_unit_test_sasl_threads_CPPFLAGS = $(sasl_cppflags)
%C%_unit_test_sasl_threads_LDADD = $(mint_ldadd) $(SASL_LIBS)

# The token mint, for whatever judges tokens
check_LTLIBRARIES += %D%/lib/libmint.la
%C%_lib_libmint_la_SOURCES = %D%/lib/mint.c %D%/lib/mint.h %D%/lib/mint_primes.h
%C%_lib_libmint_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
%C%_lib_libmint_la_LIBADD = $(CRYPTO_LIBS) $(JANSSON_LIBS)
%C%_lib_libmint_la_SOURCES += %D%/lib/vectors.c %D%/lib/vectors.h %D%/lib/vectors_internal.h \
	%D%/lib/vectors_token.c %D%/lib/vectors_claims.c
mint_ldadd = %D%/lib/libmint.la $(unit_ldadd)

# The vectors as files (tests/e2e/vectors.sh)
check_PROGRAMS += %D%/lib/forge
%C%_lib_forge_SOURCES = %D%/lib/forge.c
%C%_lib_forge_LDADD = %D%/lib/libmint.la

# Who needs a token (tests/e2e/refresh.py)
check_PROGRAMS += %D%/lib/refresher
%C%_lib_refresher_SOURCES = %D%/lib/refresher.c
%C%_lib_refresher_LDADD = common/libwfcore.la

%C%_unit_test_judge_SOURCES = %D%/unit/test_judge.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_judge_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_judge_LDADD = $(mint_ldadd)
%C%_unit_test_judge_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

%C%_unit_test_keyring_entry_SOURCES = %D%/unit/test_keyring_entry.c
%C%_unit_test_keyring_entry_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keyring_entry_LDADD = $(mint_ldadd)
%C%_unit_test_keyring_entry_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=strndup \
	-Wl,--wrap=wf_json_new,--wrap=wf_json_write,--wrap=wf_json_set_text,--wrap=wf_json_set_number

%C%_unit_test_keyring_fetch_SOURCES = %D%/unit/test_keyring_fetch.c %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_keyring_fetch_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keyring_fetch_LDADD = $(unit_ldadd)
%C%_unit_test_keyring_fetch_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

%C%_unit_test_verify_SOURCES = %D%/unit/test_verify.c
%C%_unit_test_verify_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_verify_LDADD = $(mint_ldadd)

%C%_unit_test_verify_threads_SOURCES = %D%/unit/test_verify_threads.c
%C%_unit_test_verify_threads_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_verify_threads_LDADD = $(mint_ldadd)

%C%_unit_test_jwk_SOURCES = %D%/unit/test_jwk.c %D%/lib/jwkcase.h
%C%_unit_test_jwk_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_jwk_LDADD = $(mint_ldadd)
%C%_unit_test_jwk_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

%C%_unit_test_jwk_rfc_SOURCES = %D%/unit/test_jwk_rfc.c
%C%_unit_test_jwk_rfc_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_jwk_rfc_LDADD = $(mint_ldadd)

%C%_unit_test_jwk_verify_SOURCES = %D%/unit/test_jwk_verify.c %D%/lib/jwkcase.h
%C%_unit_test_jwk_verify_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_jwk_verify_LDADD = $(mint_ldadd)
%C%_unit_test_jwk_verify_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc

%C%_unit_test_jws_SOURCES = %D%/unit/test_jws.c
%C%_unit_test_jws_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_jws_LDADD = $(mint_ldadd)
%C%_unit_test_jws_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc

%C%_unit_test_jwks_SOURCES = %D%/unit/test_jwks.c
%C%_unit_test_jwks_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_jwks_LDADD = $(mint_ldadd)
%C%_unit_test_jwks_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=free

%C%_unit_test_rules_SOURCES = %D%/unit/test_rules.c
%C%_unit_test_rules_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_rules_LDADD = $(mint_ldadd)

%C%_unit_test_verdict_SOURCES = %D%/unit/test_verdict.c
%C%_unit_test_verdict_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_verdict_LDADD = $(mint_ldadd)
%C%_unit_test_verdict_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=free

unit_tests += \
	%D%/unit/test_http_request \
	%D%/unit/test_folder \
	%D%/unit/test_cachedir \
	%D%/unit/test_cachedir_calls \
	%D%/unit/test_cachedir_folder \
	%D%/unit/test_grant \
	%D%/unit/test_keyring \
	%D%/unit/test_keyring_folder \
	%D%/unit/test_keyring_many \
	%D%/unit/test_keyring_threads \
	%D%/unit/test_answer \
	%D%/unit/test_oidc \
	%D%/unit/test_http_deadline \
	%D%/unit/test_http_cache \
	%D%/unit/test_http_frame \
	%D%/unit/test_http \
	%D%/unit/test_http_curl \
	%D%/unit/test_http_helper \
	%D%/unit/test_drop %D%/unit/test_drop_calls

%C%_unit_test_http_request_SOURCES = %D%/unit/test_http_request.c
%C%_unit_test_http_request_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_http_request_LDADD = $(unit_ldadd)

fake_door = %D%/lib/fakedoor.c %D%/lib/fakedoor.h
%C%_unit_test_cachedir_SOURCES = %D%/unit/test_cachedir.c
%C%_unit_test_cachedir_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_cachedir_LDADD = $(unit_ldadd)
%C%_unit_test_cachedir_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=write,--wrap=read,--wrap=malloc

%C%_unit_test_cachedir_calls_SOURCES = %D%/unit/test_cachedir_calls.c
%C%_unit_test_cachedir_calls_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_cachedir_calls_LDADD = $(unit_ldadd)
%C%_unit_test_cachedir_calls_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=openat,--wrap=close,--wrap=write,--wrap=fstat,--wrap=mkdirat,--wrap=fchmodat,--wrap=fchmod \
	-Wl,--wrap=renameat,--wrap=getrlimit,--wrap=fdopendir,--wrap=flock,--wrap=poll,--wrap=clock_gettime \
	-Wl,--wrap=wf_crypto_random

%C%_unit_test_cachedir_folder_SOURCES = %D%/unit/test_cachedir_folder.c
%C%_unit_test_cachedir_folder_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_cachedir_folder_LDADD = $(unit_ldadd)
%C%_unit_test_cachedir_folder_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=geteuid,--wrap=malloc,--wrap=calloc,--wrap=getpwuid_r

%C%_unit_test_grant_SOURCES = %D%/unit/test_grant.c $(fake_door)
%C%_unit_test_grant_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_grant_LDADD = $(unit_ldadd)

%C%_unit_test_folder_SOURCES = %D%/unit/test_folder.c
%C%_unit_test_folder_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_folder_LDADD = $(unit_ldadd)
%C%_unit_test_folder_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat,--wrap=close,--wrap=fsync,--wrap=renameat \
	-Wl,--wrap=unlinkat,--wrap=linkat,--wrap=getpwuid_r

%C%_unit_test_keyring_SOURCES = %D%/unit/test_keyring.c %D%/lib/cachefolder.h $(fake_door)
%C%_unit_test_keyring_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keyring_LDADD = $(unit_ldadd)

%C%_unit_test_keyring_folder_SOURCES = %D%/unit/test_keyring_folder.c %D%/lib/cachefolder.h $(fake_door)
%C%_unit_test_keyring_folder_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keyring_folder_LDADD = $(unit_ldadd)

%C%_unit_test_keyring_many_SOURCES = %D%/unit/test_keyring_many.c
%C%_unit_test_keyring_many_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keyring_many_LDADD = $(unit_ldadd)
%C%_unit_test_keyring_many_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=madvise,--wrap=mmap,--wrap=wf_cachedir_lock

%C%_unit_test_keyring_threads_SOURCES = %D%/unit/test_keyring_threads.c
%C%_unit_test_keyring_threads_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_keyring_threads_LDADD = $(unit_ldadd)
%C%_unit_test_keyring_threads_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=read \
	-Wl,--wrap=pthread_mutex_unlock,--wrap=pthread_cond_wait,--wrap=pthread_cond_broadcast

%C%_unit_test_http_deadline_SOURCES = %D%/unit/test_http_deadline.c
%C%_unit_test_http_deadline_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_http_deadline_LDADD = $(unit_ldadd)
%C%_unit_test_http_deadline_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=wf_frame_now

%C%_unit_test_answer_SOURCES = %D%/unit/test_answer.c %D%/lib/cachefolder.h
%C%_unit_test_answer_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_answer_LDADD = $(unit_ldadd)
%C%_unit_test_answer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime,--wrap=wf_frame_now,--wrap=wf_json_new

%C%_unit_test_oidc_SOURCES = %D%/unit/test_oidc.c %D%/lib/cachefolder.h $(fake_door)
%C%_unit_test_oidc_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_oidc_LDADD = $(unit_ldadd)
%C%_unit_test_oidc_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=strndup

%C%_unit_test_http_cache_SOURCES = %D%/unit/test_http_cache.c
%C%_unit_test_http_cache_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_http_cache_LDADD = $(unit_ldadd)

%C%_unit_test_http_frame_SOURCES = %D%/unit/test_http_frame.c
%C%_unit_test_http_frame_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_http_frame_LDADD = $(unit_ldadd)

# The scripted server, for whatever talks HTTP
check_LTLIBRARIES += %D%/lib/libhttpd.la
%C%_lib_libhttpd_la_SOURCES = %D%/lib/httpd.c %D%/lib/httpd.h
%C%_lib_libhttpd_la_CPPFLAGS = $(AM_CPPFLAGS) $(SSL_CFLAGS)
%C%_lib_libhttpd_la_LIBADD = $(SSL_LIBS)
http_cppflags = $(unit_cppflags) -DTEST_HELPER='"$(abs_top_builddir)/common/wfauth-http"'

%C%_unit_test_http_SOURCES = %D%/unit/test_http.c
%C%_unit_test_http_CPPFLAGS = $(http_cppflags)
%C%_unit_test_http_LDADD = %D%/lib/libhttpd.la common/libwfcurl.la $(unit_ldadd)

%C%_unit_test_http_curl_SOURCES = %D%/unit/test_http_curl.c
%C%_unit_test_http_curl_CPPFLAGS = $(http_cppflags)
%C%_unit_test_http_curl_LDADD = %D%/lib/libhttpd.la common/libwfcurl.la $(unit_ldadd)

%C%_unit_test_drop_SOURCES = %D%/unit/test_drop.c
%C%_unit_test_drop_CPPFLAGS = $(http_cppflags)
%C%_unit_test_drop_LDADD = %D%/lib/libhttpd.la $(unit_ldadd)

%C%_unit_test_drop_calls_SOURCES = %D%/unit/test_drop_calls.c %D%/lib/dropcase.h common/drop.c
%C%_unit_test_drop_calls_CPPFLAGS = $(unit_cppflags)
%C%_unit_test_drop_calls_LDADD = $(unit_ldadd)
drop_case_ldflags = -Wl,--wrap=close_range,--wrap=close,--wrap=open,--wrap=read \
	-Wl,--wrap=umask,--wrap=chdir,--wrap=prctl,--wrap=getrlimit,--wrap=setrlimit,--wrap=getpwnam,--wrap=syscall \
	-Wl,--wrap=geteuid,--wrap=getuid,--wrap=getegid,--wrap=getgid,--wrap=setgroups,--wrap=getgroups \
	-Wl,--wrap=setresgid,--wrap=setresuid,--wrap=setuid,--wrap=setgid,--wrap=getresuid,--wrap=getresgid \
	-Wl,--wrap=pthread_attr_init,--wrap=pthread_attr_destroy,--wrap=pthread_attr_setstacksize \
	-Wl,--wrap=pthread_setattr_default_np
%C%_unit_test_drop_calls_LDFLAGS = $(AM_LDFLAGS) $(drop_case_ldflags)

%C%_unit_test_http_helper_SOURCES = %D%/unit/test_http_helper.c
%C%_unit_test_http_helper_CPPFLAGS = $(http_cppflags)
%C%_unit_test_http_helper_LDADD = %D%/lib/libhttpd.la $(unit_ldadd)
%C%_unit_test_http_helper_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc

include %D%/bench/local.mk
include %D%/unit/local.mk
endif

include %D%/fuzz/local.mk

dist_noinst_SCRIPTS += %D%/run %D%/lint.sh %D%/layers.sh %D%/symbols.sh %D%/man.sh
EXTRA_DIST += %D%/lib %D%/e2e .ci/run
# A folder is packed as it stands, objects of this build included: make would take them for its own
dist-hook:
	find $(distdir)/tests \( -name '*.o' -o -name '*.lo' -o -name '*.la' -o -name .dirstamp \) \
	    -exec rm -f {} +
	find $(distdir)/tests \( -name .libs -o -name .deps -o -name __pycache__ \) \
	    -prune -exec rm -rf {} +

# Each condition of the judging code changed in turn: every change must fail a test
mutate: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
	/usr/bin/python3 -B $(srcdir)/tests/mutate.py
dist_noinst_SCRIPTS += %D%/mutate.py
EXTRA_DIST += %D%/mutants.py
