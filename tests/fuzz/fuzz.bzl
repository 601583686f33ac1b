"""A libFuzzer target: the program that fuzzes, and a test that replays its seed corpus."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def weft_fuzz_target(name, srcs, deps, corpus):
    """`name` is the program; `name`_replay_test runs every file of `corpus` once.

    tests/fuzz/run builds the programs with --config=fuzz, which instruments everything for coverage.
    """
    cc_library(
        name = name + "_target",
        srcs = srcs,
        alwayslink = True,
        testonly = True,
        deps = deps,
    )
    cc_binary(
        name = name,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["fuzz"],
        testonly = True,
        deps = [":" + name + "_target"],
    )
    cc_test(
        name = name + "_replay_test",
        size = "small",
        args = ["$(locations %s)" % corpus],
        data = [corpus],
        linkopts = ["-fsanitize=fuzzer"],
        deps = [":" + name + "_target"],
    )
