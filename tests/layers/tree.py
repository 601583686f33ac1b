"""What depends on what in a checkout: #include lines and BUILD dependencies, as plain values."""

import ast
import os
import re
from typing import NamedTuple

SOURCES = (".h", ".cc", ".c", ".inc")
TEST_FILE = re.compile(r"_(test|bench|fuzz)\.cc$|_for_test\.(h|cc)$")
AREAS = ("api", "schema", "pki", "proxy", "control", "tests")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]')


class Include(NamedTuple):
    file: str
    line: int
    path: str
    quoted: bool


class Target(NamedTuple):
    """A rule of a BUILD file; labels are full, `files` are paths from the root."""
    file: str
    line: int
    kind: str
    label: str
    deps: tuple
    files: tuple
    test: bool


def walk(root, areas=AREAS):
    """Paths (from the root) of all files below `areas`, sorted."""
    found = []
    for area in areas:
        for folder, folders, names in os.walk(os.path.join(root, area)):
            folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
            found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
    return found


def includes(root, files=None):
    for path in files if files is not None else walk(root):
        if not path.endswith(SOURCES):
            continue
        with open(os.path.join(root, path), encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                match = _INCLUDE.match(line)
                if match:
                    yield Include(path, number, match[2], match[1] == '"')


def targets(root, files=None):
    for path in files if files is not None else walk(root):
        if os.path.basename(path) in ("BUILD", "BUILD.bazel"):
            with open(os.path.join(root, path), encoding="utf-8") as text:
                yield from _rules(path, text.read())


def _rules(path, text):
    package = os.path.dirname(path)
    for node in ast.walk(ast.parse(text, filename=path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        words = {word.arg: word.value for word in node.keywords if word.arg}
        name = words.get("name")
        if not isinstance(name, ast.Constant):
            continue
        testonly = words.get("testonly")
        kind = node.func.id
        yield Target(
            file=path,
            line=node.lineno,
            kind=kind,
            label=f"//{package}:{name.value}",
            deps=tuple(_full(package, label) for word in ("deps", "actual", "data") for label in _strings(words.get(word))),
            files=tuple(os.path.join(package, file.removeprefix(":")) for word in ("srcs", "hdrs", "textual_hdrs")
                        for file in _strings(words.get(word)) if not file.startswith(("//", "@"))),
            test=kind.endswith("_test") or (isinstance(testonly, ast.Constant) and bool(testonly.value)),
        )


def _strings(node):
    """Every string below a list, a sum of lists or a select()."""
    if node is None:
        return []
    keys = {id(key) for part in ast.walk(node) if isinstance(part, ast.Dict) for key in part.keys}
    return [part.value for part in ast.walk(node)
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in keys]


def _full(package, label):
    if label.startswith("@"):
        return label
    if label.startswith("//"):
        path = label[2:]
        return label if ":" in path else f"//{path}:{path.rsplit('/', 1)[-1]}"
    return f"//{package}:{label.removeprefix(':')}"
