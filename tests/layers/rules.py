"""The layer rule: which folder may use which, and every place in a checkout that breaks it."""

import os
from typing import NamedTuple

from tests.layers import tree

SHARED = "shared"
GENERATED_ROOT = "api"


class Folder(NamedTuple):
    area: str
    level: int
    path: str

    def __str__(self):
        return f"{self.path}, {self.area} L{self.level}"


def read_table(path):
    """{folder path: Folder}; a malformed line is a ValueError with its number."""
    table = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split("#", 1)[0].split()
            if not fields:
                continue
            if len(fields) != 3 or not fields[1].isdigit() or fields[2] in table:
                raise ValueError(f"{path}:{number}: expected 'area level folder', each folder once")
            table[fields[2]] = Folder(fields[0], int(fields[1]), fields[2])
    return table


def folder_of(table, path):
    """The Folder that `path` (a file, from the root) lies in; None outside the table.

    An area's own folder (`proxy`) is for the files directly in it, so that a new folder below must take a level.
    """
    folder = os.path.dirname(path)
    direct = True
    while folder:
        if folder in table and (direct or not _holds_others(table, folder)):
            return table[folder]
        folder, direct = os.path.dirname(folder), False
    return None


def _holds_others(table, folder):
    return any(other.startswith(folder + "/") for other in table)


def allowed(user, used, test):
    if user == used:
        return True
    if used.area == SHARED and user.area != SHARED:
        return True
    return user.area == used.area and (used.level < user.level or (test and used.level == user.level))


def broken(root, table):
    """One sentence for every wrong arrow."""
    files = tree.walk(root)
    return sorted(_broken_includes(root, table, files)) + sorted(_broken_targets(root, table, files))


def _target_of_include(root, include):
    """The path from the root that an #include line means, or None when it is not ours."""
    if include.path.split("/", 1)[0] in tree.AREAS:
        return include.path
    if include.path.endswith(".pb.h") and os.path.exists(
            os.path.join(root, GENERATED_ROOT, include.path.removesuffix(".pb.h").removesuffix(".grpc") + ".proto")):
        return f"{GENERATED_ROOT}/{include.path}"
    return None


def _broken_includes(root, table, files):
    for include in tree.includes(root, files):
        where = f"{include.file}:{include.line}"
        path = _target_of_include(root, include)
        if path is None:
            if include.quoted and os.path.exists(os.path.join(root, os.path.dirname(include.file), include.path)):
                yield f"{where}: includes \"{include.path}\" beside it; write the path from the root"
            continue
        wrong = _judge(table, include.file, path, bool(tree.TEST_FILE.search(include.file)))
        if wrong:
            yield f"{where} includes {path}: {wrong}"


def _broken_targets(root, table, files):
    for target in tree.targets(root, files):
        for dep in target.deps:
            if dep.startswith("@") or dep.startswith("//third_party"):
                continue
            path = dep[2:].replace(":", "/")
            wrong = _judge(table, target.file, path, target.test)
            if wrong:
                yield f"{target.file}:{target.line} {target.label} depends on {dep}: {wrong}"


def _judge(table, user_file, used_file, test):
    """Why `user_file` may not use `used_file`, or None."""
    user_area, used_area = user_file.split("/", 1)[0], used_file.split("/", 1)[0]
    if user_area == "tests":
        return None
    if used_area == "tests":
        return None if test and used_file.startswith("tests/support/") else "only tests may use tests/support"
    user, used = folder_of(table, user_file), folder_of(table, used_file)
    for file, folder in ((user_file, user), (used_file, used)):
        if folder is None:
            return f"{os.path.dirname(file)} has no level in tests/layers/layers.txt"
    if allowed(user, used, test):
        return None
    if user.area != used.area:
        return f"({user}) never uses ({used})"
    return f"({user}) may only use lower levels, not ({used})"
