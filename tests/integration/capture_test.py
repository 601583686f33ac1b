#!/usr/bin/env python3
"""`weft-proxy capture` in a network namespace of its own: it writes, replaces and removes its own table, and never
somebody else's that only has its name."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases, nftables, programs  # noqa: E402
from tests.support.cases import case, check, equal  # noqa: E402


def capture(*flags):
    return subprocess.run([programs.weft_proxy(), "capture", *flags], capture_output=True, text=True, check=False,
                          timeout=20)


def has_table(family):
    try:
        nftables.run(f"list table {family} weft\n")
    except OSError:
        return False
    return True


class Table:
    """A table of somebody else, for as long as the case runs."""

    def __init__(self, family, text):
        self._family, self._text = family, text

    def __enter__(self):
        nftables.run(f"table {self._family} weft {{\n{self._text}\n}}\n")
        return self

    def __exit__(self, kind, value, trace):
        nftables.run(f"add table {self._family} weft\ndelete table {self._family} weft\n")


def started(t, done):
    if "CAP_NET_ADMIN" in done.stderr or "this kernel lacks" in done.stderr:
        t.skip(done.stderr.strip())
    return done


@case
def own_table_is_replaced_and_removed(t):
    t.weft_only("our own command")
    t.start(Table("inet", ""))  # an empty one is nobody's
    for flags in ((), ("--exclude-outbound-ports", "25,80-90"), ("--ipv4-only",)):
        done = started(t, capture(*flags))
        equal(done.returncode, 0, f"exit code of capture {flags} ({done.stderr})")
    check(has_table("ip") and not has_table("inet"), "--ipv4-only did not replace the table of both families")
    equal(capture("--undo").returncode, 0, "exit code of --undo")
    check(not has_table("ip"), "the table is still there")
    equal(capture("--undo").returncode, 0, "exit code of a second --undo")


@case
def table_of_somebody_else_is_left_alone(t):
    t.weft_only("our own command")
    started(t, capture("--undo"))
    for family in ("inet", "ip"):
        with Table(family, " chain filter {\n type filter hook input priority 0\n tcp dport 23 drop\n }"):
            for flags in ((), ("--undo",)):
                done = capture(*flags)
                equal(done.returncode, 1, f"exit code of capture {flags}")
                check(f"table {family} weft is not one that weft-proxy capture wrote" in done.stderr and
                      f"nft delete table {family} weft" in done.stderr, f"said {done.stderr!r}")
            check(has_table(family), "the table is gone")


cases.main(__file__)
