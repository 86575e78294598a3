#!/usr/bin/env python3
"""Fails when docs/guarantees.md names a test that does not exist.

usage: check_guarantees.py SOURCE_DIR
"""

import pathlib
import re
import sys

DECLARED = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
NAMED = re.compile(r"`([A-Z]\w+\.[A-Z]\w+)`")


def main():
    source = pathlib.Path(sys.argv[1])
    declared = set()
    for path in (source / "tests").rglob("*_test.cc"):
        declared |= {f"{suite}.{name}" for suite, name in DECLARED.findall(path.read_text())}
    named = NAMED.findall((source / "docs/guarantees.md").read_text())
    missing = sorted(set(named) - declared)
    for name in missing:
        print(f"docs/guarantees.md names {name}, which no test declares")
    print(f"{len(set(named))} tests named, {len(missing)} missing")
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main())
