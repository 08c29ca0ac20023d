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
