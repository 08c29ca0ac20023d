sasl_LTLIBRARIES = %D%/liboauthbearer.la

# What needs no SASL library, for the tests as well
noinst_LTLIBRARIES += %D%/libwfmessage.la
%C%_libwfmessage_la_SOURCES = \
	%D%/message.c %D%/message.h \
	%D%/code.c %D%/code.h
%C%_libwfmessage_la_CPPFLAGS = $(AM_CPPFLAGS) $(SASL_CFLAGS)

%C%_liboauthbearer_la_SOURCES = \
	%D%/option.c %D%/option.h \
	%D%/ask.c %D%/ask.h \
	%D%/side.c %D%/side.h \
	%D%/server.c %D%/server.h \
	%D%/client.c %D%/client.h \
	%D%/plugin.c
%C%_liboauthbearer_la_CPPFLAGS = $(AM_CPPFLAGS) $(SASL_CFLAGS)
%C%_liboauthbearer_la_LDFLAGS = $(AM_LDFLAGS) $(WF_DEFS_LDFLAGS) -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/%D%/liboauthbearer.map -Wl,-z,nodelete
%C%_liboauthbearer_la_LIBADD = %D%/libwfmessage.la common/libwfchoose.la common/libwfcore.la
%C%_liboauthbearer_la_DEPENDENCIES = %D%/libwfmessage.la common/libwfchoose.la common/libwfcore.la \
	%D%/liboauthbearer.map
EXTRA_DIST += %D%/liboauthbearer.map

plugins += $(sasldir)/liboauthbearer
dist_man_MANS += %D%/oauthbearer.8
