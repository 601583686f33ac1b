#!/usr/bin/env python3
"""`weft-proxy capture` in real pods: which connections are redirected, to where, and what is left behind."""

import ipaddress
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import capabilities, cases, netns, programs  # noqa: E402
from tests.support.cases import case, check, equal  # noqa: E402

INBOUND, OUTBOUND = 15006, 15001
SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST = 80, 80
NO_ADDRESS, NO_ADDRESS6 = "240.240.0.7", "fd77::7"  # routable, nobody has them: virtual IPs

# How the proxy marks its own sockets (proxy/net/own_traffic.h).
TO_PEER = {"mark": (socket.SO_MARK, 0x77656674), "priority": (socket.SO_PRIORITY, 5)}
STRAIGHT = {"mark": (socket.SO_MARK, 0x77656675), "priority": (socket.SO_PRIORITY, 3)}

FOREIGN = """table ip foreign {
 set numbers {
  type ipv4_addr
  elements = { 10.9.9.9 }
 }
 chain output {
  type nat hook output priority -90; policy accept;
  ip daddr @numbers tcp dport 1 redirect to :2 comment "theirs"
 }
}
table inet weft_of_somebody {
 chain c {
  tcp dport 15001 accept
 }
}
"""


def capture(pod, *flags, preexec=None):
    """(exit code, what it said)."""
    with pod:
        done = subprocess.run([programs.weft_proxy(), "capture", *flags], stdin=subprocess.DEVNULL, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=preexec)
    return done.returncode, done.stdout


def captured(pod, *flags):
    code, text = capture(pod, "--inbound", str(INBOUND), "--outbound", str(OUTBOUND), *flags)
    equal(code, 0, f"exit code of capture ({text.strip()})")


def nft(pod, *arguments):
    return pod.run(programs.debian("nft", "nftables"), *arguments)


def original_destination(connection, v4):
    if v4:
        raw = connection.getsockopt(socket.IPPROTO_IP, SO_ORIGINAL_DST, 16)
        return socket.inet_ntop(socket.AF_INET, raw[4:8]), struct.unpack("!H", raw[2:4])[0]
    raw = connection.getsockopt(socket.IPPROTO_IPV6, IP6T_SO_ORIGINAL_DST, 28)
    return socket.inet_ntop(socket.AF_INET6, raw[8:24]), struct.unpack("!H", raw[2:4])[0]


class Listener:
    """Accepts on one port of a pod, all addresses, and says where a connection was going."""

    def __init__(self, pod, port):
        self.port = port
        with pod:
            self.socket = socket.socket(socket.AF_INET6)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::", port))
        self.socket.listen(16)
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def take(self):
        """(address, port) of the next connection, as the client wrote them, or None when there is none."""
        try:
            connection, peer = self.socket.accept()
        except BlockingIOError:
            return None
        with connection:
            try:
                return original_destination(connection, bool(ipaddress.ip_address(peer[0]).ipv4_mapped))
            except FileNotFoundError:  # nothing is tracked in that pod
                return connection.getsockname()[:2]


def connect(pod, address, port, option=None):
    """Opens and closes one connection from `pod`; returns False when nobody answers."""
    with pod:
        client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with client:
        client.settimeout(5)
        if option is not None:
            client.setsockopt(socket.SOL_SOCKET, *option)
        try:
            client.connect((address, port))
        except OSError:
            return False
        return True


class Scene:
    """Two pods; `pod` is captured and its proxy's ports are open, its application and the other pod's listen on 8080."""

    def __init__(self, t, *flags):
        self.network = t.start(netns.Network())
        self.pod, self.other = self.network.pod("captured"), self.network.pod("other")
        captured(self.pod, *flags)
        self.inbound = t.start(Listener(self.pod, INBOUND))
        self.outbound = t.start(Listener(self.pod, OUTBOUND))
        self.application = t.start(Listener(self.pod, 8080))
        self.remote = t.start(Listener(self.other, 8080))

    def arrives(self, source, address, port=8080, option=None):
        """Which of the four listeners got a connection to `address`, and where it was going."""
        connected = connect(source, address, port, option)
        seen = [(name, listener.take()) for name, listener in vars(self).items() if isinstance(listener, Listener)]
        seen = [(name, to) for name, to in seen if to is not None]
        check(connected == bool(seen), f"connected is {connected}, but {seen} saw it")
        check(len(seen) <= 1, f"one connection, seen by {seen}")
        return seen[0] if seen else (None, None)


@case
def twice_leaves_the_same_rules(t):
    pod = t.start(netns.Network()).pod("captured")
    captured(pod)
    once = nft(pod, "list", "ruleset")
    check("redirect to :15001" in once and "redirect to :15006" in once, f"rules: {once}")
    captured(pod)
    equal(nft(pod, "list", "ruleset"), once, "rules after the second time")
    captured(pod, "--exclude-outbound-ports", "25")
    check("dport 25 return" in nft(pod, "list", "ruleset"), "other settings replace the earlier ones")
    captured(pod)
    equal(nft(pod, "list", "ruleset"), once, "rules after going back")


