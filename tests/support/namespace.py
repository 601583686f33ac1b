"""Keeps a test process and everything that it starts on a loopback of its own.

`enter_private_network` moves this process into a fresh network namespace with only `lo` in it, so
that no test can reach another machine, clash with a port in use, or be disturbed by firewall rules
of the host. Where the kernel does not allow that, an audit hook refuses every connect and bind of
this process outside loopback. Call it before any thread is started.
"""

import ctypes
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import sys

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

_entered = False


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _unshare():
    """True when this process now has a network namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0:
        return True
    if ctypes.get_errno() != errno.EPERM:
        return False
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1\n")
    _write("/proc/self/gid_map", f"{gid} {gid} 1\n")
    return True


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        answer = fcntl.ioctl(control, _SIOCGIFFLAGS, request)
        flags = struct.unpack("16sH14x", answer)[1] | _IFF_UP
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags))


def _is_loopback(address):
    if not isinstance(address, tuple):
        return True  # a unix socket
    host = address[0]
    if host in ("", "localhost"):
        return True
    try:
        ip = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified


def _guard(event, arguments):
    if event in ("socket.connect", "socket.bind") and not _is_loopback(arguments[1]):
        raise RuntimeError(f"a test may only use loopback, not {arguments[1]!r}")


def enter_private_network():
    """Idempotent. Returns True when in a namespace of its own, False when only guarded."""
    global _entered
    if _entered or os.environ.get("WEFT_TEST_NAMESPACE") == "shared":
        return _entered
    try:
        if _unshare():
            _loopback_up()
            _entered = True
            return True
    except OSError as why:
        sys.stderr.write(f"no network namespace of its own ({why})\n")
    sys.addaudithook(_guard)
    sys.stderr.write("no network namespace of its own: guarded to loopback\n")
    return False
