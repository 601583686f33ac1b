"""Pods: a network namespace and a mount namespace each, on one bridge, held open by one sleeping process.

The mount namespace is there for /etc/hosts, which is how a pod knows the mesh's service names, and for /etc/resolv.conf: there is
no name server in the scene, and nobody shall wait for one that cannot be reached.
"""

import ctypes
import itertools
import os
import signal
import subprocess

SUBNET = "10.77.0"
GATEWAY = f"{SUBNET}.1"
SUBNET6 = "fd77:0:0:77"
GATEWAY6 = f"{SUBNET6}::1"

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

# What process of a pod holds its namespaces: says when they are ready, then sleeps for ever.
_PAUSE = ('mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && ip link set lo up && echo ready && '
          'exec sleep infinity')


class SceneError(Exception):
    """Something of the scene does not work; the text says what, for people."""


def die_with_parent():
    """For a child between fork and exec: nothing of a scene outlives the process that made it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*command, **options):
    """Output of a command that ends by itself; SceneError with its words when it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, env={**os.environ, "PATH": _PATH}, **options)
    if done.returncode != 0:
        raise SceneError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


class Pod:
    """Made by Network.pod. `ip` is its address; programs run in it by putting enter() before their command line."""

    def __init__(self, name, number, folder):
        self.name = name
        self.ip = f"{SUBNET}.{number}"
        self.hosts = os.path.join(folder, f"{name}.hosts")
        self.set_names({})
        resolver = os.path.join(folder, "resolv.conf")
        with open(resolver, "w", encoding="ascii") as file:
            file.write("nameserver 127.0.0.1\n")  # refuses at once
        self.pause = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", _PAUSE, "pause", self.hosts, resolver], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent, text=True,
            env={**os.environ, "PATH": _PATH})
        said = self.pause.stdout.readline()
        if said != "ready\n":
            raise SceneError(f"pod {name}: {said.strip()}{self.pause.stdout.read().strip()}")

    def set_names(self, names):
        """Writes the pod's /etc/hosts: {name: address}. In place, since the file is mounted."""
        lines = ["127.0.0.1 localhost", f"{self.ip} {self.name}"]
        lines += [f"{address} {name}" for name, address in names.items()]
        with open(self.hosts, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def enter(self):
        """What goes before a command that shall run in this pod."""
        return ["nsenter", f"--target={self.pause.pid}", "--net", "--mount", "--"]

    def run(self, *command, **options):
        return run(*self.enter(), *command, **options)

    def close(self):
        self.pause.kill()
        self.pause.wait()
        self.pause.stdout.close()


def has_ipv6():
    """Whether this network namespace, and those made from it, have IPv6."""
    try:
        with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", encoding="ascii") as file:
            return file.read().strip() == "0"
    except FileNotFoundError:
        return False


_links = itertools.count(10)


class Network:
    """The bridge and its pods. A context manager; on exit the pods end, and the kernel takes their links with them."""

    def __init__(self, folder):
        self.folder = folder
        self.pods = {}
        self.ipv6 = False  # known from __enter__ on

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "mesh", "type", "bridge")
        run("ip", "addr", "add", f"{GATEWAY}/24", "dev", "mesh")
        self.ipv6 = has_ipv6()
        if self.ipv6:
            run("ip", "addr", "add", f"{GATEWAY6}/64", "dev", "mesh", "nodad")
        run("ip", "link", "set", "mesh", "up")
        return self

    def __exit__(self, kind, value, trace):
        for pod in self.pods.values():
            pod.close()
        run("ip", "link", "del", "mesh")

    def pod(self, name):
        number = len(self.pods) + 10
        pod = self.pods[name] = Pod(name, number, self.folder)
        link = f"pod{next(_links)}"  # a link of an earlier network may still be going
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(pod.pause.pid))
        run("ip", "link", "set", link, "master", "mesh", "up")
        # A pod routes everything to the bridge, virtual addresses too, so that capture rules get to see it.
        setup = f"ip addr add {pod.ip}/24 dev eth0 && ip link set eth0 up && ip route add default via {GATEWAY}"
        if self.ipv6:
            setup += f" && ip addr add {SUBNET6}::{number}/64 dev eth0 nodad && ip -6 route add default via {GATEWAY6}"
        pod.run("sh", "-c", setup)
        return pod
