"""Bazel: which tests there are, building and running them, and reading every test case out of test.xml."""

import json
import os
import subprocess
import tempfile
import urllib.parse
import xml.etree.ElementTree as ElementTree

from tests.runner import tally as words

BINARIES = {
    "WEFT_PROXY": "//proxy:weft-proxy",
    "WEFT_CONTROL": "//control:weft-control",
    "WEFT": "//control/cli:weft",
}

GRPC = "//third_party:grpc++"


class Bazel:
    """One configuration (plain, asan, tsan or fuzz) of this checkout."""

    def __init__(self, config=""):
        self.config = config
        self.startup = ["--max_idle_secs=1800"]
        if os.environ.get("WEFT_OUTPUT_BASE"):
            self.startup.append("--output_base=" + os.environ["WEFT_OUTPUT_BASE"])
        self.flags = [
            "--disk_cache=" + os.environ["WEFT_DISK_CACHE"],
            "--jobs=" + os.environ["WEFT_JOBS"],
            "--symlink_prefix=/",
            "--color=no",
            "--curses=no",
            "--show_progress_rate_limit=10",
        ]
        if config:
            self.flags.append("--config=" + config)

    def _command(self, verb, *arguments):
        return ["bazel", *self.startup, verb, *arguments]

    def _read(self, verb, *arguments):
        done = subprocess.run(self._command(verb, *arguments), stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.split("\n")

    def _query(self, wanted):
        """(labels, what is wrong): a broken BUILD file costs its own targets, not the others'."""
        command = self._command("query", "--color=no", "--curses=no", "--noshow_progress", "--keep_going", wanted)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        wrong = [line.removeprefix("ERROR: ") for line in done.stderr.split("\n") if line.startswith("ERROR: ")]
        if done.returncode != 0 and not wrong:
            wrong = [done.stderr.strip() or f"bazel query ended with {done.returncode}"]
        return sorted(line for line in done.stdout.split("\n") if line.startswith("//")), wrong

    def unit_tests(self):
        """(labels of all unit tests, what is wrong). TSan's leave out what links gRPC: Debian's is not instrumented."""
        wanted = 'tests(//...) except attr("tags", "[\\[ ]manual[,\\]]", tests(//...))'
        if self.config == "tsan":
            wanted += f' except rdeps(//..., "{GRPC}")'
        return self._query(wanted)

    def fuzzers(self):
        """Labels of the fuzzing programs; what is wrong with them, unit_tests() says as well."""
        return self._query('attr("tags", "[\\[ ]fuzz[,\\]]", kind("cc_binary", //tests/...))')[0]

    def programs(self, labels):
        """Builds; returns {label: path} of those that could be built."""
        if not labels:
            return {}
        good = {event["id"]["targetCompleted"]["label"] for event in self._events("build", *labels)
                if "targetCompleted" in event.get("id", {}) and event.get("completed", {}).get("success")}
        folder = self._read("info", *self.flags, "bazel-bin")[1][0]
        return {label: os.path.join(folder, label[2:].replace(":", "/")) for label in labels if label in good}

    def binaries_build(self):
        """Builds the three programs. Returns {variable: path} of those that are there, and the labels that are not."""
        built = self.programs(BINARIES.values())
        return ({variable: built[label] for variable, label in BINARIES.items() if label in built},
                [label for label in BINARIES.values() if label not in built])

    def _events(self, verb, *arguments):
        """Runs Bazel as far as it comes and returns what it reports to programs."""
        with tempfile.NamedTemporaryFile(mode="w+", suffix=".json") as file:
            command = self._command(verb, *self.flags, "--keep_going", "--build_event_json_file=" + file.name)
            subprocess.run([*command, *arguments], check=False)
            return [json.loads(line) for line in file.read().splitlines()]

    def run_tests(self, labels, tally, only=""):
        """Builds and runs; adds every test case to `tally`, and a label itself when it did not build or crashed."""
        if not labels:
            return
        flags = ["--local_test_jobs=" + os.environ["WEFT_JOBS"], "--build_tests_only"]
        if only:
            flags.append("--test_filter=*" + only + "*")
        results = _test_results(self._events("test", *flags, *labels))
        for label in labels:
            _add_cases(tally, label, results.get(label), filtered=bool(only))


def _test_results(events):
    """{label: (status, [test.xml paths])} out of Bazel's build events."""
    results = {}
    for event in events:
        label = event.get("id", {}).get("testResult", {}).get("label")
        if not label or "testResult" not in event:
            continue
        result = event["testResult"]
        files = [urllib.parse.urlparse(file["uri"]).path for file in result.get("testActionOutput", [])
                 if file.get("name") == "test.xml" and "uri" in file]
        status, before = results.get(label, ("PASSED", []))
        if result["status"] != "PASSED":
            status = result["status"]
        results[label] = (status, before + files)
    return results


def _add_cases(tally, label, result, filtered=False):
    if result is None:
        tally.add(words.FAIL, label, "did not build")
        return
    status, files = result
    failed = seen = 0
    for path in files:
        for word, name, why in _cases_of(path):
            tally.add(word, f"{label} {name}", why)
            failed += word == words.FAIL
            seen += 1
    if status != "PASSED" and not failed:
        tally.add(words.FAIL, label, f"{status.lower().replace('_', ' ')} outside of any test case")
    elif not seen and not filtered:
        tally.add(words.FAIL, label, "no test case ran")


def _cases_of(path):
    """GoogleTest's own file, or the one that Bazel writes for a program that wrote none."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as why:
        yield words.FAIL, os.path.basename(os.path.dirname(path)), f"unreadable test.xml: {why}"
        return
    for case in root.iter("testcase"):
        if case.get("status") == "notrun":
            if case.get("name", "").startswith("DISABLED_"):
                yield words.FAIL, case.get("name"), "disabled; a test runs or says why it skips"
            continue
        name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
        bad = [child for child in case if child.tag in ("failure", "error")]
        skipped = case.find("skipped")
        if bad:
            yield words.FAIL, name, bad[0].get("message") or (bad[0].text or "failed")[:300]
        elif skipped is not None:
            yield words.SKIP, name, skipped.get("message") or skipped.text or ""
        else:
            yield words.PASS, name, ""
