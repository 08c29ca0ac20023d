"""The README as a list of recipes: its fenced blocks, each of which is taken once and then carried out.

A block holds files, commands or a transcript. A line "# /path" begins a file; "# /path, above LINE" (or
below, instead of, at the end) begins lines for one that exists. A line "$ COMMAND" is a command. A block
that begins otherwise is a transcript: "…" in it stands for anything.
"""

import os
import re

from harness import expect

FILE = re.compile(r'# (/\S+?)(?:, (above|below|instead of) "(.+)"|, (at the end))?$')


class Block:
    """One fenced block, below its headings."""

    def __init__(self, section, number, lines):
        self.section = section
        self.number = number
        self.lines = lines
        self.taken = False

    def __str__(self):
        return "line %d (%s): %s" % (self.number, self.section, self.lines[0])

    def commands(self):
        expect(all(line.startswith("$ ") for line in self.lines), "not only commands in", self)
        return [line[2:] for line in self.lines]

    def files(self):
        """[(path, how or None, at which line, [line])]"""
        found = []
        for line in self.lines:
            head = FILE.match(line)
            if head:
                found.append((head.group(1), head.group(2) or head.group(4), head.group(3), []))
            else:
                expect(found, "no path at the beginning of", self)
                found[-1][3].append(line)
        return found

    def text(self):
        return "\n".join(self.lines) + "\n"

    def pattern(self):
        """A transcript as a regular expression."""
        return re.escape("\n".join(self.lines)).replace("…", ".*")


class Readme:
    """Blocks in their order; take() gives each out once."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.blocks = []
        self.sections = {}
        self._parse()

    def _parse(self):
        section, block = "", None
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.startswith("```"):
                if block is None:
                    block = Block(section, number + 1, [])
                else:
                    self.blocks.append(block)
                    block = None
            elif block is not None:
                block.lines.append(line)
            elif line.startswith("#"):
                section = line.lstrip("# ")
                self.sections[section] = []
            else:
                self.sections.setdefault(section, []).append(line)
        expect(block is None, "a fence is open at the end of the README")

    def take(self, section):
        """The next block of the section whose heading begins with this."""
        for block in self.blocks:
            if block.section.startswith(section) and not block.taken:
                block.taken = True
                return block
        raise AssertionError("the README has no further recipe in " + section)

    def prose(self, section):
        """The text of a section without its blocks."""
        for heading, lines in self.sections.items():
            if heading.startswith(section):
                return "\n".join(lines)
        raise AssertionError("the README has no section " + section)

    def left(self):
        return [str(block) for block in self.blocks if not block.taken]


def put(path, how, mark, lines):
    """Write a file of a recipe, or put its lines where the recipe says."""
    text = "".join(line + "\n" for line in lines)
    if how is None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    with open(path, encoding="utf-8") as file:
        old = file.read()
    if how == "at the end":
        new = old + "\n" + text
    else:
        expect(("\n" + old).count("\n" + mark + "\n") == 1, "not once in", path, ":", mark)
        place = mark + "\n"
        new = old.replace(place, {"above": text + place, "below": place + text, "instead of": text}[how])
    with open(path, "w", encoding="utf-8") as file:
        file.write(new)
