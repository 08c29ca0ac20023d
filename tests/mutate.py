#!/usr/bin/python3
"""Change the code that judges tokens, one condition at a time, and see that a test fails.

    make mutate                      in a folder where `make` ran
    MUTATE_FILES="jwk.c rules.c"     these alone
    MUTATE_SAMPLE=200                so many, chosen at random
    MUTATE_JOBS=2                    tests that run at once

A mutant is the source with one change: a condition negated, or always true, or always false; one
side of && or || left out; < for <=, == for !=; a number one more or one less; a return, goto,
break, continue or assignment left out; another reason. Of one file all mutants are compiled as one
object, in which the environment's WF_MUTANT chooses; only what must be constant (tables, #define)
is compiled one by one. A plug-in or a program that a test loads or starts is linked anew as well,
with the test that names it. What no test catches is printed, unless tests/mutate.allow says why it
changes nothing. Texts of errors explain and do not decide: they are left alone.

Changed code does not do what it says: as root it runs on a copy of the file system that is
forgotten after each test (tests/lib/overlay.sh), so that no mutant harms the machine, or makes the
tests of the next ones fail.
"""
import concurrent.futures
import fnmatch
import glob
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time

from mutants import find_mutants, weave

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.getcwd()

# Which tests hold which file, quickest first
TESTS = {
    "age.c": ["unit/test_age"],
    "base64.c": ["unit/test_base64", "fuzz/fuzz_base64"],
    "jwk.c": ["unit/test_jwk", "unit/test_jwk_verify", "unit/test_jwk_rfc", "unit/test_jwks"],
    "jws.c": ["unit/test_jws", "unit/test_jwks", "unit/test_verify"],
    "jwks.c": ["unit/test_jwks", "unit/test_verify"],
    "rules.c": ["unit/test_rules", "unit/test_verify"],
    "verdict.c": ["unit/test_verdict", "unit/test_verify", "unit/test_forksafe"],
    "judge.c": ["unit/test_judge", "unit/test_verify"],
    "identity.c": ["unit/test_identity_alias", "unit/test_identity", "unit/test_identity_memory",
                   "unit/test_verify"],
    "forksafe.c": ["unit/test_forksafe"],
    "keyring.c": ["unit/test_keyring", "unit/test_keyring_folder", "unit/test_keyring_threads",
                  "unit/test_keyring_many", "unit/test_judge", "unit/test_verify",
                  "unit/test_forksafe"],
    "keyring_entry.c": ["unit/test_keyring_entry", "unit/test_keyring_folder",
                        "unit/test_keyring"],
    "keyring_fetch.c": ["unit/test_keyring_fetch", "unit/test_keyring"],
    "folder.c": ["unit/test_folder", "unit/test_cachedir", "unit/test_cachedir_folder",
                 "unit/test_cachedir_calls", "unit/test_store", "unit/test_pin"],
    "anchor.c": ["unit/test_anchor", "unit/test_anchor_proc"],
    "member.c": ["unit/test_member", "unit/test_store_faults", "unit/test_store", "unit/test_pin"],
    "store.c": ["unit/test_store", "unit/test_store_faults"],
    "record.c": ["unit/test_record", "unit/test_store_faults", "unit/test_store"],
    "storefile.c": ["unit/test_store_faults", "unit/test_store", "unit/test_pin", "unit/test_stamp",
                    "unit/test_stamp_faults"],
    "pin.c": ["unit/test_store_faults", "unit/test_pin"],
    "stamp.c": ["unit/test_store_faults", "unit/test_stamp_pending", "unit/test_stamp_faults",
                "unit/test_stamp"],
    "cachedir.c": ["unit/test_cachedir", "unit/test_cachedir_folder", "unit/test_cachedir_calls"],
    "file.c": ["unit/test_file"],
    "http_deadline.c": ["unit/test_http_deadline"],
    "entry.c": ["unit/test_answer", "unit/test_keyring_entry"],
    "answer.c": ["unit/test_answer", "unit/test_machine", "unit/test_machine_threads"],
    "machine.c": ["unit/test_machine", "unit/test_token", "unit/test_machine_threads"],
    "past.c": ["unit/test_past"],
    "rlimits.c": ["unit/test_rlimits"],
    "report.c": ["unit/test_report"],
    "refresh.c": ["unit/test_refresh_change", "unit/test_refresh", "unit/test_refresh_faults"],
    "bounds.c": ["unit/test_bounds", "unit/test_bounds_shared"],
    "session.c": ["unit/test_session", "unit/test_session_faults"],
    "dialogue.c": ["unit/test_dialogue", "unit/test_session"],
    "replies.c": ["unit/test_replies"],
    "opaque.c": ["unit/test_opaque", "unit/test_opaque_kept", "unit/test_opaque_many"],
    "resume.c": ["unit/test_resume", "unit/test_account", "unit/test_silent_memory"],
    "keep.c": ["unit/test_keep", "unit/test_resume", "unit/test_silent_memory"],
    "conf_section.c": ["unit/test_conf_silent", "unit/test_conf_machine", "unit/test_conf_tokens",
                       "unit/test_conf_mistakes", "unit/test_conf"],
    "conf_flow.c": ["unit/test_conf_silent", "unit/test_conf_tokens", "unit/test_conf_machine",
                    "unit/test_conf_mistakes", "unit/test_conf"],
    "export.c": ["unit/test_export", "unit/test_export_program"],
    "visit.c": ["unit/test_visit_faults", "unit/test_visit", "unit/test_visit_memory",
                "unit/test_visit_several"],
    "account.c": ["unit/test_account", "unit/test_silent_memory"],
    "message.c": ["unit/test_message"],
    "proof.c": ["unit/test_pam_proof", "unit/test_pam_mark", "unit/test_pam_entry"],
    "mark.c": ["unit/test_pam_mark", "unit/test_pam_entry", "unit/test_pam_session"],
    "pam_workfront.c": ["unit/test_pam_entry", "unit/test_pam", "unit/test_pam_token"],
    "pam_session.c": ["unit/test_pam_session", "unit/test_pam"],
    "code.c": ["unit/test_pam_args", "unit/test_pam"],
    "args.c": ["unit/test_pam_args", "unit/test_pam"],
    "conv.c": ["unit/test_pam_conv", "unit/test_pam_entry", "unit/test_pam", "unit/test_pam_token"],
    "call.c": ["unit/test_pam_entry", "unit/test_pam"],
    "drop.c": ["unit/test_drop_calls", "unit/test_export_program", "unit/test_drop"],
    "wfauth-export.c": ["unit/test_export", "unit/test_export_program"],
}
# What make compiles, where this is not a part of common/libwfcore.la
OBJECTS = {
    "message.c": "sasl/libwfmessage_la-message.lo",
    "proof.c": "pam/proof.lo",
    "mark.c": "pam/mark.lo",
    "pam_workfront.c": "pam/pam_workfront.lo",
    "pam_session.c": "pam/pam_session.lo",
    "code.c": "pam/code.lo",
    "args.c": "pam/args.lo",
    "conv.c": "pam/conv.lo",
    "call.c": "pam/call.lo",
    "rlimits.c": "common/rlimits.lo",
    "drop.c": "common/drop.o",
    "wfauth-export.c": "common/wfauth-export.o",
}
# What a test loads or starts, and what its source calls the path of that
PRODUCTS = {
    "unit/test_pam": ("pam/pam_workfront.la", "TEST_MODULE"),
    "unit/test_pam_token": ("pam/pam_workfront.la", "TEST_MODULE"),
    "unit/test_drop": ("common/wfauth-http", "TEST_HELPER"),
    "unit/test_export": ("common/wfauth-export", "TEST_EXPORT"),
    "unit/test_export_program": ("common/wfauth-export", "TEST_EXPORT"),
}
# A read or write out of bounds, a leak or an overflow in the changed file fails its test, and what
# is read before it is written is no zero
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
PATTERN = "-ftrivial-auto-var-init=pattern"
# A fortified call whose size a mutant may change has another name (__gethostname_chk), which is not
# the one that a test wraps; and the sanitizers see more
PLAIN = "-U_FORTIFY_SOURCE"
BASELINE_RUNS = 5
OVERLAY = os.path.join(SOURCE, "tests", "lib", "overlay.sh")
# A program that a test starts has an empty environment: it looks at the arguments of the test, which
# are for everybody to read, whoever it is
CHOOSER = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
unsigned wf_mutant;
__attribute__((constructor)) static void choose(void)
{
    static const char name[] = "WF_MUTANT=";
    const char *text = getenv("WF_MUTANT");
    char path[64];
    char line[4096] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)getppid());
    int fd = text == NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    const char *found = n < 0 ? NULL : memmem(line, (size_t)n, name, strlen(name));
    if (found != NULL)
        text = found + strlen(name);
    if (fd >= 0)
        (void)close(fd);
    wf_mutant = text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);
}
"""


def make_lines(target, pretend):
    """What make would run to build target if pretend were new."""
    out = subprocess.run(["make", "-n", "V=1", "-W", pretend, target], cwd=BUILD, check=True,
                         capture_output=True, text=True).stdout
    return out.replace("\\\n", " ").split("\n")


def link_words(target, pretend):
    for line in make_lines(target, pretend):
        if "--mode=link " in line and "-o %s " % target in line:
            return shlex.split(line[line.index("--mode=link ") + len("--mode=link "):])
    sys.exit("mutate: make does not say how to link " + target)


def compile_words(target, pretend, source):
    """How source becomes an object on the way to target, but for both their names."""
    for line in make_lines(target, pretend):
        if " -c -o " in line and line.split("&&")[0].rstrip().endswith(source):
            line = line.split("--mode=compile ")[-1]
            start = line[:line.index("-DHAVE_CONFIG_H")].rpartition(";")[2]
            words = shlex.split(start + line[line.index("-DHAVE_CONFIG_H"):])
            # Behind -MT come the dependencies, the target and the source, which are ours to choose
            at = words.index("-MT")
            return [w for w in words[:at] if w != "-Werror"], words[words.index("-o") + 1]
    sys.exit("mutate: make does not say how to compile " + source)


class Module:
    """One source file under mutation."""

    def __init__(self, name, scratch):
        self.name = name
        target = OBJECTS.get(name, "common/libwfcore_la-%s.lo" % name[:-2])
        self.folder = os.path.dirname(target)
        self.path = os.path.join(SOURCE, self.folder, name)
        self.text = open(self.path).read()
        self.scratch = scratch
        self.mutants = find_mutants(self.text)
        self.tests = [t for t in TESTS[name] if os.path.exists(os.path.join(BUILD, "tests", t))]
        self.compiler, _ = compile_words(target, self.path, self.folder + "/" + name)
        self.compiler += ["-w", "-O1", "-fPIC", "-I", os.path.dirname(self.path), PATTERN, PLAIN,
                          "-DWF_SANITIZED"] + SANITIZE
        self.links = {test: self.find_links(test) for test in self.tests}

    def find_links(self, test):
        """Commands that build the test with what is changed; @OBJECTS@ is that, @TARGET@ the test.
        What the test loads or starts is changed instead where that is what holds the file."""
        source = os.path.join(SOURCE, "tests", test + ".c")
        words = link_words("tests/" + test, source)
        product, macro = PRODUCTS.get(test, (None, None))
        there = self.replace_object(words)
        if product is None or self.name not in OBJECTS:
            if not there:
                # The changed object comes first, so that the library's own is not taken out of it
                at = next(i for i, word in enumerate(words) if word.endswith(".la"))
                words[at:at] = ["./@OBJECTS@.o"]
            return [self.link_command(words)]
        made = link_words(product, self.path)
        if not self.replace_object(made):
            sys.exit("mutate: %s does not hold %s" % (product, self.name))
        compiler, original = compile_words("tests/" + test, source, "tests/%s.c" % test)
        path = "@TARGET@-" + os.path.basename(product).replace(".la", ".so")
        compiler = ["-D%s=\"%s\"" % (macro, path) if w.startswith("-D%s=" % macro) else w
                    for w in compiler]
        words = ["./@TEST@.o" if word == original else word for word in words]
        return [self.link_command(made).replace("@TARGET@", path),
                shlex.join(compiler + ["-w", "-c", "-o", "@TARGET@-test.o", source]),
                self.link_command(words).replace("./@TEST@.o", "@TARGET@-test.o")]

    def replace_object(self, words):
        stem = self.name[:-2]
        own = [i for i, word in enumerate(words)
               if re.fullmatch(r"%s/(\w+-)?%s\.l?o" % (self.folder, re.escape(stem)), word)]
        for i in own:
            words[i] = "./@OBJECTS@.o"
        return own

    @staticmethod
    def link_command(words):
        """What libtool would run; asked once, since libtool itself takes longer than the linker."""
        at = words.index("-o")
        product = words[at + 1]
        if not product.endswith(".la"):
            words[at + 1] = "@TARGET@"
        out = subprocess.run(["/bin/bash", "./libtool", "--dry-run", "--tag=CC", "--mode=link"]
                             + words[:at] + SANITIZE + words[at:], cwd=BUILD, check=True,
                             capture_output=True, text=True).stdout
        line = [w for w in out.split("\n") if re.search("@(OBJECTS|TEST)@.* -o | -o .*@(OBJECTS|TEST)@", w)][-1]
        line = line[line.index(": link: ") + 8:] if ": link: " in line else line
        line = re.sub(r" -o \S+", " -o @TARGET@", line)
        return line.replace("./@OBJECTS@.o", "@OBJECTS@")

    def compile(self, text, name):
        source = os.path.join(self.scratch, name + ".c")
        target = os.path.join(self.scratch, name + ".o")
        with open(source, "w") as file:
            file.write("extern unsigned wf_mutant;\n#line 1\n" + text)
        run = subprocess.run(self.compiler + ["-c", "-o", target, source], cwd=BUILD,
                             capture_output=True, text=True)
        return (target, "") if run.returncode == 0 else (None, run.stderr)

    def link(self, test, objects, name):
        target = os.path.join(self.scratch, name + "-" + os.path.basename(test))
        for command in self.links[test]:
            command = command.replace("@OBJECTS@", " ".join(objects))
            subprocess.run(command.replace("@TARGET@", target), shell=True, cwd=BUILD, check=True,
                           capture_output=True)
        return target


def run_test(program, number, limit):
    """True if the test passes."""
    env = dict(os.environ, WF_MUTANT=str(number), srcdir=SOURCE)
    command = [OVERLAY, BUILD, SOURCE, os.path.dirname(program), "--", program]
    if os.path.exists(program + "-test.o"):
        command.append("WF_MUTANT=%d" % number)
    process = subprocess.Popen(command, cwd=BUILD, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        return process.wait(limit) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()


def measure(module, programs):
    """Seconds that each test may take; ends the run if one fails without any change. Some times,
    since a test that fails now and then would catch what it does not see."""
    limits = []
    for program in programs:
        start = time.monotonic()
        for _ in range(BASELINE_RUNS):
            if not run_test(program, 0, 600):
                sys.exit("mutate: %s fails with %s unchanged" % (program, module.name))
        limits.append(4 * (time.monotonic() - start) / BASELINE_RUNS + 2)
    return limits


def survives(programs, limits, number):
    return all(run_test(p, number, limit) for p, limit in zip(programs, limits))


def run_woven(module, mutants, chooser, pool):
    """Mutants that share one object."""
    target, errors = module.compile(weave(module.text, mutants), module.name[:-2])
    if target is None:
        sys.exit("mutate: %s does not compile with its mutants:\n%s" % (module.name,
                                                                        errors[:3000]))
    programs = [module.link(test, [target, chooser], module.name[:-2]) for test in module.tests]
    limits = measure(module, programs)
    found = list(pool.map(lambda m: survives(programs, limits, m.number), mutants))
    for program in programs:
        if not run_test(program, 0, 600):
            sys.exit("mutate: %s fails with %s unchanged, now: a mutant left something behind" %
                     (program, module.name))
    return [m for m, alive in zip(mutants, found) if alive]


def run_alone(module, mutant, chooser):
    """A mutant that needs an object of its own; true if it survives."""
    text = module.text[:mutant.start] + mutant.text + module.text[mutant.end:]
    name = "%s-%d" % (module.name[:-2], mutant.number)
    target, _ = module.compile(text, name)
    if target is None:
        return False
    made = [target]
    try:
        for test in module.tests:
            program = module.link(test, [target, chooser], name)
            made += [program] + glob.glob(program + "-*")
            if not run_test(program, 0, 60):
                return False
        return True
    finally:
        for path in made:
            os.unlink(path)


def read_allowed():
    """{what mutates how, with * for anything: why that changes nothing}"""
    allowed = {}
    path = os.path.join(SOURCE, "tests", "mutate.allow")
    why = None
    for line in open(path) if os.path.exists(path) else []:
        if line.startswith("#"):
            why = line[1:].strip()
        elif line.strip():
            allowed[line.strip()] = why
    return allowed


def main():
    if subprocess.run([OVERLAY, BUILD, "--", "true"], check=False).returncode != 0:
        sys.exit("mutate: changed code must not run as root on the machine itself")
    names = os.environ.get("MUTATE_FILES", "").split() or list(TESTS)
    sample = int(os.environ.get("MUTATE_SAMPLE", "0"))
    jobs = int(os.environ.get("MUTATE_JOBS", "2"))
    allowed = read_allowed()
    used = set()
    total = alive = 0
    with tempfile.TemporaryDirectory(prefix="wfauth-mutate.") as scratch, \
            concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        chooser = os.path.join(scratch, "chooser.o")
        subprocess.run(["cc", "-c", "-fPIC", "-x", "c", "-", "-o", chooser], input=CHOOSER, text=True,
                       check=True)
        modules = [Module(name, scratch) for name in names]
        chosen = {id(m) for module in modules for m in module.mutants}
        if sample and sample < len(chosen):
            chosen = set(random.sample(sorted(chosen), sample))
        for module in modules:
            if not module.tests:
                print("%s: no test is built" % module.name)
                continue
            start = time.monotonic()
            mutants = [m for m in module.mutants if id(m) in chosen]
            found = run_woven(module, [m for m in mutants if not m.alone], chooser, pool)
            lone = [m for m in mutants if m.alone]
            kept = pool.map(lambda m, module=module: run_alone(module, m, chooser), lone)
            found += [m for m, lives in zip(lone, kept) if lives]
            excused = []
            for m in found:
                fits = [k for k in allowed if fnmatch.fnmatchcase(
                    m.key(module.name), re.sub(r"([?[])", r"[\1]", k))]
                used.update(fits)
                excused += [m] if fits else []
            for m in sorted(found, key=lambda m: m.line):
                if m not in excused:
                    print("SURVIVES %s/%s:%d: %s" % (module.folder, module.name, m.line, m.key(module.name)))
            total += len(mutants)
            alive += len(found) - len(excused)
            print("%s: %d mutants, %d caught, %d change nothing, %d survive (%.0f s)" % (
                module.name, len(mutants), len(mutants) - len(found), len(excused),
                len(found) - len(excused), time.monotonic() - start), flush=True)
    for key in allowed:
        if key not in used and not sample and key.split(":")[0] in names:
            print("tests/mutate.allow: caught, or gone: " + key)
    print("%d mutants, %d survive" % (total, alive))
    return 1 if alive else 0


sys.exit(main())
