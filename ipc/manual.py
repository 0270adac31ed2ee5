#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the manual page io.aziotd(7) of the interface files: every method, type, field, error and comment in them.

usage: manual.py OUTPUT VERSION INPUT...
"""

import pathlib
import re
import sys
import textwrap

HEAD = r""".\" SPDX-License-Identifier: MIT
.\" Made by ipc/manual.py from the interface files.
.Dd November 22, 2026
.Dt IO.AZIOTD 7
.Os aziotd %s
.Sh NAME
.Nm io.aziotd
.Nd what programs and aziotd say to each other
.Sh DESCRIPTION
Programs use the cloud session of
.Xr aziotd 8
over a Unix stream socket,
.Pa /run/aziotd/socket ,
by the Varlink protocol
.Pq Lk https://varlink.org :
each message is a JSON object that ends with a NUL byte.
A call has a method, its parameters, and
.Ql more
if it wants more than one reply; with
.Ql oneway
it wants none.
Replies come in the order of the calls.
.Bd -literal -offset indent
{"method":"io.aziotd.twin.Report","parameters":{"patch":{"on":true}}}
{"parameters":{"version":7}}
.Ed
.Pp
Instead of its result a call may have an error, with parameters of its own:
.Bd -literal -offset indent
{"error":"io.aziotd.twin.TwinFull","parameters":{"limitBytes":32768}}
.Ed
.Pp
A
.Ql \&?
marks a member that may be absent or null,
.Ql []
an array, and
.Ql [string]
an object whose members have any names; what stands in parentheses is one of
these words.
.Ql object
is any JSON object, which goes through byte for byte.
Members that are not known are refused in a call, by
.Ql org.varlink.service.InvalidParameter ,
and are to be ignored in a reply: there may be new ones.
Every interface may reply with the errors of
.Ql org.varlink.service
and with
.Ql io.aziotd.device.OutOfMemory .
.Pp
.Xr aziot 1
calls any method from the command line,
.Xr libaziot 3
from C.
The daemon describes its interfaces itself, by
.Ql org.varlink.service.GetInterfaceDescription .
"""

TAIL = r""".Sh FILES
.Bl -tag -width Ds
.It Pa /run/aziotd/socket
Where the daemon listens.
Root, its own user, and the group
.Ql aziot
may connect;
.Xr aziotd.conf 5 ,
section
.Ql [Access] ,
says who may call what.
.El
.Sh EXAMPLES
.Bd -literal
aziot call io.aziotd.telemetry.Send '{"message":{"text":"hello"}}'
aziot call --more io.aziotd.twin.Watch
printf '{"method":"io.aziotd.device.GetStatus"}\e0' |
        socat - UNIX:/run/aziotd/socket
.Ed
.Sh SEE ALSO
.Xr aziot 1 ,
.Xr libaziot 3 ,
.Xr aziotd.conf 5 ,
.Xr aziotd 8
"""

# Columns of a declaration, which is indented by 5 and 6 more.
WIDTH = 68


def escape(text):
    """Text that means nothing but itself to the formatter."""
    text = text.replace("\\", "\\e")
    return "\\&" + text if text[:1] in (".", "'") else text


def code(text):
    return escape(text).replace("-", "\\-")


def paragraphs(comment):
    """The lines of a comment as requests: sentences on lines of their own, as is the custom, and paragraphs apart."""
    lines = []
    for number, paragraph in enumerate(re.split(r"\n\n+", "\n".join(comment).strip())):
        if number > 0:
            lines.append(".Pp")
        sentences = re.split(r"(?<=[.?!]) (?=[A-Z('])", " ".join(paragraph.split()))
        lines += [escape(line) for sentence in sentences for line in textwrap.wrap(sentence, 78, break_on_hyphens=False)]
    return lines


def split(text):
    """Splits at the commas that no parentheses enclose."""
    parts, depth = [""], 0
    for c in text:
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [" ".join(part.split()) for part in parts if part.strip()]


def fold(declaration):
    """A declaration on lines that fit; the result of a method begins one."""
    if len(declaration) <= WIDTH:
        return [declaration]
    lines = []
    for number, part in enumerate(re.split(r" (?=-> )", declaration.replace(": ", ":\0"))):
        lines += textwrap.wrap(part, WIDTH, initial_indent="    " if number else "",
                               subsequent_indent="        " if number else "    ", break_long_words=False)
    return [line.replace("\0", " ") for line in lines]


class Definition:
    """A type, method or error: its comment, its text without comments, and its fields with theirs."""

    def __init__(self, comment, lines):
        self.comment, self.fields = comment, []
        self.kind, self.name = re.match(r"(type|method|error) (\w+)", lines[0]).groups()
        text, pending = "", []
        for line in lines:
            if line.strip().startswith("#"):
                pending.append(line.strip()[1:].strip())
                continue
            inner = line.strip()
            if line.startswith(" ") and inner not in (") -> (", ")"):
                for field in split(inner):
                    self.fields.append((field, pending))
                    pending = []
            text += " " + inner
        # As one would write it on one line.
        self.text = re.sub(r"\( | \)", lambda m: m[0].strip(), " ".join(text.split()))

    def requests(self):
        is_type = self.kind == "type"
        yield f".Ss {self.kind} {self.name}"
        if not (is_type and self.fields):
            yield ".Bd -literal -offset indent"
            yield from map(code, fold(self.text))
            yield ".Ed"
            yield ".Pp"
        yield from paragraphs(self.comment) if self.comment else ()
        fields = [(field, comment) for field, comment in self.fields if is_type or comment]
        if fields:
            yield ".Bl -tag -width Ds -offset indent" + (" -compact" if is_type else "")
            for field, comment in fields:
                yield f".It Li {code(field)}"
                yield from paragraphs(comment)
            yield ".El"


def parse(text):
    """Yields the comment and name of an interface, then its definitions."""
    comment, lines, depth = [], [], 0
    for line in text.splitlines():
        if not lines and line.startswith("#"):
            comment.append(line[1:].strip())
        elif not lines and line.startswith("interface "):
            yield comment, line.split()[1]
            comment = []
        elif lines or line.strip():
            lines.append(line)
            depth += 0 if line.strip().startswith("#") else line.count("(") - line.count(")")
            if depth == 0:
                yield Definition(comment, lines)
                comment, lines = [], []
        else:
            comment = []


def main():
    output, version, inputs = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    lines = [(HEAD % version).rstrip()]
    for path in inputs:
        (comment, name), *definitions = parse(pathlib.Path(path).read_text(encoding="ascii"))
        lines.append(f".Sh {name}")
        lines += paragraphs(comment)
        for definition in definitions:
            lines += definition.requests()
    output.write_text("\n".join(lines) + "\n" + TAIL, encoding="ascii")


if __name__ == "__main__":
    main()
