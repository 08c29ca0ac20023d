# The core: listed from the bottom up. A file includes only headers of files
# above it (tests/layers.sh).
noinst_LTLIBRARIES += %D%/libwfcore.la

# tests/layers.sh reads this list
core_sources = \
	%D%/text.c %D%/text.h \
	%D%/age.c %D%/age.h \
	%D%/err.c %D%/err.h \
	%D%/buf.c %D%/buf.h \
	%D%/secret.c %D%/secret.h \
	%D%/log.c %D%/log.h \
	%D%/forksafe.c %D%/forksafe.h \
	%D%/base64.c %D%/base64.h \
	%D%/crypto.c %D%/crypto.h \
	%D%/url.c %D%/url.h \
	%D%/json.c %D%/json.h \
	%D%/json_parse.c \
	%D%/challenge.c %D%/challenge.h \
	%D%/file.c %D%/file.h \
	%D%/marker.c %D%/marker.h \
	%D%/folder.c %D%/folder.h \
	%D%/cachedir.c %D%/cachedir.h \
	%D%/qr.c %D%/qr.h \
	%D%/jwk.c %D%/jwk.h \
	%D%/jws.c %D%/jws.h \
	%D%/jwks.c %D%/jwks.h \
	%D%/user.c %D%/user.h \
	%D%/conf.c %D%/conf.h %D%/conf_internal.h \
	%D%/conf_value.c %D%/conf_value.h \
	%D%/conf_keys.c %D%/conf_keys.h \
	%D%/conf_section.c %D%/conf_section.h \
	%D%/conf_flow.c %D%/conf_flow.h \
	%D%/conf_resolve.c %D%/conf_resolve.h \
	%D%/conf_read.c \
	%D%/pem.h \
	%D%/assertion.h \
	%D%/http.c %D%/http.h \
	%D%/http_cache.c %D%/http_cache.h \
	%D%/http_frame.c %D%/http_frame.h \
	%D%/child.c %D%/child.h \
	%D%/http_helper.c %D%/http_helper_internal.h \
	%D%/export.c %D%/export.h \
	%D%/http_deadline.c %D%/http_deadline.h \
	%D%/member.c %D%/member.h \
	%D%/entry.c %D%/entry.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/answer.c %D%/answer.h \
	%D%/oidc.c %D%/oidc.h \
	%D%/keyring_entry.c %D%/keyring_entry.h \
	%D%/keyring_fetch.c %D%/keyring_fetch.h \
	%D%/keyring.c %D%/keyring.h \
	%D%/client_auth.c %D%/client_auth.h \
	%D%/grant.c %D%/grant.h \
	%D%/storefile.c %D%/storefile.h \
	%D%/record.c %D%/record.h \
	%D%/store.c %D%/store.h \
	%D%/past.c %D%/past.h \
	%D%/pin.c %D%/pin.h \
	%D%/authz.c %D%/authz.h \
	%D%/workfront.c %D%/workfront.h \
	%D%/machine.c %D%/machine.h \
	%D%/provider.c %D%/provider.h \
	%D%/report.c %D%/report.h \
	%D%/refresh.c %D%/refresh.h \
	%D%/rules.c %D%/rules.h \
	%D%/introspect.c %D%/introspect.h \
	%D%/replies.c %D%/replies.h \
	%D%/bounds.c %D%/bounds.h \
	%D%/opaque.c %D%/opaque.h \
	%D%/verdict.c %D%/verdict.h \
	%D%/judge.c %D%/judge.h \
	%D%/mapfile.c %D%/mapfile.h \
	%D%/identity.c %D%/identity.h \
	%D%/prompt.c %D%/prompt.h \
	%D%/dialogue.c %D%/dialogue.h \
	%D%/delay.c %D%/delay.h \
	%D%/anchor.c %D%/anchor.h \
	%D%/wfauth.h \
	%D%/stamp.c %D%/stamp.h \
	%D%/context.c %D%/context.h \
	%D%/keep.c %D%/keep.h \
	%D%/resume.c %D%/resume.h \
	%D%/session.c %D%/session.h \
	%D%/verify.c \
	%D%/login.c \
	%D%/account.c \
	%D%/visit.c \
	%D%/token.c \
	%D%/sasl.c

