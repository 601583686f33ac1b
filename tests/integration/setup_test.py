#!/usr/bin/env python3
"""deploy/setup: what it says, refuses and does, with package tools of our own in a mount namespace of our own: nothing is installed.

Source: issue 3, section 1.
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal  # noqa: E402
from tests.support.programs import ROOT  # noqa: E402

SECONDS = 60
# `dpkg-query` that knows of no package until `apt-get install` was here; each call of apt-get leaves a line in `calls`.
DPKG_QUERY = """#!/bin/sh
[ ! -e "$STATE/installed" ] || { shift 2; for package; do echo "$package installed"; done; }
"""
APT_GET = """#!/bin/sh
policy=none
[ ! -x /usr/sbin/policy-rc.d ] || { /usr/sbin/policy-rc.d; policy=$?; }
echo "policy=$policy proxy=$http_proxy frontend=$DEBIAN_FRONTEND $*" >>"$STATE/calls"
case " $* " in
  *" --fix-broken "*) ;;
  *" install "*) [ ! -e "$STATE/broken" ] || { echo "E: no network"; exit 100; }; : >"$STATE/installed" ;;
esac
"""
DPKG = '#!/bin/sh\necho "dpkg $*" >>"$STATE/calls"\n'


class Machine:
    """A pretended one: the tree read-only, /usr/sbin empty, package tools from a folder of ours. Each run is a new process in
    namespaces of its own; `state` stays."""

    def __init__(self, t, **tools):
        lack = os.environ.get("WEFT_NAMESPACES_LACK")
        if lack:
            t.skip(f"no namespaces here: {lack}")
        self.folder = t.start(tempfile.TemporaryDirectory(prefix="weft-setup-test-"))
        self.before = ""  # shell commands in the namespace, before the command
        for name, text in {"dpkg_query": DPKG_QUERY, "apt_get": APT_GET, "dpkg": DPKG, **tools}.items():
            path = self.path(name.replace("_", "-"))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def command(self, *words):
        inside = (f'mount --bind "{ROOT}" "{ROOT}" && mount -o remount,bind,ro "{ROOT}" && mount -t tmpfs none /usr/sbin && '
                  f'{self.before or ":"} && cd "{ROOT}" || exit 99\n'
                  f'"$@"; code=$?; ls -A /usr/sbin >"{self.path("sbin")}"; exit $code')
        return ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, "sh", *words]

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name != "WEFT_COMMAND"}
        return {**kept, "PATH": f"{self.folder}:{kept['PATH']}", "STATE": self.folder, **more}

    def run(self, *words, **environment):
        return subprocess.run(self.command(*words), env=self.environment(**environment), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=SECONDS)


@case
def says_first_what_is_missing_and_installs_nothing_with_check(t):
    machine = Machine(t)
    done = machine.run("deploy/setup", "--check", "--for=build")
    equal(done.returncode, 1, done.stdout)
    for line in (r"Missing for build:", r"Debian packages .*bazel-bootstrap", r"disk +\d+ MiB in / \(\d+ free\), \d+ MiB in ",
                 r"memory +\d+ MiB available: a build will run \d+ jobs", r"rights +root", r"time +about \d+ minutes"):
        check(re.search(line, done.stdout), f"no line like {line!r} in {done.stdout}")
    equal(machine.read("calls"), "", "package tools that were called")


@case
def installs_without_recommended_packages_and_without_daemons(t):
    machine = Machine(t)
    done = machine.run("deploy/setup", "--yes", "--for=build", http_proxy="http://proxy.test:3128")
    equal(done.returncode, 0, done.stdout)
    calls = machine.read("calls").splitlines()
    install = [line for line in calls if "bazel-bootstrap" in line]
    equal(len(install), 1, f"installing calls among {calls}")
    for part in ("policy=101", "proxy=http://proxy.test:3128", "frontend=noninteractive", "--no-install-recommends"):
        check(part in install[0], f"{part} is not in {install[0]}")
    equal(machine.read("sbin"), "", "what is left in /usr/sbin")
    again = machine.run("deploy/setup", "--yes", "--for=build")
    equal(again.returncode, 0, again.stdout)
    check("Nothing is missing for build" in again.stdout, again.stdout)
    equal(machine.read("calls").splitlines(), calls, "calls of the second run")


@case
def goes_on_after_a_failure(t):
    machine = Machine(t)
    open(machine.path("broken"), "w", encoding="ascii").close()
    done = machine.run("deploy/setup", "--yes", "--for=build")
    equal(done.returncode, 1, done.stdout)
    check("E: no network" in done.stdout and "all of its output is in" in done.stdout, done.stdout)
    equal(machine.read("sbin"), "", "what is left in /usr/sbin after a failure")
    os.remove(machine.path("broken"))
    done = machine.run("deploy/setup", "--yes", "--for=build")
    equal(done.returncode, 0, done.stdout)
    check("dpkg --force-confold --configure -a" in machine.read("calls"), machine.read("calls"))


@case
def somebody_elses_policy_is_left_alone(t):
    machine = Machine(t)
    machine.before = "printf '#!/bin/sh\\nexit 104\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d"
    done = machine.run("deploy/setup", "--yes", "--for=build")
    equal(done.returncode, 0, done.stdout)
    check("policy=104" in machine.read("calls"), machine.read("calls"))
    equal(machine.read("sbin"), "policy-rc.d\n", "what is left in /usr/sbin")


def answer(machine, text):
    """Runs setup on a terminal that types `text`; (exit code, output)."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = machine.command("deploy/setup", "--for=build")
        os.execvpe(command[0], command, machine.environment())
    output = b""
    typed = False
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # EIO: the other side has gone
            break
        if not part:
            break
        output += part
        if not typed and b"Install? [Y/n]" in output:
            os.write(terminal, text)
            typed = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode(errors="replace")


