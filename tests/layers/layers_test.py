#!/usr/bin/env python3
"""The layer table against this checkout, and the checker itself against small trees that are wrong on purpose."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.layers import rules  # noqa: E402
from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = rules.read_table(os.path.join(ROOT, "tests", "layers", "layers.txt"))


def broken_in(files):
    """What is wrong in a tree made of `files` {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                out.write(text)
        return rules.broken(root, TABLE)


def one(files):
    found = broken_in(files)
    equal(len(found), 1, f"findings {found}")
    return found[0]


def include(path):
    return f'#include "{path}"\n'


def library(name, *deps, kind="cc_library"):
    return f'{kind}(\n    name = "{name}",\n    deps = {list(deps)!r},\n)\n'


@case
def this_tree_obeys_the_table(_):
    found = rules.broken(ROOT, TABLE)
    check(not found, f"{len(found)} wrong arrows:\n" + "\n".join(found))


@case
def lower_levels_and_shared_folders_may_be_included(_):
    equal(broken_in({
        "proxy/http/a.cc": include("proxy/base/b.h") + include("proxy/http/a.h") + include("schema/s.h"),
        "proxy/codec/h1/a.cc": include("proxy/codec/h2/b.h") + include("proxy/http/a.h"),
        "proxy/main.cc": include("proxy/app/inbound.h") + "#include <vector>\n",
        "control/compile/a.cc": include("control/model/m.h") + include("envoy/a.pb.h"),
        "api/envoy/a.proto": "",
    }), [], "findings")


@case
def upward_include_is_named_with_both_levels(_):
    equal(one({"proxy/http/a.cc": "\n" + include("proxy/route/match.h")}),
          "proxy/http/a.cc:2 includes proxy/route/match.h: "
          "(proxy/http, proxy L2) may only use lower levels, not (proxy/route, proxy L4)", "message")


@case
def include_within_a_level_is_wrong(_):
    check("(proxy/balance, proxy L4)" in one({"proxy/route/a.h": include("proxy/balance/b.h")}), "same level")


@case
def test_may_include_its_own_level_but_not_above(_):
    equal(broken_in({"proxy/route/a_test.cc": include("proxy/balance/b.h") + include("tests/support/x.h")}),
          [], "findings")
    one({"proxy/route/a_test.cc": include("proxy/upstream/b.h")})


@case
def proxy_and_control_never_meet(_):
    one({"proxy/app/a.cc": include("control/model/m.h")})
    one({"control/serve/a.cc": include("proxy/base/b.h")})
    one({"control/main.cc": include("control/cli/c.h")})
    one({"control/cli/a.cc": include("control/model/m.h")})
    one({"schema/a.cc": include("proxy/base/b.h")})


@case
def folder_without_a_level_is_an_error(_):
    check("proxy/misc has no level" in one({"proxy/misc/a.cc": include("proxy/base/b.h")}), "the new folder")
    check("proxy/misc has no level" in one({"proxy/app/a.cc": include("proxy/misc/b.h")}), "what it is used by")


@case
def include_relative_to_the_file_is_an_error(_):
    check("from the root" in one({"proxy/base/a.cc": include("a.h"), "proxy/base/a.h": ""}), "relative")


@case
def upward_dependency_in_a_build_file_is_wrong(_):
    found = one({"proxy/net/BUILD.bazel": library("net", "//proxy/base", "//proxy/codec/h1", "//third_party:absl")})
    equal(found, "proxy/net/BUILD.bazel:1 //proxy/net:net depends on //proxy/codec/h1:h1: "
                 "(proxy/net, proxy L2) may only use lower levels, not (proxy/codec, proxy L4)", "message")


@case
def build_dependencies_of_tests_may_be_level(_):
    equal(broken_in({"proxy/net/BUILD.bazel": library("t", "//proxy/http", kind="cc_test")}), [], "findings")
    one({"proxy/net/BUILD.bazel": library("t", "//proxy/http")})
    one({"proxy/net/BUILD.bazel": library("t", "//tests/support:x")})


@case
def dependencies_inside_select_and_sums_are_seen(_):
    text = 'cc_library(name = "x", deps = ["//proxy/base"] + select({"//:a": ["//proxy/app:b"]}))\n'
    check("//proxy/app:b" in one({"proxy/net/BUILD.bazel": text}), "inside select")


if __name__ == "__main__":
    cases.main(__file__)
