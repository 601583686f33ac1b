"""Integration tests: executable tests/FOLDER/*_test.py that print PASS, FAIL and SKIP lines.

Each runs in a pid namespace and a mount namespace of its own (tests.runner.scripts.isolated): whatever it started dies
with it, and network namespaces that it named in /run/netns are gone when it is.
"""

import glob
import os
import re
import signal
import subprocess
import sys
import threading

from tests.runner import tally as words

ABOUT_THE_TREE = ("layers", "runner")
FOLDERS = (*ABOUT_THE_TREE, "integration", "netns", "conformance", "regress")
FILE_SECONDS = 600
LONG_FILE_SECONDS = 4 * 3600

_LINE = re.compile(r"^(PASS|FAIL|SKIP) ([^\s:]+)(?:: (.*))?$")


def files():
    found = []
    for folder in FOLDERS:
        found += sorted(glob.glob(f"tests/{folder}/*_test.py"))
    return found


def need_programs(paths):
    """False when only tests about the tree itself are chosen."""
    return any(path.split("/")[1] not in ABOUT_THE_TREE for path in paths)


def cases_of(path):
    """The names of the cases in a file, or [] when it cannot list them."""
    done = subprocess.run(["/usr/bin/python3", path, "--list"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, check=False, timeout=60)
    return done.stdout.split() if done.returncode == 0 else []


def isolated(command):
    """`command` as process 1 of a pid namespace; killed with everything below it when the outer process goes."""
    if os.environ.get("WEFT_NAMESPACES_LACK"):
        return command
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare[1:1] = ["--user", "--map-root-user"]
    private = "mkdir -p /run/netns 2>/dev/null; mount -t tmpfs netns /run/netns 2>/dev/null || true; exec \"$@\""
    # Process 1 ignores signals without a handler, so the test is its child.
    return [*unshare, "--", "sh", "-c", private, "sh", "sh", "-c", "\"$@\"; exit $?", "sh", *command]


def sanitizer_environment(config, reports):
    """What programs under a sanitizer need: reports go to the folder `reports`, where no test can overlook them."""
    if config != "asan":
        return {}
    shared = f"log_path={reports}/report"
    return {
        "ASAN_SYMBOLIZER_PATH": "/usr/lib/llvm-19/bin/llvm-symbolizer",
        "ASAN_OPTIONS": shared + ":detect_stack_use_after_return=1:detect_container_overflow=0:strict_string_checks=1",
        "UBSAN_OPTIONS": shared + ":print_stacktrace=1:halt_on_error=1",
    }


def take_reports(path, reports, tally):
    """Every report that a program of `path` left is a failure, and is printed."""
    for name in sorted(os.listdir(reports)):
        report = os.path.join(reports, name)
        with open(report, encoding="utf-8", errors="replace") as file:
            text = file.read()
        sys.stdout.write(text)
        first = next((line for line in text.splitlines() if "ERROR" in line or "runtime error" in line), text[:200])
        tally.add(words.FAIL, f"{path}:{name}", first)
        os.unlink(report)


def run(path, tally, long=False, only=""):
    """Runs one file, prints its lines as they come, adds its cases to `tally`."""
    command = ["/usr/bin/python3", path]
    if only:
        command += ["--only", only]
    seconds = LONG_FILE_SECONDS if long else FILE_SECONDS
    process = subprocess.Popen(isolated(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                               errors="replace", start_new_session=True)
    late = threading.Event()

    def stop():
        late.set()
        _kill_group(process)

    timer = threading.Timer(seconds, stop)
    timer.start()
    seen = failed = 0
    try:
        for line in process.stdout:
            sys.stdout.write(line)
            match = _LINE.match(line.rstrip("\n"))
            if match:
                tally.add(match[1], match[2], match[3] or "")
                seen += 1
                failed += match[1] == words.FAIL
        code = process.wait()
    finally:
        timer.cancel()
        _kill_group(process)
        process.wait()
    if late.is_set():
        tally.add(words.FAIL, path, f"stopped after {seconds} s")
    elif code != 0 and not failed:
        tally.add(words.FAIL, path, f"ended with status {code} without a failed case")
    elif code == 0 and failed:
        tally.add(words.FAIL, path, "ended with status 0 although cases failed")
    elif not seen and not only:
        tally.add(words.FAIL, path, "ran no case")


def _kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
