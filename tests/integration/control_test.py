#!/usr/bin/env python3
"""weft-control and `weft`, without proxies: what is applied is kept, what is wrong is named, nothing acknowledged is lost.

Source: issue 3, points 3 and 6, and "must show" 6.
"""

import json
import os
import re
import stat
import struct
import subprocess
import sys
import threading
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases, programs, wrong_objects  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.control import ANY_PORTS, Control  # noqa: E402

KILLS, LONG_KILLS = 10, 200


def service(name, port=80, version=""):
    head = f", resourceVersion: '{version}'" if version else ""
    return (f"apiVersion: weft.dev/v1\nkind: Service\nmetadata: {{name: {name}{head}}}\n"
            f"spec: {{ports: [{{port: {port}, protocol: HTTP}}], selector: {{app: {name}}}}}\n")


ROUTE = """apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{kind: Service, group: weft.dev, name: web}]
  rules: [{backendRefs: [{name: web, port: 80}], timeouts: {request: 10s}}]
"""


def good(done):
    equal(done.returncode, 0, f"exit code ({done.stderr.strip()})")
    return done.stdout


def port_of(control, name):
    return control.read("get", "service", name)["spec"]["ports"][0]["port"]


@case
def what_is_applied_is_there_and_in_the_log(t):
    control = t.start(Control())
    text = good(control.apply(service("web") + "---\n" + service("api"), "-m", "two services"))
    check("service/web created" in text and "service/api created" in text, f"output: {text}")
    web = control.read("get", "service", "web")
    equal(web["spec"]["ports"], [{"port": 80, "protocol": "HTTP"}], "ports")
    check(any(re.fullmatch(r"240\.240\.\d+\.\d+", address) for address in web["status"]["addresses"]), f"status: {web['status']}")
    equal([item["metadata"]["name"] for item in control.read("get", "all")["items"]], ["api", "web"], "list")

    check("unchanged" in good(control.apply(service("web"))), "the same again changes nothing")
    check("configured" in good(control.apply(service("web", 81))), "a change")
    newest, first = control.read("log")["revisions"]
    equal([change["action"] for change in newest["changes"]], ["CONFIGURED"], "newest entry")
    equal((first["message"], len(first["changes"])), ("two services", 2), "first entry")
    check("@" in first["author"], f"author: {first['author']}")
    check("service/web" in good(control.weft("log")), "the table")


@case
def rollback_is_a_revision_of_its_own(t):
    control = t.start(Control())
    first = json.loads(good(control.apply(service("web", 80), "-o", "json")))["revision"]
    good(control.apply(service("web", 81) + "---\n" + service("api")))
    good(control.weft("rollback", str(first)))
    equal(port_of(control, "web"), 80, "port")
    equal(control.weft("get", "service", "api").returncode, 1, "exit code for what is gone")
    equal(len(control.read("log")["revisions"]), 3, "revisions")
    equal(control.weft("rollback", "99").returncode, 1, "exit code for a revision that is not there")


@case
def delete_asks_for_what_is_there(t):
    control = t.start(Control())
    good(control.apply(service("web")))
    good(control.weft("delete", "service", "web", "--dry-run"))
    equal(port_of(control, "web"), 80, "port after a dry run")
    good(control.weft("delete", "service", "web"))
    equal(control.weft("delete", "service", "web").returncode, 1, "exit code the second time")
    good(control.weft("delete", "service", "web", "--ignore-not-found"))


@case
def dry_run_says_what_would_be_and_changes_nothing(t):
    control = t.start(Control())
    text = good(control.apply(service("web"), "--dry-run"))
    check("created" in text and "dry run" in text, f"output: {text}")
    equal(control.read("get", "services").get("items", []), [], "objects")
    equal(control.read("log").get("revisions", []), [], "revisions")


@case
def stale_version_is_a_conflict(t):
    control = t.start(Control())
    good(control.apply(service("web")))
    old = control.read("get", "service", "web")["metadata"]["resourceVersion"]
    good(control.apply(service("web", 81, version=old)))
    done = control.apply(service("web", 82, version=old))
    equal(done.returncode, 5, f"exit code ({done.stderr.strip()})")
    check("resourceVersion" in done.stderr and "nothing was applied" in done.stderr, f"message: {done.stderr}")
    equal(port_of(control, "web"), 81, "port")


@case
def what_get_wrote_can_be_applied_here_and_on_an_empty_store(t):
    control, empty = t.start(Control()), t.start(Control())
    good(control.apply(service("api")))
    good(control.apply(service("web") + "---\n" + ROUTE))
    good(control.apply("apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {}\n", "-n", "shop"))
    for what in (("all", "-A"), ("all",), ("service", "web"), ("httproute", "web"), ("meshconfig", "default")):
        text = good(control.weft("get", *what, "-o", "yaml"))
        check("resourceVersion" in text and "status:" in text, f"{what}: {text}")
        for flags in ((), ("-n", "shop") if what[0] == "meshconfig" else ()):
            done = control.apply(text, *flags)
            check("created" not in good(done) and "configured" not in done.stdout, f"{what}: the same again changes: {done.stdout}")
    check("created" in good(empty.apply(good(control.weft("get", "all", "-A", "-o", "yaml")))), "nothing came to the empty store")
    for mine in control.read("get", "all", "-A")["items"]:
        theirs = empty.read("get", mine["kind"], mine["metadata"]["name"])
        equal(theirs["spec"], mine["spec"], f"spec of {mine['kind']}")
    text = good(control.weft("get", "service", "web", "-o", "yaml"))
    good(control.apply(service("web", 81)))
    done = control.apply(text)
    equal(done.returncode, 5, "exit code when the object has changed since")
    check("is stale: the object is at" in done.stderr, done.stderr)


