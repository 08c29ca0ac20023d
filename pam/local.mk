security_LTLIBRARIES = %D%/pam_workfront.la
securitydir = $(pamdir)

%C%_pam_workfront_la_SOURCES = \
	%D%/code.c %D%/code.h \
	%D%/args.c %D%/args.h \
	%D%/conv.c %D%/conv.h \
	%D%/call.c %D%/call.h \
	%D%/proof.c %D%/proof.h \
	%D%/mark.c %D%/mark.h \
	%D%/pam_session.c \
	%D%/pam_workfront.c
%C%_pam_workfront_la_LDFLAGS = $(AM_LDFLAGS) $(WF_DEFS_LDFLAGS) -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/%D%/pam_workfront.map -Wl,-z,nodelete
%C%_pam_workfront_la_LIBADD = common/libwfcore.la $(PAM_LIBS)
%C%_pam_workfront_la_DEPENDENCIES = common/libwfcore.la %D%/pam_workfront.map
EXTRA_DIST += %D%/pam_workfront.map
# The profiles of Debian's pam-auth-update(8). The session is one of its own: it belongs behind
# pam_systemd, and a profile has one place for all phases.
pamconfigsdir = $(datadir)/pam-configs
dist_pamconfigs_DATA = %D%/pam-configs/workfront %D%/pam-configs/workfront-session
dist_man_MANS += %D%/pam_workfront.8

plugins += $(pamdir)/pam_workfront
