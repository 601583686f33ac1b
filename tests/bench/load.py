"""Load and what it costs: wrk for requests, a reading loop for bulk, strace for system calls."""

import contextlib
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import time

from tests.bench import servers
from tests.support import http1_client, programs

_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


class Wrk:
    """The result of one run."""

    def __init__(self, text):
        self.requests = int(re.search(r"(\d+) requests in", text).group(1))
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
        self.p50 = self._percentile(text, "50")
        self.p99 = self._percentile(text, "99")
        self.problems = re.findall(r"(?:Socket errors|Non-2xx).*", text)

    @staticmethod
    def _percentile(text, which):
        """Microseconds."""
        number, unit = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s|m)$", text, re.M).groups()
        return float(number) * _UNITS[unit]


def wrk(port, seconds, connections, cpu, address="127.0.0.1"):
    line = [programs.debian("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
            "--latency", f"http://{address}:{port}/"]
    done = subprocess.run(line, capture_output=True, check=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    return Wrk(done.stdout)


class Cost:
    """CPU of some processes, and of everything else on their core, between start and stop."""

    def __init__(self, processes, cpu):
        self._processes, self._cpu = processes, cpu
        self._before, self._busy, self._begin = self._read(), self._core_busy(), time.monotonic()

    def _read(self):
        pairs = [one.cpu_seconds() for one in self._processes]
        return sum(user for user, _ in pairs), sum(system for _, system in pairs)

    def _core_busy(self):
        with open("/proc/stat", encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if fields[0] == f"cpu{self._cpu}":
                    values = [int(field) for field in fields[1:9]]
                    return (sum(values) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def stop(self):
        seconds = time.monotonic() - self._begin
        user, system = self._read()
        self.user, self.system = user - self._before[0], system - self._before[1]
        own = self.user + self.system
        self.others = max(0.0, (self._core_busy() - self._busy - own) / seconds)
        return self


def bulk(port, times):
    """Downloads 64 MiB `times` times on connections of their own; the milliseconds of each."""
    taken = []
    space = bytearray(1 << 20)
    for _ in range(times):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /bulk HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n")
            total = 0
            while True:
                count = connection.recv_into(space)
                total += count
                if count == 0:
                    break
        if total < servers.BULK_BYTES:
            raise RuntimeError(f"bulk: {total} bytes only")
        taken.append((time.monotonic() - begin) * 1e3)
    return taken


def allow_many_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


def idle_connections(port, count, tls=None):
    """`count` connections that each had one request answered and stay open."""
    connections = []
    for _ in range(count):
        client = http1_client.Client(port, tls=tls)
        client.request("GET", "/")
        connections.append(client)
    return connections


def system_calls(processes, port, seconds, connections, cpu):
    """For each process {system call: calls per request}, errors apart as `name(failed)`, by strace -c over wrk.

    Warmed up first: connections to the backend and handshakes are not what a request costs.
    """
    wrk(port, 1, connections, cpu)
    with contextlib.ExitStack() as stack:
        tracers = [stack.enter_context(_Tracer(one)) for one in processes]
        requests = wrk(port, seconds, connections, cpu).requests
        if requests == 0:
            raise RuntimeError("strace: no request was answered while it looked on")
        return [{name: calls / requests for name, calls in tracer.stop().items()} for tracer in tracers]


class _Tracer:
    """strace -c on a process with all its threads and children, attached when entered."""

    def __init__(self, process):
        self._pids = [str(pid) for pid in process.processes()]
        line = [programs.debian("strace"), "-f", "-c", "-q"]
        for pid in self._pids:
            line += ["-p", pid]
        # On any core: on the load's alone it starves the load.
        self._strace = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, range(os.cpu_count())))

    def __enter__(self):
        while any(_tracer_of(pid) != self._strace.pid for pid in self._pids):
            if self._strace.poll() is not None:
                raise RuntimeError(f"strace: {self._strace.stderr.read()}")
            time.sleep(0.01)
        return self

    def stop(self):
        """{system call: calls}."""
        self._strace.send_signal(signal.SIGINT)
        _, text = self._strace.communicate()
        counted = {}
        for calls, errors, name in re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(\d*)\s+(\w+)$", text, re.M):
            if name == "total":
                continue
            counted[name] = int(calls)
            if errors:
                counted[f"{name}(failed)"] = int(errors)
        return counted

    def __exit__(self, kind, value, trace):
        if self._strace.poll() is None:
            self._strace.send_signal(signal.SIGINT)
            self._strace.communicate()


def _tracer_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("TracerPid:"):
                return int(line.split()[1])
    return 0


def median(values):
    return statistics.median(values)
