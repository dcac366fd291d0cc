#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""independent_diff.py A B DIFF: whether DIFF is what changed from A to B.

A and B are by `btfc dump --format json`, DIFF by `btfc diff --json`. Nothing of
the comparison is shared with btfc: this builds a value of tuples for each type,
and compares those.
"""
import collections
import json
import sys

COMPOSITES = ("STRUCT", "UNION")
ENUMS = ("ENUM", "ENUM64")
NUMBERS = {}  # each value of a type to a number, the same for both files


class Btf:
    def __init__(self, path):
        self.types = {t["id"]: t for t in json.load(open(path))["types"]}
        self.memo = {0: -1}
        used = set()
        self.tags = collections.defaultdict(list)
        for t in self.types.values():
            for key in ("type_id", "ret_type_id"):
                used.add(t.get(key))
            for key in ("members", "params", "vars"):
                used.update(part["type_id"] for part in t.get(key, ()))
            if t["kind"] == "DECL_TAG" and t["component_idx"] == -1:
                self.tags[t["type_id"]].append(t["name"])
        # (class, name) -> forms, in the order of ids
        self.named = collections.defaultdict(list)
        for t in self.types.values():
            self.collect(t, t["id"] in used)
        funcs = {}
        for t in self.types.values():
            if t["kind"] == "FUNC":
                funcs.setdefault(t["name"], t)
        self.kfuncs = {}
        for id, tags in self.tags.items():
            t = self.types.get(id)
            if t is not None and t["kind"] == "FUNC" and "bpf_kfunc" in tags:
                self.kfuncs[t["name"]] = self.prototype(funcs[t["name"]])

    def of(self, id):
        """A type where it is used."""
        if id in self.memo:
            return self.memo[id]
        t = self.types[id]
        kind, name = t["kind"], t["name"]
        if kind in COMPOSITES + ENUMS + ("FWD",) and name != "(anon)":
            word = t.get("fwd_kind", "enum" if kind in ENUMS else kind.lower())
            value = (word, name)
        elif kind in COMPOSITES:
            value = (kind, t["size"], tuple(
                (m["name"], self.of(m["type_id"]), m["bits_offset"],
                 m.get("bitfield_size", 0)) for m in t["members"]))
        elif kind in ENUMS:
            value = ("enum", t["size"], self.values(t))
        elif kind == "ARRAY":
            value = (kind, self.of(t["type_id"]), t["nr_elems"])
        elif kind == "FUNC_PROTO":
            value = (kind, self.of(t["ret_type_id"]),
                     tuple(self.of(p["type_id"]) for p in t["params"]))
        elif kind == "TYPE_TAG":
            value = (kind, name, self.of(t["type_id"]))
        elif kind in ("PTR", "CONST", "VOLATILE", "RESTRICT"):
            value = (kind, self.of(t["type_id"]))
        else:
            value = name
        self.memo[id] = NUMBERS.setdefault(value, len(NUMBERS))
        return self.memo[id]

    def values(self, t):
        return tuple((v["name"], v["val"] - (1 << 64) if v["val"] >> 63 > 0
                      else v["val"]) for v in t["values"])

    def members(self, t, prefix="", offset=0):
        """(name, type, bit offset, bit field size), nameless ones resolved."""
        for m in t["members"]:
            at = offset + m["bits_offset"]
            inner = self.types.get(m["type_id"])
            if inner and inner["kind"] in COMPOSITES and inner["name"] == "(anon)":
                named = "" if m["name"] == "(anon)" else m["name"] + "."
                yield from self.members(inner, prefix + named, at)
            else:
                name = "" if m["name"] == "(anon)" else m["name"]
                yield (prefix + name, self.of(m["type_id"]), at,
                       m.get("bitfield_size", 0))

    def prototype(self, t):
        proto = self.types[t["type_id"]]
        return (t["linkage"], self.of(proto["ret_type_id"]), tuple(
            (p["name"], self.of(p["type_id"])) for p in proto["params"]))

    def collect(self, t, used):
        kind, name = t["kind"], t["name"]
        tags = tuple(sorted(self.tags.get(t["id"], ())))
        if kind in ENUMS and name == "(anon)" and not used:
            for value in self.values(t):
                self.named["constant", value[0]].append(value[1])
            return
        if name == "(anon)":
            return
        if kind in COMPOSITES:
            cls = kind.lower()
            form = (t["size"], tags, frozenset(self.members(t)))
        elif kind == "FWD":
            cls, form = t["fwd_kind"], None
        elif kind in ENUMS:
            cls, form = "enum", (t["size"], tags, frozenset(self.values(t)))
        elif kind == "TYPEDEF":
            cls = "typedef"
            target = self.types.get(t["type_id"])
            if target and target["name"] == "(anon)" and target["kind"] in COMPOSITES:
                form = (target["kind"], target["size"], tags,
                        frozenset(self.members(target)))
            elif target and target["name"] == "(anon)" and target["kind"] in ENUMS:
                form = (target["size"], tags, frozenset(self.values(target)))
            else:
                form = (self.of(t["type_id"]), tags)
        elif kind == "INT":
            cls, form = "type", (t["size"], t["encoding"], t["nr_bits"])
        elif kind == "FLOAT":
            cls, form = "type", t["size"]
        elif kind == "FUNC":
            cls, form = "function", (self.prototype(t), tags)
        elif kind == "VAR":
            cls, form = "variable", (t["linkage"], self.of(t["type_id"]), tags)
        else:
            return
        self.named[cls, name].append(form)

    def forms(self, key):
        forms = list(dict.fromkeys(self.named.get(key, ())))
        defined = [f for f in forms if f is not None]
        return defined or forms


def member_changes(a, b):
    """Of two lists of members without a name twice: name -> what changed."""
    a, b = {m[0]: m[1:] for m in a}, {m[0]: m[1:] for m in b}
    changes = {}
    for name in a.keys() | b.keys():
        if name not in a:
            changes[name] = "added"
        elif name not in b:
            changes[name] = "removed"
        elif a[name] != b[name]:
            changes[name] = tuple(x != y for x, y in zip(a[name], b[name]))
    return changes


def reported_members(change):
    reported = {}
    for m in change.get("members", ()):
        if "a" not in m or "b" not in m:
            reported[m["name"]] = "added" if "b" in m else "removed"
        else:
            a, b = m["a"], m["b"]
            reported[m["name"]] = (
                a["type"] != b["type"], a["bits_offset"] != b["bits_offset"],
                a.get("bitfield_size") != b.get("bitfield_size"))
    return reported


def main():
    a, b = Btf(sys.argv[1]), Btf(sys.argv[2])
    diff = json.load(open(sys.argv[3]))
    expected = collections.Counter()
    members = {}
    for key in a.named.keys() | b.named.keys():
        ours, theirs = a.forms(key), b.forms(key)
        if ours == theirs:
            continue
        only_a = [f for f in ours if f not in theirs]
        only_b = [f for f in theirs if f not in ours]
        pairs = min(len(only_a), len(only_b))
        for what, count in (("changed", pairs),
                            ("removed", len(only_a) - pairs),
                            ("added", len(only_b) - pairs)):
            if count:
                expected[key + (what,)] += count
        if key[0] in ("struct", "union") and pairs == 1 and \
                len(only_a) == len(only_b) and None not in only_a + only_b:
            lists = [form[2] for form in only_a + only_b]
            if all(len({m[0] for m in l}) == len(l) for l in lists):
                members[key] = member_changes(*lists)
    for name in a.kfuncs.keys() | b.kfuncs.keys():
        if a.kfuncs.get(name) != b.kfuncs.get(name):
            expected["kfunc", name, "removed" if name not in b.kfuncs else
                     "added" if name not in a.kfuncs else "changed"] += 1

    found = collections.Counter(
        (c["class"], c["name"], c["change"]) for c in diff["changes"])
    if found != expected:
        sys.exit(f"not found: {list((expected - found).items())[:5]}, "
                 f"not expected: {list((found - expected).items())[:5]}")
    if diff["same"] != (not expected):
        sys.exit("`same` is wrong")
    for c in diff["changes"]:
        key = (c["class"], c["name"])
        if c["change"] == "changed" and key in members:
            if reported_members(c) != members.pop(key):
                sys.exit(f"members of {key} differ: {c}")
    if members:
        sys.exit(f"members not compared: {list(members)[:5]}")
    print(sum(expected.values()), "changes agree")


main()
