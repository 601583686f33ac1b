#!/usr/bin/env python3
"""The runner itself: what it counts, and that nothing outlives a test."""

import contextlib
import io
import os
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.runner import bazel, scripts  # noqa: E402
from tests.runner import tally as words  # noqa: E402
from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402


def run_script(text, seconds=60):
    """What the runner makes of a test file with this text."""
    tally = words.Tally()
    with tempfile.NamedTemporaryFile("w", suffix="_test.py") as file:
        file.write(text)
        file.flush()
        before, scripts.FILE_SECONDS = scripts.FILE_SECONDS, seconds
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                scripts.run(file.name, tally)
        finally:
            scripts.FILE_SECONDS = before
        return [(word, name.replace(file.name, "FILE"), why) for word, name, why in tally.entries]


def read_xml(text):
    tally = words.Tally()
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(text)
        file.flush()
        bazel._add_cases(tally, "//a:b", ("PASSED" if "<failure" not in text else "FAILED", [file.name]))
    return tally.entries


@case
def lines_of_a_script_become_entries(_):
    equal(run_script("print('PASS a.b')\nprint('noise')\nprint('SKIP a.c: no envoy')"),
          [("PASS", "a.b", ""), ("SKIP", "a.c", "no envoy")], "entries")


@case
def script_that_dies_is_a_failure(_):
    equal(run_script("print('PASS a.b', flush=True)\nimport os\nos.abort()")[1][:2], ("FAIL", "FILE"), "entry")
    equal(run_script("")[0], ("FAIL", "FILE", "ran no case"), "entry")
    equal(run_script("print('FAIL a.b: x')")[1][:2], ("FAIL", "FILE"), "status 0 although a case failed")


@case
def nothing_outlives_a_test(_):
    """A daemon in a session of its own, which no process group reaches, is gone as well."""
    if os.environ.get("WEFT_NAMESPACES_LACK"):
        raise cases.Skip("no pid namespaces here: " + os.environ["WEFT_NAMESPACES_LACK"])
    mark = f"weft-runner-{uuid.uuid4()}"
    start = f"import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 1000; : {mark}'], start_new_session=True)\n"
    run_script(start + "print('PASS a.b')")
    equal(run_script(start + "import time\ntime.sleep(1000)", seconds=0.5)[0], ("FAIL", "FILE", "stopped after 0.5 s"), "late")

    def gone():
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
                if mark in file.read():
                    return False
        return True

    wait_until(gone, "the daemons are gone")


@case
def test_xml_is_read_case_by_case(_):
    equal(read_xml("""<testsuites><testsuite name="S">
        <testcase name="A" classname="S" status="run"/>
        <testcase name="B" classname="S" status="run"><failure message="Expected 1"/></testcase>
        <testcase name="C" classname="S" status="run"><skipped message="a.cc:1&#x0A;no IPv6 here"/></testcase>
        <testcase name="F" classname="S" status="notrun"/>
        </testsuite></testsuites>"""),
          [("PASS", "//a:b S.A", ""), ("FAIL", "//a:b S.B", "Expected 1"), ("SKIP", "//a:b S.C", "a.cc:1 no IPv6 here")],
          "entries")


@case
def what_did_not_run_is_not_green(_):
    equal(read_xml("<testsuites/>"), [("FAIL", "//a:b", "no test case ran")], "empty")
    check(read_xml("<testsui")[0][0] == "FAIL", "unreadable")
    tally = words.Tally()
    bazel._add_cases(tally, "//a:b", None)
    bazel._add_cases(tally, "//a:c", ("TIMEOUT", []))
    tally.add("SKIP", "x")
    equal(tally.entries, [("FAIL", "//a:b", "did not build"), ("FAIL", "//a:c", "timeout outside of any test case"),
                          ("FAIL", "x", "skipped without a reason")], "entries")


@case
def sanitizer_report_of_a_program_is_a_failure(_):
    tally = words.Tally()
    with tempfile.TemporaryDirectory() as reports:
        with open(os.path.join(reports, "report.7"), "w", encoding="utf-8") as file:
            file.write("====\n==7==ERROR: AddressSanitizer: heap-use-after-free\n")
        with contextlib.redirect_stdout(io.StringIO()):
            scripts.take_reports("FILE", reports, tally)
        equal(os.listdir(reports), [], "reports left")
    equal(tally.entries, [("FAIL", "FILE:report.7", "==7==ERROR: AddressSanitizer: heap-use-after-free")], "entries")


@case
def last_line_is_the_sum(_):
    tally = words.Tally()
    for word, why in (("PASS", ""), ("SKIP", "no envoy"), ("PASS", "")):
        tally.add(word, "n", why)
    equal(list(tally.lines()), ["SKIP n: no envoy", "2 passed, 0 failed, 1 skipped"], "lines")


if __name__ == "__main__":
    cases.main(__file__)
