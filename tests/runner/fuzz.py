"""The fuzzers of tests/fuzz: each runs for a few seconds on its seed corpus, or for minutes with --all."""

import glob
import os
import re
import subprocess
import tempfile

from tests.runner import tally as words

SHORT_SECONDS = 3
LONG_SECONDS = 600
# A hang of the code under test shows within this; the rest of the time is the process' start and end.
GRACE_SECONDS = 60


def corpus_of(label):
    """The seeds of //tests/fuzz:NAME_fuzz lie in tests/fuzz/corpus/NAME."""
    return os.path.join("tests/fuzz/corpus", label.rsplit(":", 1)[1].removesuffix("_fuzz"))


def run(labels, build, tally, long=False):
    """`build` is a Bazel of the configuration "fuzz". A crash, a hang or a program that does not build is a failure."""
    programs = build.programs(labels)
    for label in labels:
        if label not in programs:
            tally.add(words.FAIL, label, "did not build")
            continue
        word, why = run_one(programs[label], corpus_of(label), LONG_SECONDS if long else SHORT_SECONDS)
        print(f"{word} {label}: {why}", flush=True)
        tally.add(word, label, why)


def run_one(program, seeds, seconds):
    """(word, why): what libFuzzer made of it. Inputs that it finds are forgotten, one that fails is printed."""
    if not glob.glob(seeds + "/*"):
        return words.FAIL, f"no seed corpus in {seeds}"
    with tempfile.TemporaryDirectory(prefix="weft-fuzz-") as folder:
        found = os.path.join(folder, "found")
        os.mkdir(found)
        command = [program, f"-max_total_time={seconds}", "-timeout=20", "-print_final_stats=1", "-max_len=16384",
                   f"-artifact_prefix={folder}/failing-", found, seeds]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  cwd=os.getcwd(), check=False, timeout=seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return words.FAIL, f"did not end {GRACE_SECONDS} s after its time"
        text = done.stdout.decode(errors="replace")
        if done.returncode == 0:
            runs = re.search(r"number_of_executed_units:\s*(\d+)", text)
            return words.PASS, f"{runs[1] if runs else '?'} inputs in {seconds} s"
        print(text[-6000:])
        for path in glob.glob(folder + "/failing-*"):
            with open(path, "rb") as file:
                print(f"failing input ({os.path.basename(path)}): {file.read(4096)!r}")
        why = re.search(r"SUMMARY: (.*)", text)
        return words.FAIL, why[1] if why else f"ended with status {done.returncode}"
