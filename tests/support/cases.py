"""Test cases of an executable test file.

A file registers functions with @case and ends with `cases.main(__file__)`. Each case gets a Case,
which starts servers and proxies and stops them again in reverse order, whatever happened. One line
per case goes to stdout: `PASS name`, `FAIL name: why`, `SKIP name: why`; the rest goes to stderr.
The exit code is 1 when a case failed. tests/run reads the lines.

`--proxy envoy` runs the same cases against a stock Envoy, which shows that a case asks for what the
field does and not for what our own proxy happens to do.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback

from tests.support import namespace

CASE_SECONDS = 60
LONG_CASE_SECONDS = 3600

_cases = []


class Skip(Exception):
    """Raised through Case.skip; the text says what is missing."""


class CheckFailed(AssertionError):
    """A check that did not hold; the text says what was seen."""


class TooSlow(BaseException):
    """The case ran out of its time. Not an Exception, so that no handler in a test swallows it."""


class Options:
    """What the command line asked for; one per process."""
    proxy = "weft"
    long = False
    everything = False  # do not skip what only weft-proxy promises


class Case:
    """Owns everything that one case started. One thread: the test's main thread."""

    def __init__(self, name):
        self.name = name
        self.stack = contextlib.ExitStack()
        self.started = []

    def start(self, thing):
        """Enters a context manager, keeps it until the case ends and returns what it gives."""
        entered = self.stack.enter_context(thing)
        self.started.append(entered)
        return entered

    def skip(self, why):
        raise Skip(why)

    @staticmethod
    def skip_memory_of_sanitizer():
        """Before a case looks at resident memory: a sanitizer's malloc keeps what was freed, to catch its users."""
        if os.environ.get("WEFT_TEST_CONFIG", "plain") != "plain":
            raise Skip("memory of a sanitizer's own malloc says nothing")

    def weft_only(self, why):
        """The case asks for more than Envoy promises."""
        if Options.proxy != "weft" and not Options.everything:
            raise Skip(f"only weft-proxy: {why}")

    def describe(self, out):
        """After a failure: what the processes said last."""
        for thing in self.started:
            tail = getattr(thing, "log_tail", None)
            if tail is not None:
                out.write(f"--- last lines of {thing}\n{tail()}\n")


def case(function=None, *, seconds=CASE_SECONDS, long_only=False):
    """Registers a test function `f(t: Case)`; its name is the function's name."""

    def register(wrapped):
        _cases.append((wrapped.__name__, wrapped, seconds, long_only))
        return wrapped

    return register if function is None else register(function)


def check(condition, why):
    if not condition:
        raise CheckFailed(why() if callable(why) else str(why))


def equal(seen, expected, what):
    if seen != expected:
        raise CheckFailed(f"{what}: expected {expected!r}, saw {seen!r}")


def within(seen, low, high, what):
    if not low <= seen <= high:
        raise CheckFailed(f"{what}: expected {low} to {high}, saw {seen}")


def wait_until(condition, what, seconds=10.0):
    """Polls until the condition gives something true, and returns it. `what` names it in a failure."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise CheckFailed(f"did not happen within {seconds:g} s: {what}")
        time.sleep(0.005)


@contextlib.contextmanager
def _limit(seconds):
    def ring(signum, frame):
        raise TooSlow(f"took longer than {seconds} s")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _run_one(name, function, seconds):
    """Returns (word, why)."""
    t = Case(name)
    try:
        with _limit(seconds):
            with t.stack:
                try:
                    function(t)
                except (Exception, TooSlow):
                    t.describe(sys.stderr)
                    raise
        return "PASS", ""
    except Skip as why:
        return "SKIP", str(why)
    except (CheckFailed, TooSlow) as why:
        traceback.print_exc(file=sys.stderr)
        return "FAIL", str(why)
    except Exception as why:  # whatever else happened in a test is a failure of that test
        traceback.print_exc(file=sys.stderr)
        return "FAIL", f"{type(why).__name__}: {why}"


def _one_line(text):
    return " ".join(text.split())[:600]


def main(path):
    """Runs the cases of the file at `path`; exits the process."""
    stem = os.path.splitext(os.path.basename(path))[0]
    parser = argparse.ArgumentParser(prog=stem)
    parser.add_argument("--only", default="", help="cases whose name contains this text")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--long", "--all", action="store_true", help="the long forms too")
    parser.add_argument("--proxy", choices=("weft", "envoy"),
                        default=os.environ.get("WEFT_TEST_PROXY", "weft"),
                        help="which proxy the cases run against")
    parser.add_argument("--everything", action="store_true",
                        help="with --proxy envoy: also what only weft-proxy promises")
    arguments = parser.parse_args()
    Options.everything = arguments.everything
    Options.proxy = arguments.proxy
    Options.long = arguments.long or os.environ.get("WEFT_TEST_LONG") == "1"

    chosen = [entry for entry in _cases if arguments.only in f"{stem}.{entry[0]}"]
    if arguments.list:
        for name, *_ in chosen:
            print(f"{stem}.{name}")
        sys.exit(0)
    if chosen:
        namespace.enter_private_network()
    failed = 0
    for name, function, seconds, long_only in chosen:
        full = f"{stem}.{name}"
        if long_only and not Options.long:
            word, why = "SKIP", "long form, runs with --long (tests/run --all)"
        else:
            begin = time.monotonic()
            limit = LONG_CASE_SECONDS if Options.long else seconds
            word, why = _run_one(full, function, limit)
            sys.stderr.write(f"{full}: {time.monotonic() - begin:.2f} s\n")
        failed += word == "FAIL"
        print(f"{word} {full}" + (f": {_one_line(why)}" if why else ""), flush=True)
    sys.exit(1 if failed else 0)
