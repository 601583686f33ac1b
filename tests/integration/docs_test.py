#!/usr/bin/env python3
"""The documentation says what the programs do: every flag, metric and error word stands in docs/operating.md, every file that a
page names exists, and the examples run.
"""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, control, process, programs, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, fetch  # noqa: E402

ROOT = programs.ROOT
EXAMPLES = os.path.join(ROOT, "docs", "examples")
# A root folder of the tree, then a path; `{cc,h}`-like shorthands are expanded below.
PATH = re.compile(r"(?:\./)?((?:api|schema|pki|proxy|control|deploy|docs|tests|third_party|tools)/[\w./{},*-]+|\.ci/run|[\w-]+\.md)")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def pages():
    return ["README.md"] + sorted(os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, "docs", "*.md")))


def missing(words, text):
    """Those that do not stand in the text as words of their own."""
    return sorted(word for word in words if not re.search(r"(?<![\w-])" + re.escape(word) + r"(?![\w-])", text))


def help_of(program, *words):
    done = subprocess.run([program, *words, "--help"], stdout=subprocess.PIPE, text=True, check=False)
    equal(done.returncode, 0, f"exit code of {program} {' '.join(words)} --help")
    return done.stdout


def flags_in(text):
    """Long flags at the beginning of a help line: `--name`, `-x,--name`."""
    return set(re.findall(r"^\s+(?:-\w,)?(--[a-z][a-z0-9-]*)", text, re.MULTILINE))


def subcommands_in(text):
    part = text.partition("Subcommands:")[2]
    return re.findall(r"^  ([a-z]+)  ", part, re.MULTILINE)


def flags_of(program, *words):
    """Of the command and all commands below it."""
    text = help_of(program, *words)
    flags = flags_in(text)
    for command in subcommands_in(text):
        flags |= flags_of(program, *words, command)
    return flags


@case
def every_flag_is_described(t):
    text = read("docs/operating.md")
    for program, words in ((programs.weft_proxy(), ()), (programs.weft_proxy(), ("capture",)), (programs.weft_control(), ()),
                           (programs.weft(), ())):
        flags = flags_of(program, *words)
        check(len(flags) >= 8, f"only {flags} found in the help of {program} {words}")
        equal(missing(flags, text), [], f"flags of {os.path.basename(program)} {' '.join(words)} that docs/operating.md leaves out")


def words_of(path, names_of):
    """The words that `Name(kind)` of a .cc file returns for the values of one enum."""
    words = re.findall(rf'case {names_of}::k\w+:\s+return "(\w+)";', read(path))
    check(len(words) >= 10, f"{path} gives only {words}")
    return set(words)


@case
def every_error_word_is_described(t):
    text = read("docs/operating.md")
    table = text.partition("## Error words")[2].partition("\n## ")[0]
    kinds = words_of("proxy/base/failure.cc", "FailureKind")
    equal(missing(kinds, table), [], "failure words that docs/operating.md leaves out")
    equal(missing(words_of("proxy/tls/fault.cc", "Fault"), table.partition("### TLS words")[2]), [], "TLS words that it leaves out")
    # Status, gRPC status and flag are those of the one table.
    numbers = dict(re.findall(r"(k\w+) = (\d+)", read("proxy/http/reply.cc").partition("class TextBody")[0]))
    names = dict(re.findall(r'case FailureKind::(k\w+):\s+return "(\w+)";', read("proxy/base/failure.cc")))
    replies = re.findall(r'case FailureKind::(k\w+):\s+return \{(\d+), (k\w+), "(\w*)"', read("proxy/http/reply.cc"))
    equal(len(replies), len(kinds), "lines of the reply table")
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]+\|[^|]+\|[^|]*)\|", table.partition("### TLS words")[0], re.MULTILINE))
    for kind, status, grpc, flag in replies:
        wanted = ["-" if status == "0" else status, numbers[grpc], flag]
        seen = [cell.strip() for cell in rows.get(names[kind], "").split("|")]
        equal(seen, wanted, f"status, gRPC status and flag of {names[kind]}")


def metric_names(text):
    return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


@case
def every_metric_of_the_proxy_is_described(t):
    """Of a page with traffic of both kinds, a malformed request and a dead endpoint."""
    web = t.start(upstream.Upstream())
    port, tcp_port = process.free_port(), process.free_port()
    host = b.virtual_host("all", ["*"], b.route({"prefix": "/web"}, "web"), b.route(None, "dead"))
    proxy = proxies.start(t, [b.http_listener(port, [host]), b.tcp_listener(tcp_port, "web")],
                          [b.cluster("web", web.port), b.cluster("dead", process.free_port())])
    equal(fetch(port, "GET", "/web").status, 200, "status")
    equal(fetch(port, "GET", "/").status, 503, "status of a dead endpoint")
    equal(fetch(tcp_port, "GET", "/").status, 200, "status through TCP")
    with Client(port) as client:
        client.send(b"GET / HTTP/1.1\r\nnot a field\r\n\r\n")
        equal(client.read_response().status, 400, "status of a malformed request")
    wait_until(lambda: proxy.total("weft_tcp_connections_total") >= 1, "the opaque connection counted")
    seen = metric_names(proxy.admin("GET", "/metrics").body.decode())
    for name in ("weft_requests_total", "weft_malformed_requests_total", "weft_upstream_failures_total"):
        check(name in seen, f"{name} is not on the page")
    # Those that this traffic does not bring: the code's own list.
    page = read("proxy/telemetry/metrics.cc") + read("proxy/app/process_pages.cc") + read("proxy/telemetry/process_stats.cc")
    made = {"weft_" + name for name in re.findall(r'page\.(?:Counter|Gauge|Histogram)\("(\w+)"', page)}
    check(seen <= made, f"not found in the code: {seen - made}")
    equal(missing(seen | made, read("docs/operating.md")), [], "metrics that docs/operating.md leaves out")