@case
def history_is_pruned_and_what_is_needed_stays(t):
    control = t.start(Control(flags=["--history-revisions=3", "--history-age=1us"]))
    good(control.apply(service("quiet")))
    for port in range(1, 8):
        good(control.apply(service("web", port)))
    control.kill()
    control.launch()  # it keeps house at its start, and then once a minute
    control.wait_ready()
    check("history: forgot 5 revisions" in control.log_text(), control.log_tail())
    equal([entry["revision"] for entry in control.read("log")["revisions"]], ["8", "7", "6"], "log")
    equal(port_of(control, "quiet"), 80, "what changed long ago")
    done = control.weft("rollback", "2")
    equal(done.returncode, 1, "exit code")
    check("revision 2 is no longer kept; the oldest is 6" in done.stderr, done.stderr)
    good(control.weft("rollback", "6"))
    equal(port_of(control, "web"), 5, "port after the rollback")


@case
def wrong_files_are_refused_by_file_line_and_field(t):
    control = t.start(Control())
    check(len(wrong_objects.WRONG) >= 30, "there are fewer than 30 files")
    for name, (text, line, field) in wrong_objects.WRONG.items():
        path = os.path.join(control.folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = control.weft("apply", "-f", path)
        equal(done.returncode, 1, f"exit code of {name} ({done.stderr.strip()})")
        wanted = re.compile(rf"^weft: {re.escape(path)}:{line}:\d+: (?:[^:]*: )?[^ ]*{re.escape(field)}", re.M)
        check(wanted.search(done.stderr), f"{name}: expected line {line} and field {field}, saw {done.stderr}")
    equal(control.read("get", "all").get("items", []), [], "objects")


@case
def one_wrong_object_stops_the_whole_file(t):
    control = t.start(Control())
    done = control.apply(service("web") + "---\n" + service("api", 0))
    equal(done.returncode, 1, "exit code")
    check("Service/default/api: spec.ports[0].port" in done.stderr, f"message: {done.stderr}")
    equal(control.read("get", "services").get("items", []), [], "objects")


@case(seconds=120)
def no_acknowledged_object_is_lost_by_kill_9(t):
    control = t.start(Control())
    acknowledged, stop = {}, threading.Event()
    lock = threading.Lock()

    def write(number):
        count = 0
        while not stop.is_set():
            count += 1
            name, port = f"writer-{number}-{count % 5}", 1 + count % 60000
            if control.apply(service(name, port)).returncode == 0:
                with lock:
                    acknowledged[name] = port
            else:  # it may have been stored all the same: what was there before, or this, is right
                with lock:
                    acknowledged[name] = {port} | (lambda v: v if isinstance(v, set) else {v})(acknowledged.get(name))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        for number in range(LONG_KILLS if cases.Options.long else KILLS):
            before = len(control.read("log", "--limit", "100000").get("revisions", []))
            wait_until(lambda: control.alive() and len(control.read("log", "--limit", "100000").get("revisions", [])) > before + 3,
                       f"applies after kill {number}", 30)
            control.kill()
            control.launch()
            control.wait_ready()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    there = {item["metadata"]["name"]: item["spec"]["ports"][0]["port"] for item in control.read("get", "services")["items"]}
    for name, port in acknowledged.items():
        allowed = port if isinstance(port, set) else {port}
        check(there.get(name) in allowed, f"{name}: acknowledged {port}, found {there.get(name)}")


@case
def second_instance_on_one_store_is_refused(t):
    control = t.start(Control())
    done = subprocess.run([programs.weft_control(), "serve", "--data", control.data, *ANY_PORTS], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=20)
    check(done.returncode not in (0, -11), f"exit code {done.returncode}")
    check(control.data in done.stdout, f"message: {done.stdout}")
    good(control.apply(service("web")))


@case
def secrets_are_for_their_owner_only(t):
    control = t.start(Control())
    good(control.apply(service("web")))
    for folder, _, files in os.walk(control.data):
        for name in files:
            if name.startswith("store") or "token" in name or "key" in name or name.endswith(".sock"):
                mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
                equal(oct(mode & 0o077), "0o0", f"rights of others on {name}")
    equal(stat.S_IMODE(os.stat(control.socket).st_mode) & 0o077, 0, "rights of others on the socket")


@case
def json_over_http_wants_the_admin_token(t):
    control = t.start(Control())
    good(control.apply(service("web")))
    path = "/v1/objects/service/default/web"
    for token in (None, "guessed-guessed-guessed-guessed-guessed"):
        status, text = control.http("GET", path, token=token)
        equal(status, 401, f"status with token {token}")
        check(control.folder not in text, f"a stranger learns where the data is: {text}")
    check("control API refused to 127.0.0.1: this is not the admin token" in control.log_text(), control.log_tail())
    for _ in range(30):
        equal(control.http("GET", path, token="guessed-again")[0], 401, "status")
    check(control.log_text().count("control API refused to") <= 11, "a guesser fills the log")
    with urllib.request.urlopen(f"http://{control.addresses()['metrics']}/metrics", timeout=20) as answer:
        check('weft_control_events_total{event="admin_refused"} 32\n' in answer.read().decode(), "refusals are counted")
    status, text = control.http("GET", path, token=control.admin_token())
    equal(status, 200, f"status ({text})")
    equal(json.loads(text)["spec"]["ports"][0]["port"], 80, "port")


def grpc_call(control, method, message):
    """Response bytes of a call over plain HTTP/2, as any gRPC client makes it. nghttp prints what it got."""
    path = os.path.join(control.folder, "call")
    with open(path, "wb") as file:
        file.write(struct.pack("!BI", 0, len(message)) + message)
    done = subprocess.run([programs.debian("nghttp", "nghttp2-client"), "--no-dep", "-d", path, "-H", "content-type: application/grpc",
                           "-H", "te: trailers", "-H", f"authorization: Bearer {control.admin_token()}",
                           f"http://{control.addresses()['api'][0]}/{method}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=20)
    equal(done.returncode, 0, f"exit code of nghttp ({done.stderr.decode(errors='replace')})")
    return done.stdout


@case
def reflection_names_the_service_and_its_messages(t):
    """What grpcurl does: list the services, ask for the file of one, call a method of it."""
    control = t.start(Control())
    reflection = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    services = grpc_call(control, reflection, b"\x3a\x01*")  # list_services = 7
    for name in (b"weft.v1.Control", b"grpc.health.v1.Health"):
        check(name in services, f"{name} is not among {services}")
    symbol = b"weft.v1.Control"
    described = grpc_call(control, reflection, b"\x22" + bytes([len(symbol)]) + symbol)  # file_containing_symbol = 4
    check(b"GetVersion" in described and b"weft/v1/control.proto" in described, f"description: {described[:200]}")
    check(b"cluster.local" in grpc_call(control, "weft.v1.Control/GetVersion", b""), "a call")


@case
def join_tokens_are_listed_without_their_secret(t):
    control = t.start(Control())
    token = good(control.weft("token", "create", "--identity", "shop/web", "--uses", "2", "--ttl", "10m")).strip()
    listed = control.weft("token", "list")
    check("shop/web" in listed.stdout and "0/2" in listed.stdout, f"list: {listed.stdout}")
    check(token not in listed.stdout + control.weft("token", "list", "-o", "json").stdout, "the secret is shown again")
    identity = control.read("token", "list")["tokens"][0]["id"]
    good(control.weft("token", "revoke", identity))
    check("revoked" in good(control.weft("token", "list")), "state")
    equal(control.weft("token", "create", "--identity", "nonsense").returncode, 1, "exit code for an identity that is none")


@case
def mesh_commands_answer_on_an_empty_mesh(t):
    control = t.start(Control())
    equal(control.read("proxies").get("proxies", []), [], "proxies")
    roles = {entry["role"] for entry in control.read("certs")["certificates"]}
    check({"root", "issuing"} <= roles, f"certificates: {roles}")
    equal(control.weft("config", "nobody.shop").returncode, 1, "exit code for an unknown proxy")
    check("weft-control" in good(control.weft("version")), "version")


def offered(*words):
    """What bash offers for the last word."""
    weft = programs.weft()
    script = (f'source <("{weft}" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weft; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(["bash", "--norc", "-euc", script, "bash", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, check=True).stdout.split()


@case
def bash_completes_commands_kinds_and_flags(_):
    equal(offered("weft", "ro"), ["rollback"], "a command")
    equal(offered("weft", "-n", "shop", "get", "http"), ["httproutes"], "a kind, after a flag with a value")
    equal(offered("weft", "token", "cr"), ["create"], "a command of a command")
    equal(offered("weft", "token", "create", "--i"), ["--identity"], "a flag")
    equal(offered("weft", "get", "all", "-o", "y"), ["yaml"], "a flag's value")


@case
def error_about_a_very_long_name_was_lost(t):
    """gRPC takes 8 KiB of trailers, and the text was cut in the middle of a character."""
    control = t.start(Control())
    for name in ("a" * 5000, "é" * 3000, "aé" * 3000):
        done = control.apply("apiVersion: weft.dev/v1\nkind: Service\n"
                             f"metadata: {{name: {name}, namespace: shop}}\nspec: {{ports: [{{port: 80}}]}}\n")
        equal(done.returncode, 1, "exit code")
        check("<stdin>:3:18: Service/shop/" in done.stderr and "metadata.name" in done.stderr, done.stderr[:300])
    check("ERROR" not in control.log_text(), control.log_text)


if __name__ == "__main__":
    cases.main(__file__)
