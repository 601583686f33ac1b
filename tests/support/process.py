"""One child process: started with its output in a file, waited for by a condition, stopped for sure."""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from tests.support import cases

_PR_SET_PDEATHSIG = 1
_given_ports = set()


def free_port(address="127.0.0.1"):
    """A port below the ephemeral range, free now and never given twice by this process."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        port = random.randint(12000, 31000)
        if port in _given_ports:
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


def accepts(port, address="127.0.0.1"):
    """True when something listens there."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _die_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Memory:
    """/proc/PID/smaps_rollup, in bytes."""

    def __init__(self, pid):
        self.pss = self.private = self.anonymous = self.resident = 0
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if len(fields) < 3 or fields[2] != "kB":
                    continue
                size = int(fields[1]) * 1024
                if fields[0] == "Pss:":
                    self.pss = size
                elif fields[0] in ("Private_Clean:", "Private_Dirty:"):
                    self.private += size
                elif fields[0] == "Anonymous:":
                    self.anonymous = size
                elif fields[0] == "Rss:":
                    self.resident = size


class Process:
    """A child process as a context manager. Subclasses give `command()` and `is_ready()`.

    The folder is made on entry and removed at the end. `expect_exit` is the code that a stopped
    process must end with, or None when it does not matter.
    """

    name = "process"
    ready_seconds = 20.0
    stop_seconds = 10.0
    stop_signal = signal.SIGTERM
    expect_exit = None

    def __init__(self, *, environment=None, cpu=None, limits=None):
        self.environment = environment or {}
        self.cpu = cpu
        self.limits = limits or []  # (resource, soft and hard value)
        self.folder = None
        self.process = None
        self.log = None

    # What a subclass says.
    def prepare(self):
        """Writes configuration into self.folder."""

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        return True

    # What a test uses.
    @property
    def pid(self):
        return self.process.pid

    def __str__(self):
        return f"{self.name} (pid {self.process.pid if self.process else '-'})"

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix=f"weft-{self.name}-")
        try:
            self.prepare()
            self.launch()
            self.wait_ready()
        except BaseException as why:
            self.__exit__(type(why), why, None)
            raise
        return self

    def launch(self):
        """Starts the process; a test may call it again after `kill` (the folder is the same)."""
        self.log = open(os.path.join(self.folder, "output"), "ab")
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            cwd=self.folder, env={**os.environ, **self.environment}, preexec_fn=self._in_child,
            start_new_session=True)

    def _in_child(self):
        import resource
        _die_with_parent()
        if self.cpu is not None:
            os.sched_setaffinity(0, {self.cpu})
        for kind, value in self.limits:
            resource.setrlimit(kind, (value, value))

    def wait_ready(self):
        deadline = time.monotonic() + self.ready_seconds
        while not self.is_ready():
            code = self.process.poll()
            if code is not None:
                raise cases.CheckFailed(f"{self.name} ended with {code} before it was ready: "
                                        f"{self.log_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise cases.CheckFailed(f"{self.name} not ready after {self.ready_seconds:g} s: "
                                        f"{self.log_text()[-2000:]}")
            time.sleep(0.005)

    def ask_to_stop(self):
        """Polite request; the default is a signal."""
        self.process.send_signal(self.stop_signal)

    def stop(self):
        """Asks, waits, kills. Returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.ask_to_stop()
            try:
                self.process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __exit__(self, kind, value, trace):
        code = self.stop()
        text = self.log_text() if self.log else ""
        if self.log:
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None and self.expect_exit is not None and code != self.expect_exit:
            raise cases.CheckFailed(f"{self.name} ended with {code}, not {self.expect_exit}: "
                                    f"{text[-3000:]}")

    def alive(self):
        return self.process.poll() is None

    def log_text(self):
        try:
            with open(os.path.join(self.folder, "output"), encoding="utf-8",
                      errors="replace") as file:
                return file.read()
        except (OSError, TypeError):
            return ""

    def log_tail(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def processes(self):
        """The process and all its descendants (nginx: master and workers)."""
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                        todo.extend(int(child) for child in file.read().split())
            except OSError:
                continue
        return found

    def memory(self):
        """Sums of smaps_rollup over all processes of this program."""
        total = None
        for pid in self.processes():
            one = Memory(pid)
            if total is None:
                total = one
            else:
                total.pss += one.pss
                total.private += one.private
                total.anonymous += one.anonymous
                total.resident += one.resident
        return total

    def cpu_seconds(self):
        """(user, system) so far, over all threads of all processes of this program."""
        tick = os.sysconf("SC_CLK_TCK")
        user = system = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
        return user / tick, system / tick

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))