@case
def asks_once_on_a_terminal(t):
    machine = Machine(t)
    code, output = answer(machine, b"n\n")
    equal(code, 1, output)
    equal(output.count("Install?"), 1, "questions")
    equal(machine.read("calls"), "", "package tools that were called after a no")
    code, output = answer(machine, b"\n")
    equal(code, 0, output)
    equal(output.count("Install?"), 1, "questions")
    check("bazel-bootstrap" in machine.read("calls"), machine.read("calls"))


def is_container_command(text, command):
    line = re.search(r"^  docker run .*$", text, re.MULTILINE)
    check(line, f"no container command in {text}")
    for part in ("--cap-add=NET_ADMIN", "--cap-add=SYS_ADMIN", "seccomp=unconfined", f'-v "{ROOT}:/weft" -w /weft debian:bookworm'):
        check(part in line.group(), f"{part} is not in {line.group()}")
    check(line.group().endswith(command), f"{line.group()} does not end with {command}")


@case
def another_system_gets_one_container_command(t):
    machine = Machine(t)
    with open(machine.path("os-release"), "w", encoding="ascii") as file:
        file.write('ID=ubuntu\nVERSION_ID=24.04\nPRETTY_NAME="Ubuntu 24.04 LTS"\n')
    machine.before = f"mount --bind {machine.path('os-release')} /etc/os-release"
    for words, command in ((("deploy/setup", "--yes", "--for=demo"), "sh -c './deploy/setup --yes --for=demo && exec bash'"),
                           (("deploy/demo", "--yes"), "./deploy/demo"), (("tests/run", "--only", "nothing"), "./tests/run")):
        done = machine.run(*words)
        equal(done.returncode, 2, done.stdout)
        check("this is Ubuntu 24.04 LTS on x86_64" in done.stdout, done.stdout)
        is_container_command(done.stdout, command)
    equal(machine.read("calls"), "", "package tools that were called")


@case
def another_processor_gets_one_container_command(t):
    machine = Machine(t, uname='#!/bin/sh\n[ "$1" = -m ] && echo aarch64 || echo "Linux aarch64"\n')
    done = machine.run("deploy/setup", "--check")
    equal(done.returncode, 2, done.stdout)
    check("on aarch64" in done.stdout and "--platform linux/amd64" in done.stdout, done.stdout)


@case
def a_container_without_rights_is_told_which(t):
    """In a user namespace that may have no network namespaces, as a plain container."""
    machine = Machine(t)
    machine.before = "echo 0 >/proc/sys/user/max_net_namespaces"
    begin = time.monotonic()
    done = machine.run("deploy/demo", "--check")
    seconds = time.monotonic() - begin
    equal(done.returncode, 2, done.stdout)
    check("does not allow what demo and tests need: unshare of user, network, mount and pid namespaces" in done.stdout, done.stdout)
    is_container_command(done.stdout, "./deploy/demo")
    check(seconds < 3, f"took {seconds:.1f} s")
    equal(machine.read("calls"), "", "package tools that were called")


@case
def jobs_follow_memory(t):
    del t
    script = (f'WEFT_ROOT="{ROOT}"; . "{ROOT}/deploy/lib/machine.sh"; nproc() {{ echo 8; }}\n'
              'for memory in 900 3100 64000; do eval "weft_memory_mib() { echo $memory; }"; weft_jobs; done')
    done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    equal(done.stdout.split(), ["1", "2", "8"], "jobs for 900, 3100 and 64000 MiB on 8 CPUs")


@case
def wrong_arguments_end_with_2(t):
    del t
    done = subprocess.run([os.path.join(ROOT, "deploy", "setup"), "--for=nothing"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    equal(done.returncode, 2, done.stderr)
    check("unknown argument --for=nothing" in done.stderr and "usage: deploy/setup" in done.stderr, done.stderr)


if __name__ == "__main__":
    cases.main(__file__)
