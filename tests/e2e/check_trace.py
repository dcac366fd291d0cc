#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a trace of btfc as a program that shows it would read it.

usage: check_trace.py FILE MODULES daemon|local STAGE...

Of MODULES modules: events of a track nest, waiting has a beginning and an end,
each module has each STAGE, the events cover the batch's time, and the daemon's
lie within it. Says how many events there are.
"""
import collections
import json
import sys

# Microseconds.
SLACK = 0.01  # numbers have three digits behind the point
PREEMPTED = 20_000  # the client may lose its processor between two events


def fail(why):
    sys.exit(f"trace: {why}")


def check_nesting(events):
    tracks = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append(event)
    for track, own in tracks.items():
        own.sort(key=lambda e: (e["ts"], -e["dur"]))
        open_until = []
        for event in own:
            end = event["ts"] + event["dur"]
            while open_until and open_until[-1] <= event["ts"] + SLACK:
                open_until.pop()
            if open_until and end > open_until[-1] + SLACK:
                fail(f"{event['name']} at {event['ts']} does not nest on {track}")
            open_until.append(end)


def check_waiting(events):
    begun = {}
    for event in events:
        if event["ph"] == "b":
            begun[event["cat"], event["id"]] = event
        elif event["ph"] == "e":
            start = begun.pop((event["cat"], event["id"]))
            if event["ts"] < start["ts"] or event["name"] != start["name"]:
                fail(f"{event['name']} ends before it begins")
    if begun:
        fail(f"{len(begun)} that were waited for do not end")


def covered(intervals):
    total, reached = 0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def main():
    path, modules, where, *stages = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    check_nesting(events)
    check_waiting(events)

    batches = [e for e in events if e["name"] == "batch"]
    if len(batches) != 1:
        fail(f"{len(batches)} batches")
    start, length = batches[0]["ts"], batches[0]["dur"]
    timed = [e for e in events if e["ph"] in "Xbe"]
    for event in timed:
        end = event["ts"] + event.get("dur", 0)
        if event["ts"] < start - SLACK or end > start + length + SLACK:
            fail(f"{event['cat']}: {event['name']} is not within the batch")
    client = [e for e in timed if e["cat"] == "client" and e["ph"] == "X"]
    within = covered(
        (e["ts"], e["ts"] + e["dur"]) for e in client if e["name"] != "batch"
    )
    share = within / length
    if share < 0.9 and length - within > PREEMPTED:
        fail(f"events cover {share:.0%} of the batch, {length:.0f} us")

    of_module = collections.defaultdict(set)
    for event in timed:
        if "args" in event:
            of_module[event["args"]["module"]].add(
                f"{event['cat']}:{event['name']}")
    if len(of_module) != int(modules):
        fail(f"{len(of_module)} modules")
    for module, seen in of_module.items():
        missing = set(stages) - seen
        if missing:
            fail(f"{module} lacks {sorted(missing)}")
    daemon = sum(e["cat"] == "daemon" for e in timed)
    if (daemon != 0) != (where == "daemon"):
        fail(f"{daemon} events of a daemon")
    print(f"{len(timed)} events, {daemon} of the daemon, cover {share:.1%}")


main()
