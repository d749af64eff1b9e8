#!/usr/bin/env python3
"""Takes the test modules out of a package's sources, as they are.

    extract_tests.py SOURCE_DIR OUTPUT_FILE [FILE::PATH::NAME ...]

Writes one module for each source file that has tests, with what the file has
under `#[cfg(test)]` at its top level; so tests keep their names, and `crate`
means the crate that includes the output. The tests named last are left out:
those that cannot be compiled. Each module of tests sees what the crate has in
its module `looking_in`: it stands for what the package's tests see of its
insides.

Relies on the sources being formatted by rustfmt: a top-level item ends at the
first line that is a closing brace alone.
"""

import pathlib
import re
import sys


def items_under_test(lines):
    """The top-level items under `#[cfg(test)]`, each a list of lines."""
    at = 0
    while at < len(lines):
        if not re.match(r"#\[cfg\((all\()?test\b", lines[at]):
            at += 1
            continue
        start = at
        while lines[at].startswith("#["):
            at += 1
        while lines[at] != "}":
            at += 1
        at += 1
        yield lines[start:at]


def without(item, name):
    """The item without the function `name` of its module."""
    found = [i for i, line in enumerate(item) if re.match(rf"    fn {name}\(", line)]
    if len(found) != 1:
        sys.exit(f"{len(found)} tests have the name {name}")
    start = end = found[0]
    while item[start - 1].startswith("    #["):
        start -= 1
    while item[end] != "    }":
        end += 1
    return item[:start] + item[end + 1 :]


def main():
    source, output, *left_out = sys.argv[1:]
    text = ["// Extracted at test time; never to be committed."]
    for path in sorted(pathlib.Path(source).glob("*.rs")):
        items = list(items_under_test(path.read_text().splitlines()))
        if path.name == "lib.rs":
            # Its tests are in the root of the crate.
            opening, closing = [], []
        else:
            opening, closing = [f"mod {path.stem} {{"], ["}"]
        for name in left_out:
            file, module, test = name.split("::")
            if file == path.stem:
                mark = f"mod {module} {{"
                items = [without(i, test) if mark in i else i for i in items]
        if items:
            text += opening
            for line in (line for item in items for line in item):
                # A constant that only tests left out need.
                if left_out and re.match(r"    use super::[A-Z_]+;$", line):
                    continue
                text.append(line)
                if re.match(r"mod \w+ \{$", line):
                    text.append("    #[allow(unused_imports)]")
                    text.append("    use crate::looking_in::*;")
            text += closing
    pathlib.Path(output).write_text("\n".join(text) + "\n")


main()
