"""C source to mutants, by tokens: what tests/mutate.py runs."""
import re

TOKEN = re.compile(r"""
    (?P<skip>\s+|/\*.*?\*/|//[^\n]*) |
    (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.)*) |
    (?P<string>"(?:[^"\\\n]|\\.)*") |
    (?P<char>'(?:[^'\\\n]|\\.)+') |
    (?P<number>\d(?:[\w.]|[eE][+-])*) |
    (?P<name>[A-Za-z_]\w*) |
    (?P<op><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
""", re.X | re.S | re.M)

ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
COMPARE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
# Before these no operand ends, so a following & or * is unary
OPENERS = {"(", "[", "{", ",", ";", "?", ":", "&&", "||", "!", "return", "<", ">", "<=", ">=", "==",
           "!=", "+", "-", "/", "%", "|", "^", "&", "*", "<<", ">>"} | ASSIGN
# Where the side of a comparison ends
EDGES = {",", ";", "?", ":", "&&", "||", "return", "else", "do", "case", "|", "^"} | ASSIGN
# Calls that only explain
TEXTS = {"wf_fail", "wf_err_context", "wf_log", "_Static_assert"}
TYPES = {"struct", "enum", "const", "static", "size_t", "uint8_t", "uint32_t", "uint64_t", "int",
         "int64_t", "char", "bool", "unsigned", "long", "double", "void", "uid_t", "gid_t", "mode_t",
         "pid_t", "ssize_t", "dev_t", "ino_t", "time_t", "FILE", "DIR", "regex_t"}
REASONS = {"WF_OK", "WF_TOO_LARGE", "WF_MALFORMED", "WF_ALGORITHM", "WF_ISSUER", "WF_KEY",
           "WF_SIGNATURE", "WF_TYPE", "WF_EXPIRED", "WF_NOT_YET_VALID", "WF_AUDIENCE", "WF_SCOPE",
           "WF_INACTIVE", "WF_IDENTITY", "WF_DENIED", "WF_PENDING", "WF_UNREACHABLE", "WF_CONFIG",
           "WF_INTERNAL"}
# What begins no simple statement
HEADS = {"{", "}", ";", "if", "for", "while", "do", "switch", "case", "else"}
PAIRS = {"(": ")", "[": "]", "{": "}"}


class Token:
    def __init__(self, kind, text, start):
        self.kind = kind
        self.text = text
        self.start = start
        self.end = start + len(text)
        self.mate = None  # index of the other bracket


class Mutant:
    """text[start:end] becomes self.text. boolean: the span's truth is all that counts."""

    def __init__(self, source, function, start, end, text, boolean=False, statement=False,
                 alone=False):
        self.function = function
        self.start = start
        self.end = end
        self.text = text
        self.boolean = boolean
        self.statement = statement
        self.alone = alone
        self.number = 0
        self.line = source.count("\n", 0, start) + 1
        self.twin = 1  # of those on one line that look alike
        line_end = source.find("\n", start)
        line = source[source.rfind("\n", 0, start) + 1:line_end].strip()
        self.change = "%s: %s: %s -> %s" % (function, line, " ".join(source[start:end].split()),
                                            " ".join(text.split()) or "nothing")

    def key(self, name):
        """What tests/mutate.allow calls it: without the line's number, which moves."""
        twin = " #%d" % self.twin if self.twin > 1 else ""
        return "%s: %s%s" % (name, self.change, twin)


def tokenise(source):
    tokens = []
    stack = []
    for match in TOKEN.finditer(source):
        if match.lastgroup == "skip":
            continue
        tokens.append(Token(match.lastgroup, match.group(), match.start()))
        here = len(tokens) - 1
        if match.lastgroup == "op" and match.group() in PAIRS:
            stack.append(here)
        elif match.lastgroup == "op" and match.group() in PAIRS.values():
            opener = stack.pop()
            tokens[here].mate = opener
            tokens[opener].mate = here
    return tokens


