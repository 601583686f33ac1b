"""Pods: network namespaces on one bridge, all inside this process's own network namespace.

    with Network() as network:
        pod = network.pod("client")
        with pod:                       # sockets made and programs started here live in the pod
            socket.create_connection(...)

Each pod has one IPv4 and one IPv6 address and default routes over the bridge, so that addresses that nobody has (virtual
IPs) are routable, as in a real pod. Named namespaces are tests/run's own (it mounts a /run/netns per test file).
"""

import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess

from tests.support import cases, namespace

_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def _run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def _set_network(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def network_of(pid):
    """Sockets that are made within live in that process's network. Main thread only."""
    there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_network(there)
        yield
    finally:
        _set_network(back)
        os.close(back)
        os.close(there)


class Pod:
    """A context manager that may be entered again and again, from the main thread only."""

    def __init__(self, name, number):
        self.name = name
        self.ip, self.ip6 = f"10.44.0.{number}", f"fd44::{number:x}"
        self._namespace = None
        self._back = []

    def open(self):
        self._namespace = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self):
        if self._namespace is not None:
            os.close(self._namespace)
            self._namespace = None

    def __enter__(self):
        self._back.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        _set_network(self._namespace)
        return self

    def __exit__(self, kind, value, trace):
        back = self._back.pop()
        _set_network(back)
        os.close(back)

    def run(self, *command):
        """Output of a program in this pod; OSError with its words when it fails."""
        with self:
            return _run(*command)


class Network:
    """A bridge and its pods; everything goes with it."""

    def __init__(self):
        self._pods = []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        if not namespace.enter_private_network():
            raise cases.Skip("pods need a network namespace of their own")
        if shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            raise cases.Skip("ip not found (apt-get install iproute2)")
        try:
            os.makedirs("/run/netns", exist_ok=True)
            _run("ip", "link", "add", "pods", "type", "bridge")
        except OSError as why:
            raise cases.Skip(f"no right to make pods here ({why}); tests/run gives it") from why
        self._stack.callback(_run, "ip", "link", "del", "pods")
        _run("ip", "addr", "add", "10.44.0.1/16", "dev", "pods")
        _run("ip", "addr", "add", "fd44::1/64", "dev", "pods", "nodad")
        _run("ip", "link", "set", "pods", "up")
        return self

    def __exit__(self, kind, value, trace):
        for pod in self._pods:
            pod.close()
        self._stack.close()

    def pod(self, name):
        pod = Pod(f"{name}-{os.getpid()}", len(self._pods) + 2)
        _run("ip", "netns", "add", pod.name)
        self._stack.callback(_run, "ip", "netns", "del", pod.name)
        outside = f"pod{next(_numbers)}"  # a link of an earlier network may still be going
        _run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", pod.name)
        self._stack.callback(_run, "ip", "link", "del", outside)  # now: a namespace takes its links along only later
        _run("ip", "link", "set", outside, "master", "pods", "up")
        pod.open()
        self._pods.append(pod)
        with pod:
            _run("ip", "link", "set", "lo", "up")
            _run("ip", "addr", "add", f"{pod.ip}/16", "dev", "eth0")
            _run("ip", "addr", "add", f"{pod.ip6}/64", "dev", "eth0", "nodad")
            _run("ip", "link", "set", "eth0", "up")
            _run("ip", "route", "add", "default", "via", "10.44.0.1")
            _run("ip", "-6", "route", "add", "default", "via", "fd44::1")
        return pod