@case
def every_metric_of_the_control_plane_is_described(t):
    plane = t.start(control.Control())
    with open(os.path.join(EXAMPLES, "mesh.yaml"), encoding="utf-8") as file:
        equal(plane.apply(file.read()).returncode, 0, "weft apply -f docs/examples/mesh.yaml")
    port = int(plane.addresses()["metrics"].rpartition(":")[2])
    seen = metric_names(fetch(port, "GET", "/metrics").body.decode())
    check("weft_control_objects" in seen, f"only {seen} seen")
    equal(missing(seen, read("docs/operating.md")), [], "metrics that docs/operating.md leaves out")


def expand(path):
    """`a/{b,c}.h` → `a/b.h`, `a/c.h`."""
    group = re.search(r"\{([^}]*)\}", path)
    if not group:
        return [path]
    return [one for choice in group.group(1).split(",") for one in expand(path[:group.start()] + choice + path[group.end():])]


def paths_in(text):
    """Files and folders of the tree that a page names in backticks or as an image or link."""
    found = set()
    for quoted in re.findall(r"`([^`\n]+)`", text) + re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        for word in quoted.split():
            match = PATH.fullmatch(word.rstrip(".,;:)"))
            if match:
                found.update(expand(match.group(1)))
    return found


@case
def every_file_that_a_page_names_exists(t):
    absent = []
    for page in pages():
        for path in sorted(paths_in(read(page))):
            if not any(glob.glob(os.path.join(base, path)) for base in (ROOT, os.path.join(ROOT, os.path.dirname(page)))):
                absent.append(f"{page}: {path}")
    check(len(paths_in(read("docs/life_of_a_request.md"))) > 30, "paths were not found in docs/life_of_a_request.md")
    equal(absent, [], "paths that do not exist")


def slug(heading):
    """The anchor that a Markdown page gets for a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@case
def every_anchor_exists(t):
    del t
    for page in pages():
        text = read(page)
        anchors = {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        equal(sorted(set(re.findall(r"\]\(#([^)]+)\)", text)) - anchors), [], f"links of {page} that lead nowhere")


@case
def the_examples_are_accepted(t):
    for name in ("canary.yaml", "sidecar.yaml"):
        done = subprocess.run([programs.weft_proxy(), "-c", os.path.join(EXAMPLES, name), "--mode", "validate"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        equal(done.returncode, 0, f"{name}: {done.stdout}")
    plane = t.start(control.Control())
    files = [word for name in ("mesh", "routes", "strict", "access_log", "l4") for word in ("-f", os.path.join(EXAMPLES, name + ".yaml"))]
    done = plane.weft("apply", *files)
    equal(done.returncode, 0, done.stderr)
    check("revision 1" in done.stdout, done.stdout)


@case
def every_admin_page_and_log_component_is_described(t):
    text = read("docs/operating.md")
    proxy = proxies.start(t, [b.http_listener(process.free_port(), [b.virtual_host("all", ["*"], b.route(None, "service"))])],
                          [b.cluster("service", process.free_port())])
    shown = re.findall(r"^  (/\S*)", proxy.admin("GET", "/help").body.decode(), re.MULTILINE)
    check("/config_dump" in shown, f"only {shown}")
    equal([page for page in shown if f"`{page}`" not in text], [], "admin pages that docs/operating.md leaves out")
    components = re.findall(r"^  (\w+): ", proxy.admin("POST", "/logging").body.decode(), re.MULTILINE)
    check("upstream" in components, f"only {components}")
    equal(missing(components, text.partition("Components: ")[2].partition(".")[0]), [], "log components that it leaves out")


@case
def the_canary_of_the_first_five_minutes_splits(t):
    """On the ports that the example names: this test has a loopback of its own."""
    for version in (1, 2):
        t.start(upstream.Upstream(lambda exchange, version=version: exchange.reply(body=b"v%d" % version), port=8000 + version))
    with open(os.path.join(EXAMPLES, "canary.yaml"), encoding="utf-8") as file:
        t.start(proxies.WeftProxy(file.read(), suffix=".yaml"))
    wait_until(lambda: process.accepts(8000), "the listener of the example")
    with Client(8000) as client:
        seen = [client.request().body for _ in range(1000)]
    within(seen.count(b"v2"), 50, 150, "requests of 1000 that v2 got")
    equal(seen.count(b"v1") + seen.count(b"v2"), 1000, "requests that one of them answered")


@case
def one_machine_runs(t):
    """The mesh that README.md starts by one command."""
    lack = os.environ.get("WEFT_NAMESPACES_LACK")
    if lack:
        t.skip(f"no namespaces here: {lack}")
    programs.debian("curl")
    folders = ":".join(os.path.dirname(program) for program in (programs.weft(), programs.weft_proxy(), programs.weft_control()))
    done = subprocess.run(["unshare", "--map-root-user", "--net", "--mount", os.path.join(EXAMPLES, "one_machine")],
                          env={**os.environ, "PATH": folders + ":" + os.environ["PATH"]}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    equal(done.returncode, 0, done.stdout[-2000:])
    check(re.search(r"^ +200 hello from v2$", done.stdout, re.MULTILINE), f"not all went to v2: {done.stdout}")
    check('tls="mutual"' in done.stdout and 'tls="plain"' not in done.stdout, f"not all was mutual TLS: {done.stdout[-500:]}")


if __name__ == "__main__":
    cases.main(__file__)