@case
def undo_restores_what_was_there_exactly(t):
    pod = t.start(netns.Network()).pod("captured")
    with pod:
        subprocess.run([programs.debian("nft", "nftables"), "-f", "-"], input=FOREIGN, text=True, check=True)
    before = nft(pod, "-a", "list", "ruleset")
    captured(pod)
    check(nft(pod, "-a", "list", "ruleset").startswith(before.rstrip("\n")), "foreign tables are untouched")
    for _ in range(2):  # the second time there is nothing to undo
        equal(capture(pod, "--undo")[0], 0, "exit code of undo")
        equal(nft(pod, "-a", "list", "ruleset"), before, "rules after undo")


@case
def undo_on_a_pod_that_was_never_captured_leaves_nothing(t):
    pod = t.start(netns.Network()).pod("fresh")
    equal(capture(pod, "--undo")[0], 0, "exit code")
    equal(nft(pod, "list", "ruleset"), "", "rules")


@case
def undo_takes_the_rules_of_another_form_too(t):
    pod = t.start(netns.Network()).pod("captured")
    captured(pod, "--ipv4-only")
    captured(pod)
    check("table ip weft" not in nft(pod, "list", "ruleset"), "two sets of rules")
    captured(pod, "--ipv4-only")
    check("table inet weft" not in nft(pod, "list", "ruleset"), "two sets of rules")
    equal(capture(pod, "--undo")[0], 0, "exit code")
    equal(nft(pod, "list", "ruleset"), "", "rules")


@case
def dry_run_changes_nothing_and_prints_what_nft_takes(t):
    pod = t.start(netns.Network()).pod("dry")
    code, text = capture(pod, "--dry-run")
    equal(code, 0, "exit code")
    equal(nft(pod, "list", "ruleset"), "", "rules after a dry run")
    with pod:
        subprocess.run([programs.debian("nft", "nftables"), "-f", "-"], input=text, text=True, check=True)
    printed = nft(pod, "list", "ruleset")
    captured(pod)
    equal(nft(pod, "list", "ruleset"), printed, "rules")


@case
def traffic_of_the_application_goes_to_the_outbound_port(t):
    scene = Scene(t)
    for address in (scene.other.ip, scene.other.ip6, NO_ADDRESS, NO_ADDRESS6):
        equal(scene.arrives(scene.pod, address), ("outbound", (address, 8080)), f"to {address}")


@case
def traffic_to_the_pod_goes_to_the_inbound_port(t):
    scene = Scene(t)
    for address in (scene.pod.ip, scene.pod.ip6):
        for port in (8080, 22):
            equal(scene.arrives(scene.other, address, port), ("inbound", (address, port)), f"to {address} port {port}")


@case
def connections_from_before_the_rules_go_on(t):
    """Both ways, and whoever speaks first: a redirected one would be reset, or hang."""
    network = t.start(netns.Network())
    pod, other = network.pod("captured"), network.pod("other")
    for inside, outside in ((pod, other), (other, pod)):
        for speaker in ("client", "server"):
            with outside:
                listening = t.start(socket.create_server((outside.ip, 0)))
            with inside:
                client = t.start(socket.create_connection(listening.getsockname()[:2], timeout=5))
            server = t.start(listening.accept()[0])
            server.settimeout(5)
            captured(pod)
            first, second = (client, server) if speaker == "client" else (server, client)
            for sender, receiver in ((first, second), (second, first)):
                sender.sendall(b"still here")
                equal(receiver.recv(64), b"still here", f"from {inside.name} to {outside.name}, the {speaker} speaks first")
            equal(capture(pod, "--undo")[0], 0, "exit code of undo")


@case
def metrics_are_not_captured(t):
    scene = Scene(t)
    scene.metrics = t.start(Listener(scene.pod, 15020))
    for address in (scene.pod.ip, scene.pod.ip6):
        equal(scene.arrives(scene.other, address, 15020)[0], "metrics", f"to {address}")


@case
def traffic_within_the_pod_is_left_alone(t):
    scene = Scene(t)
    for address in ("127.0.0.1", "127.0.0.2", "::1", scene.pod.ip, scene.pod.ip6):
        equal(scene.arrives(scene.pod, address)[0], "application", f"to {address}")


@case
def own_traffic_leaves_the_pod(t):
    scene = Scene(t)
    for how in ("mark", "priority"):
        for kind in (TO_PEER, STRAIGHT):
            for address in (scene.other.ip, scene.other.ip6):
                equal(scene.arrives(scene.pod, address, option=kind[how])[0], "remote", f"{how} to {address}")