class Finder:
    def __init__(self, source):
        self.source = source
        self.tokens = tokenise(source)
        self.mutants = []
        self.function = "-"
        self.quiet = set()  # indices of tokens that are left alone

    def text(self, first, last):
        """The source of tokens first..last."""
        return self.source[self.tokens[first].start:self.tokens[last].end]

    def add(self, first, last, text, **how):
        if first in self.quiet:
            return
        self.mutants.append(Mutant(self.source, self.function, self.tokens[first].start,
                                   self.tokens[last].end, text, **how))

    # Whole file

    def run(self):
        tokens = self.tokens
        i = 0
        while i < len(tokens):
            if tokens[i].kind == "directive":
                self.directive(i)
            elif tokens[i].text == "{" and tokens[i - 1].text == ")":
                opener = tokens[i - 1].mate
                self.function = tokens[opener - 1].text
                self.body(i, tokens[i].mate, self.returns_bool(opener))
                i = tokens[i].mate
                self.function = "-"
            elif tokens[i].text == "{" and tokens[i - 1].text == "=":
                self.numbers(i, tokens[i].mate, alone=True)
                i = tokens[i].mate
            i += 1
        twins = {}
        for number, mutant in enumerate(self.mutants):
            mutant.number = number + 1
            mutant.twin = twins[mutant.change] = twins.get(mutant.change, 0) + 1
        return self.mutants

    def returns_bool(self, opener):
        i = opener - 2
        while i >= 0 and self.tokens[i].text not in (";", "}") \
                and self.tokens[i].kind != "directive":
            if self.tokens[i].text == "bool":
                return True
            i -= 1
        return False

    def directive(self, i):
        token = self.tokens[i]
        match = re.match(r"\s*#\s*define\s+\w+\s+(\d[\w]*)\s*(?:/\*.*)?$", token.text, re.S)
        if match is None:
            return
        start = token.start + match.start(1)
        end = token.start + match.end(1)
        for sign in ("+ 1", "- 1"):
            self.mutants.append(Mutant(self.source, match.group().split()[1], start, end,
                                       "(%s %s)" % (match.group(1), sign), alone=True))

    # One function

    def body(self, first, last, boolean):
        self.find_quiet(first, last)
        self.conditions(first, last)
        self.comparisons(first, last)
        self.numbers(first, last)
        self.statements(first, last, boolean)

    def find_quiet(self, first, last):
        """Texts of errors, case labels, sizes in declarations, constants of static tables."""
        tokens = self.tokens
        for i in range(first, last):
            word = tokens[i].text
            if word in TEXTS and tokens[i + 1].text == "(":
                self.quiet.update(range(i, tokens[i + 1].mate))
            elif word in ("case", "enum") and tokens[i + 1].kind == "name":
                end = i
                while word == "case" and tokens[end].text != ":":
                    end += 1
                self.quiet.update(range(i, end))
            elif word == "static":
                end = i
                while tokens[end].text != ";":
                    end = tokens[end].mate if tokens[end].text in PAIRS else end + 1
                self.quiet.update(range(i, end))
            elif word == "sizeof" and tokens[i + 1].text == "(":
                self.quiet.update(range(i, tokens[i + 1].mate))
            elif word == "[" and self.in_declaration(i):
                self.quiet.update(range(i, tokens[i].mate))

    def statement_start(self, i):
        depth = 0
        while True:
            i -= 1
            word = self.tokens[i].text
            if word in (")", "]", "}"):
                if word == "}" and depth == 0:
                    return i + 1
                i = self.tokens[i].mate
            elif word in (";", "{"):
                return i + 1
            elif word in ("(", "["):
                return i + 1

    def in_declaration(self, i):
        start = self.statement_start(i)
        first, second = self.tokens[start:start + 2]
        declares = first.text in TYPES or (first.kind == "name" and second.kind == "name" and
                                           first.text not in ("return", "else", "goto", "case"))
        return declares and not any(t.text in ASSIGN for t in self.tokens[start:i])

    def truth(self, first, last):
        """A condition: negated, true, false."""
        text = self.text(first, last)
        self.add(first, last, "!(%s)" % text, boolean=True)
        for value in ("true", "false"):
            if text not in ("true", "false"):
                self.add(first, last, value, boolean=True)

    def conditions(self, first, last):
        tokens = self.tokens
        for i in range(first, last):
            word = tokens[i].text
            if word in ("if", "while") and tokens[i + 1].text == "(":
                self.truth(i + 2, tokens[i + 1].mate - 1)
            elif word == "for" and tokens[i + 1].text == "(":
                parts = self.split(i + 2, tokens[i + 1].mate, ";")
                if len(parts) == 3 and parts[1][0] <= parts[1][1]:
                    self.truth(*parts[1])
            elif word == "?":
                self.truth(self.left_edge(i, {"?", ":", ",", ";", "return"} | ASSIGN), i - 1)
            elif word in ("&&", "||"):
                self.side(i, word)

    def side(self, i, word):
        """Both sides of && and ||: left out, negated. A side between two operators once only."""
        edges = {"?", ":", ",", ";", "return", "||"} | ASSIGN
        if word == "&&":
            edges = edges | {"&&"}
        neutral = "true" if word == "&&" else "false"
        left = self.left_edge(i, edges)
        sides = [(i + 1, self.right_edge(i, edges))]
        if self.tokens[left - 1].text != word:
            sides.append((left, i - 1))
        for first, last in sides:
            self.add(first, last, neutral, boolean=True)
            self.add(first, last, "!(%s)" % self.text(first, last), boolean=True)

    def left_edge(self, i, edges):
        i -= 1
        while True:
            word = self.tokens[i].text
            if word in (")", "]"):
                i = self.tokens[i].mate - 1
                continue
            if word in edges or word in PAIRS or word in ("}", "else", "do"):
                return i + 1
            i -= 1

    def right_edge(self, i, edges):
        i += 1
        while True:
            word = self.tokens[i].text
            if word in ("(", "[", "{"):
                i = self.tokens[i].mate + 1
                continue
            if word in edges or word in (")", "]", "}"):
                return i - 1
            i += 1

    def split(self, first, end, separator):
        parts = []
        start = i = first
        while i < end:
            if self.tokens[i].text in PAIRS:
                i = self.tokens[i].mate
            elif self.tokens[i].text == separator:
                parts.append((start, i - 1))
                start = i + 1
            i += 1
        return parts + [(start, end - 1)]

    def comparisons(self, first, last):
        for i in range(first, last):
            word = self.tokens[i].text
            if word not in COMPARE or self.tokens[i].kind != "op":
                continue
            edges = set(EDGES) | set(COMPARE)
            left = self.left_edge(i, edges)
            right = self.right_edge(i, edges)
            text = "%s %s %s" % (self.text(left, i - 1), COMPARE[word], self.text(i + 1, right))
            self.add(left, right, text, boolean=True)
            if word in ("==", "!="):
                continue
            for at in (left, right):
                name = self.tokens[at]
                if name.kind == "name" and name.text.isupper() and \
                        at in (i - 1, i + 1) and (at == left) == (at == i - 1):
                    self.shift(at)

    def shift(self, i, alone=False):
        text = self.tokens[i].text
        for sign in ("+ 1", "- 1"):
            self.add(i, i, "(%s %s)" % (text, sign), alone=alone)

    def numbers(self, first, last, alone=False):
        tokens = self.tokens
        for i in range(first, last):
            before = tokens[i - 1].text
            if tokens[i].kind in ("number", "char"):
                # {NULL, 0} is nothing, however long; [0] in a table names a place
                if not (before == "," and tokens[i - 2].text == "NULL") and \
                        not (before == "[" and alone):
                    self.shift(i, alone)
            elif tokens[i].text in REASONS and not alone:
                self.reason(i)

    def reason(self, i):
        """Another reason, but where it is only compared, or the refused start of a function."""
        before = self.tokens[i - 1].text
        after = self.tokens[i + 1].text
        if before in COMPARE or after in COMPARE:
            return
        if before == "=" and self.tokens[self.statement_start(i)].text == "enum":
            return
        other = "WF_DENIED" if self.tokens[i].text == "WF_INTERNAL" else "WF_INTERNAL"
        was = i in self.quiet
        self.quiet.discard(i)
        self.add(i, i, other)
        if was:
            self.quiet.add(i)

    def statements(self, first, last, boolean):
        """Each statement that is left out; what a function that returns bool returns."""
        tokens = self.tokens
        i = first
        while i < last:
            i += 1
            if tokens[i - 1].text not in (";", "{", "}", ")", "else", "do", ":"):
                continue
            if tokens[i - 1].text == ")" and not self.ends_head(i - 1):
                continue
            if tokens[i - 1].text == ";" and self.in_head(i - 1):
                continue
            if tokens[i - 1].text == "}" and tokens[tokens[i - 1].mate - 1].text == "struct":
                continue  # what is declared is of this type
            if tokens[i].text in HEADS:
                continue
            end = self.right_edge(i - 1, {";"}) + 1
            if tokens[end].text != ";":
                continue
            self.statement(i, end, last, boolean)

    def ends_head(self, i):
        return self.tokens[self.tokens[i].mate - 1].text in ("if", "while", "for", "switch")

    def in_head(self, i):
        """True for the semicolons of for (;;)."""
        depth = 0
        for k in range(i, -1, -1):
            word = self.tokens[k].text
            if word in (")", "]", "}"):
                depth += 1
            elif word in PAIRS:
                if depth == 0:
                    return word == "("
                depth -= 1
        return False

    def statement(self, first, end, last, boolean):
        word = self.tokens[first].text
        if word == "return" and boolean and end > first + 1:
            self.truth(first + 1, end - 1)
        if word in ("goto", "break", "continue", "return"):
            if word == "return" and end + 1 == last:
                return
            if self.tokens[first - 1].text == ")" and self.tokens[end + 1].text != "else":
                return  # the same as its condition never true
            self.drop(first, end)
        elif self.is_assignment(first, end):
            self.drop(first, end)

    def drop(self, first, end):
        self.add(first, end, "", statement=True)

    def is_assignment(self, first, end):
        tokens = self.tokens
        if tokens[first].text in TYPES or tokens[first].kind not in ("name", "op"):
            return False
        if tokens[first].kind == "name" and (tokens[first + 1].kind == "name" or
                                             tokens[first + 1].text == "*"):
            return False
        for i in range(first, end):
            if tokens[i].text in ASSIGN:
                # Forgetting a pointer is cleaning up
                return tokens[i + 1].text != "NULL"
            if tokens[i].text == "(" and i > first:
                return False
        return False


