EXTRA_DIST += %D%/callback/index.html %D%/conf
dist_noinst_SCRIPTS += %D%/demo %D%/demo-world.sh
EXTRA_DIST += %D%/demo-person.py

# The sandbox: a program for tests and demonstrations, never installed. It includes nothing of
# common/, so its preprocessor flags leave that folder out.
if HAVE_SANDBOX
noinst_PROGRAMS += %D%/sandbox/wfauth-sandbox
endif
%C%_sandbox_wfauth_sandbox_SOURCES = \
	%D%/sandbox/text.c %D%/sandbox/text.h \
	%D%/sandbox/crypto.c %D%/sandbox/crypto.h \
	%D%/sandbox/file.c %D%/sandbox/file.h \
	%D%/sandbox/db.c %D%/sandbox/db.h \
	%D%/sandbox/user.c %D%/sandbox/user.h \
	%D%/sandbox/app.c %D%/sandbox/app.h \
	%D%/sandbox/key.c %D%/sandbox/key.h \
	%D%/sandbox/grant.c %D%/sandbox/grant.h \
	%D%/sandbox/fault.c %D%/sandbox/fault.h \
	%D%/sandbox/cert.c %D%/sandbox/cert.h \
	%D%/sandbox/request.c %D%/sandbox/request.h \
	%D%/sandbox/record.c %D%/sandbox/record.h \
	%D%/sandbox/page.c %D%/sandbox/page.h \
	%D%/sandbox/handlers.h \
	%D%/sandbox/authorize.c \
	%D%/sandbox/issue.c %D%/sandbox/issue.h \
	%D%/sandbox/token.c \
	%D%/sandbox/jwt.c \
	%D%/sandbox/api.c \
	%D%/sandbox/callback.c \
	%D%/sandbox/exchange.c %D%/sandbox/exchange.h \
	%D%/sandbox/server.c %D%/sandbox/server.h \
	%D%/sandbox/cli.c %D%/sandbox/cli.h \
	%D%/sandbox/cmd_serve.c \
	%D%/sandbox/cmd_clock.c \
	%D%/sandbox/cmd_user.c \
	%D%/sandbox/cmd_entity.c \
	%D%/sandbox/cmd_app.c \
	%D%/sandbox/cmd_secret.c \
	%D%/sandbox/cmd_key.c \
	%D%/sandbox/cmd_grant.c \
	%D%/sandbox/cmd_fault.c \
	%D%/sandbox/cmd_requests.c \
	%D%/sandbox/form.c %D%/sandbox/form.h \
	%D%/sandbox/cmd_sign_in.c \
	%D%/sandbox/main.c
%C%_sandbox_wfauth_sandbox_CPPFLAGS = $(WF_CPPFLAGS) \
	-DSB_CALLBACK_PAGE='"$(abs_top_srcdir)/examples/callback/index.html"'
%C%_sandbox_wfauth_sandbox_CFLAGS = $(WF_CFLAGS) $(SANDBOX_CFLAGS) -pthread
%C%_sandbox_wfauth_sandbox_LDADD = $(SANDBOX_LIBS) -lpthread
