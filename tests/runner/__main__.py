"""tests/run: the options, the order, the sum."""

import argparse
import os
import signal
import sys
import tempfile
import time

from tests.runner import bazel, fuzz, scripts
from tests.runner import tally as words


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/run", description="Builds Weft and runs its tests.")
    parser.add_argument("--only", metavar="NAME", default="",
                        help="only unit test targets, test files or cases whose name contains NAME")
    sanitizer = parser.add_mutually_exclusive_group()
    sanitizer.add_argument("--asan", dest="config", action="store_const", const="asan", default="",
                           help="everything under AddressSanitizer and UndefinedBehaviorSanitizer")
    sanitizer.add_argument("--tsan", dest="config", action="store_const", const="tsan",
                           help="unit tests that do not link gRPC under ThreadSanitizer")
    parser.add_argument("--all", action="store_true", help="the long forms too (hours, see docs/operating.md)")
    parser.add_argument("--list", action="store_true", help="print the names of all tests and stop")
    return parser.parse_args(arguments)


def choose(only, labels, fuzzers, files):
    """(labels, fuzzers, files, case filter) for --only: by target or file name, else by the name of a case."""
    if not only:
        return labels, fuzzers, files, ""
    some = [[name for name in names if only in name] for names in (labels, fuzzers, files)]
    if any(some):
        return (*some, "")
    return labels, [], [path for path in files if any(only in name for name in scripts.cases_of(path))], only


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begin = time.monotonic()
    cache = os.environ["WEFT_DISK_CACHE"]
    cold = not os.path.isdir(cache) or not os.listdir(cache)
    if options.all:
        os.environ["WEFT_TEST_LONG"] = "1"
    os.environ["WEFT_TEST_CONFIG"] = options.config or "plain"

    tally = words.Tally()
    build = bazel.Bazel(options.config)
    labels, wrong = build.unit_tests()
    fuzzers = [] if options.config else build.fuzzers()
    files = [] if options.config == "tsan" else scripts.files()
    if options.list:
        for name in labels + fuzzers + [name for path in files for name in scripts.cases_of(path) or [path]]:
            print(name)
        return 0
    for why in wrong:
        tally.add(words.FAIL, "//...", why)
    labels, fuzzers, files, only = choose(options.only, labels, fuzzers, files)

    print(f"== {len(labels)} unit test targets", flush=True)
    build.run_tests(labels, tally, only)
    built = time.monotonic()
    if scripts.need_programs(files):
        print("== programs", flush=True)
        programs, missing = build.binaries_build()
        os.environ.update(programs)
        for label in missing:
            tally.add(words.FAIL, label, "did not build")
    with tempfile.TemporaryDirectory(prefix="weft-reports-") as reports:
        os.environ.update(scripts.sanitizer_environment(options.config, reports))
        for path in files:
            print(f"== {path}", flush=True)
            scripts.run(path, tally, options.all, only)
            scripts.take_reports(path, reports, tally)

    if fuzzers:
        print(f"== {len(fuzzers)} fuzzers", flush=True)
        fuzz.run(fuzzers, bazel.Bazel("fuzz"), tally, options.all)

    if not tally.entries:
        tally.add(words.FAIL, options.only or "//...", "no such test")

    end = time.monotonic()
    print("==")
    if options.config == "tsan":
        print("TSan: unit tests only, without what links gRPC (Debian's gRPC is not instrumented)")
    if os.environ.get("WEFT_NAMESPACES_LACK"):
        print(f"no namespaces here: {os.environ['WEFT_NAMESPACES_LACK']}")
    print(f"{end - begin:.0f} s ({built - begin:.0f} s build and unit tests, {end - built:.0f} s integration and fuzzers), "
          f"{'cold' if cold else 'warm'} build cache")
    for line in tally.lines():
        print(line)
    return 0 if tally.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