%C%_libwfcore_la_SOURCES = %D%/macros.h $(core_sources)
%C%_libwfcore_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(INIH_CFLAGS) $(QRENCODE_CFLAGS)
%C%_libwfcore_la_LIBADD = $(CRYPTO_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(QRENCODE_LIBS)

# libcurl stays out of libwfcore.la: a module takes in the whole of a libtool
# convenience library, and pam_workfront.so must not need libcurl.
noinst_LTLIBRARIES += %D%/libwfcurl.la
%C%_libwfcurl_la_SOURCES = %D%/http_curl.c %D%/http_curl.h
%C%_libwfcurl_la_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(SSL_CFLAGS)
%C%_libwfcurl_la_LIBADD = %D%/libwfjwt.la $(CURL_LIBS) $(SSL_LIBS)

# libjwt, too: version 3 brings libcurl and libssl. What signs is the door.
noinst_LTLIBRARIES += %D%/libwfjwt.la
%C%_libwfjwt_la_SOURCES = %D%/pem.c %D%/assertion.c
%C%_libwfjwt_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(JWT_CFLAGS)
%C%_libwfjwt_la_LIBADD = $(CRYPTO_LIBS) $(JWT_LIBS)

# The same as a module of ours, which programs load when their first request is due
wfauthlibdir = $(libdir)/wfauth
wfauthlib_LTLIBRARIES = %D%/wfauth-curl.la
%C%_wfauth_curl_la_SOURCES =
%C%_wfauth_curl_la_LDFLAGS = $(AM_LDFLAGS) $(WF_DEFS_LDFLAGS) -module -avoid-version -shared \
	-Wl,-z,nodelete
%C%_wfauth_curl_la_LIBADD = %D%/libwfcurl.la %D%/libwfcore.la
plugins += $(wfauthlibdir)/wfauth-curl

# Which door to take: for all but pam_workfront.so, which knows
noinst_LTLIBRARIES += %D%/libwfchoose.la
%C%_libwfchoose_la_SOURCES = %D%/http_choose.c

# The command
bin_PROGRAMS += %D%/wfauth
%C%_wfauth_SOURCES = \
	%D%/cmd.c %D%/cmd.h \
	%D%/cmd_verify.c \
	%D%/cmd_login.c \
	%D%/cmd_token.c \
	%D%/cmd_pins.c \
	%D%/keypair.c %D%/keypair.h \
	%D%/cmd_keygen.c \
	%D%/main.c
%C%_wfauth_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
%C%_wfauth_LDADD = %D%/libwfchoose.la %D%/libwfcore.la $(CRYPTO_LIBS)

# The helper program
wfauthlibexecdir = $(libexecdir)/wfauth
wfauthlibexec_PROGRAMS = %D%/wfauth-http
%C%_wfauth_http_SOURCES = %D%/drop.c %D%/drop.h %D%/wfauth-http.c
%C%_wfauth_http_LDADD = %D%/libwfcurl.la %D%/libwfcore.la

# For what it can change no plug-in has it, and for its test's sake it is a library
noinst_LTLIBRARIES += %D%/libwfrlimits.la
%C%_libwfrlimits_la_SOURCES = %D%/rlimits.c %D%/rlimits.h

# The program that refreshes
wfauthlibexec_PROGRAMS += %D%/wfauth-refresh
%C%_wfauth_refresh_SOURCES = %D%/wfauth-refresh.c
%C%_wfauth_refresh_LDADD = %D%/libwfrlimits.la %D%/libwfchoose.la %D%/libwfcore.la

# The program that writes a person's token file
wfauthlibexec_PROGRAMS += %D%/wfauth-export
%C%_wfauth_export_SOURCES = %D%/drop.c %D%/drop.h %D%/wfauth-export.c
%C%_wfauth_export_LDADD = %D%/libwfcore.la

dist_man_MANS += %D%/wfauth.1 %D%/wfauth.conf.5

# The helper's user, for systemd-sysusers(8)
sysusers_DATA = %D%/sysusers.d/wfauth.conf
