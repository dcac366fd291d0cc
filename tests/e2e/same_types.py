#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""same_types.py OURS THEIRS: whether two JSON files hold the same types.

OURS is by `btfc dump --format json`, THEIRS by `bpftool --json btf dump`, which
prints the values of unsigned ENUMs with their sign extended to 64 bits (its
text has them right).
"""
import json
import sys


def main():
    ours = json.load(open(sys.argv[1]))["types"]
    theirs = json.load(open(sys.argv[2]))["types"]
    for type in theirs:
        if type["kind"] == "ENUM" and type["encoding"] == "UNSIGNED":
            for value in type["values"]:
                value["val"] %= 1 << 32
    if len(ours) != len(theirs):
        sys.exit(f"{len(ours)} types instead of {len(theirs)}")
    for a, b in zip(ours, theirs):
        if a != b:
            sys.exit(f"{a} instead of {b}")
    print(len(ours), "types are the same")


main()
