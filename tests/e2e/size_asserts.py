#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""size_asserts.py JSON: C that asserts the sizes and member offsets of JSON.

JSON is by `btfc dump --format json`. Behind the header that `btfc dump --format
c` makes of the same types, the assertions hold if the header's structs have the
layout that BTF says. Types whose name is not unique are left out: in C they get
another one.
"""
import collections
import json
import sys


def main():
    types = json.load(open(sys.argv[1]))["types"]
    named = [t for t in types
             if t["kind"] in ("STRUCT", "UNION") and t["name"] != "(anon)"]
    count = collections.Counter(t["name"] for t in types
                                if t["kind"] in ("STRUCT", "UNION", "ENUM",
                                                 "ENUM64", "FWD"))
    for t in named:
        if count[t["name"]] != 1:
            continue
        tag = t["kind"].lower() + " " + t["name"]
        print(f'_Static_assert(sizeof({tag}) == {t["size"]}, "{tag}");')
        for m in t["members"]:
            if m["name"] == "(anon)" or "bitfield_size" in m:
                continue
            if m["bits_offset"] % 8:
                continue  # a bit field of an older form
            print(f'_Static_assert(__builtin_offsetof({tag}, {m["name"]}) == '
                  f'{m["bits_offset"] // 8}, "{tag}");')


main()