@case
def own_traffic_to_the_own_pod_passes_the_inbound_side_once(t):
    """What a call of the own service becomes: outbound side → inbound side → application, and no loop."""
    scene = Scene(t)
    for how in ("mark", "priority"):
        for address in (scene.pod.ip, scene.pod.ip6):
            equal(scene.arrives(scene.pod, address, option=TO_PEER[how]), ("inbound", (address, 8080)), f"{how} to a peer")
            equal(scene.arrives(scene.pod, address, option=STRAIGHT[how])[0], "application", f"{how}, straight")
        for address in ("127.0.0.1", "::1"):
            equal(scene.arrives(scene.pod, address, option=TO_PEER[how])[0], "application", f"{how} to {address}")


@case
def priority_needs_no_capability(t):
    scene = Scene(t)
    program = ("import socket, sys\n"
               "s = socket.socket()\n"
               "try:\n s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1); sys.exit('may set marks')\n"
               "except PermissionError: pass\n"
               "s.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 5)\n"
               "s.connect((sys.argv[1], 8080))\n")
    with scene.pod:
        subprocess.run(["/usr/bin/python3", "-c", program, scene.other.ip], check=True, timeout=20,
                       preexec_fn=capabilities.drop_all)
    check(scene.remote.take() is not None, "it did not reach the other pod")
    equal(scene.outbound.take(), None, "captured")


@case
def exclusions_and_inclusions(t):
    scene = Scene(t, "--exclude-inbound-ports", "22,8000-8090", "--exclude-outbound-ports", "25",
                  "--exclude-outbound-cidrs", f"{NO_ADDRESS}/32,fd77::/16")
    equal(scene.arrives(scene.other, scene.pod.ip)[0], "application", "an excluded port of the pod")
    equal(scene.arrives(scene.other, scene.pod.ip, 80)[0], "inbound", "another port")
    equal(scene.arrives(scene.pod, scene.other.ip, 25)[0], None, "an excluded port elsewhere")
    equal(scene.arrives(scene.pod, scene.other.ip, 26)[0], "outbound", "another port")
    scene.other.run("ip", "addr", "add", f"{NO_ADDRESS}/32", "dev", "lo")  # the excluded network is there
    scene.pod.run("ip", "route", "add", f"{NO_ADDRESS}/32", "via", scene.other.ip)
    equal(scene.arrives(scene.pod, NO_ADDRESS)[0], "remote", "an excluded network")

    captured(scene.pod, "--include-inbound-ports", "80", "--include-outbound-ports", "443", "--include-outbound-cidrs",
             "240.0.0.0/4")
    equal(scene.arrives(scene.other, scene.pod.ip)[0], "application", "a port that is not included")
    equal(scene.arrives(scene.other, scene.pod.ip, 80)[0], "inbound", "an included one")
    equal(scene.arrives(scene.pod, scene.other.ip)[0], "remote", "neither port nor network is included")
    equal(scene.arrives(scene.pod, scene.other.ip, 443)[0], "outbound", "an included port")
    equal(scene.arrives(scene.pod, NO_ADDRESS)[0], "outbound", "an included network")


@case
def interfaces_can_be_excluded(t):
    scene = Scene(t, "--exclude-interfaces", "eth*")
    equal(scene.arrives(scene.other, scene.pod.ip)[0], "application", "inbound")
    equal(scene.arrives(scene.pod, scene.other.ip)[0], "remote", "outbound")


@case
def forwarded_traffic_is_not_captured(t):
    """A pod that routes for others (containers inside of it) does not take their connections."""
    scene = Scene(t)
    third = scene.network.pod("third")
    scene.third = t.start(Listener(third, 9090))
    third.run("ip", "addr", "add", f"{NO_ADDRESS}/32", "dev", "lo")
    scene.pod.run("ip", "route", "add", f"{NO_ADDRESS}/32", "via", third.ip)
    scene.other.run("ip", "route", "add", f"{NO_ADDRESS}/32", "via", scene.pod.ip)
    with scene.pod, open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as switch:
        switch.write("1")
    equal(scene.arrives(scene.other, NO_ADDRESS, 9090)[0], "third", "through the captured pod")


@case
def without_the_capability_it_says_what_is_missing(t):
    pod = t.start(netns.Network()).pod("poor")
    code, text = capture(pod, preexec=capabilities.drop_all)
    equal(code, 1, "exit code")
    check("CAP_NET_ADMIN" in text and "NET_ADMIN" in text, f"message: {text}")
    equal(nft(pod, "list", "ruleset"), "", "rules")


@case
def usage_errors_change_nothing(t):
    pod = t.start(netns.Network()).pod("usage")
    code, text = capture(pod, "--exclude-outbound-cidrs", "10.0.0.1/8")
    equal(code, 2, "exit code")
    check("--exclude-outbound-cidrs" in text and "10.0.0.1/8" in text, f"message: {text}")
    equal(nft(pod, "list", "ruleset"), "", "rules")


if __name__ == "__main__":
    cases.main(__file__)