def find_mutants(source):
    return Finder(source).run()


def weave(source, mutants):
    """All mutants in one text; wf_mutant says which one is alive, 0: none."""
    groups = {}
    for mutant in mutants:
        groups.setdefault((mutant.start, mutant.end), []).append(mutant)
    spans = sorted(groups, key=lambda s: (s[0], -s[1]))

    def render(start, end, at):
        """source[start:end] with the groups from spans[at] on that lie in it; and the next."""
        out = []
        here = start
        while at < len(spans) and spans[at][0] < end:
            first, last = spans[at]
            if last > end:
                raise ValueError("spans cross: " + source[first:last])
            out.append(source[here:first])
            inner, after = render(first, last, at + 1)
            out.append(choice(inner, groups[(first, last)]))
            here = last
            at = after
        out.append(source[here:end])
        return "".join(out), at

    return render(0, len(source), 0)[0]


def choice(inner, group):
    statements = [m for m in group if m.statement]
    if statements:
        test = " && ".join("wf_mutant != %dU" % m.number for m in statements)
        return "{ if (%s) { %s } }" % (test, inner)
    boolean = any(m.boolean for m in group)
    chain = "".join("wf_mutant == %dU ? (%s) : " % (m.number, m.text) for m in group)
    return "(%s%s(%s))" % (chain, "!!" if boolean else "", inner)
