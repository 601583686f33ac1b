"""One table for the terminal and for docs/performance.md."""

import platform
import subprocess

from tests.support import programs

_TITLES = {
    "http": "HTTP/1.1 small, keep-alive",
    "tcp": "opaque TCP small",
    "mtls": "mutual-TLS pair (both proxies)",
    "bulk": "bulk 64 MiB, HTTP/1.1",
    "bulk-mtls": "bulk 64 MiB, mutual-TLS pair",
}
_ORDER = ("weft-proxy", "nginx", "haproxy", "envoy")

# (scene, beside whom, at most) of the first issue; without capture rules.
TARGETS = (("http", "nginx", 1.0), ("http", "envoy", 0.3), ("tcp", "nginx", 1.1),
           ("mtls", "haproxy", 0.8))
SECOND_PROXY = 6_000_000  # bytes


def _row(cells, widths):
    return "| " + " | ".join(cell.ljust(width) if at < 2 else cell.rjust(width)
                             for at, (cell, width) in enumerate(zip(cells, widths))) + " |"


def markdown(head, rows):
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    rule = "|" + "|".join(("-" * (width + 2)) if at < 2 else "-" * (width + 1) + ":"
                          for at, width in enumerate(widths)) + "|"
    return "\n".join([_row(head, widths), rule, *(_row(row, widths) for row in rows)])


def _ratio(rows, row, other):
    for candidate in rows:
        if (candidate.scene, candidate.rules, candidate.kind) == (row.scene, row.rules, other):
            return f"{row.cpu / candidate.cpu:.2f}" if candidate.cpu else "-"
    return "-"


def requests_table(rows):
    head = ["work", "proxy", "rules", "CPU µs", "user", "system", "req/s", "p50 ms", "p99 ms",
            "× nginx", "× HAProxy", "× Envoy"]
    lines = []
    for row in rows:
        if row.median("rate") is None:
            continue
        lines.append([_TITLES[row.scene], row.kind, "yes" if row.rules else "no",
                      f"{row.cpu:.1f}", f"{row.median('user'):.1f}", f"{row.median('system'):.1f}",
                      f"{row.median('rate'):.0f}", f"{row.median('p50') / 1e3:.2f}",
                      f"{row.median('p99') / 1e3:.2f}",
                      *(_ratio(rows, row, other) for other in _ORDER[1:])])
    return markdown(head, lines) if lines else ""


def bulk_table(rows):
    head = ["work", "proxy", "ms", "CPU ms", "user", "system", "× nginx", "× HAProxy", "× Envoy"]
    lines = [[_TITLES[row.scene], row.kind, f"{row.median('milliseconds'):.0f}",
              f"{row.cpu / 1e3:.0f}", f"{row.median('user') / 1e3:.0f}",
              f"{row.median('system') / 1e3:.0f}",
              *(_ratio(rows, row, other) for other in _ORDER[1:])]
             for row in rows if row.median("rate") is None]
    return markdown(head, lines) if lines else ""


def memory_table(figures):
    head = ["proxy", "idle", "PSS MB", "private MB", "anonymous MB", "second process, private MB",
            "the same with live ADS, MB", "1,000 idle HTTP, MB", "1,000 idle opaque pairs, MB", "1,000 idle mutual TLS inbound, MB"]
    names = ("pss", "private", "anonymous", "second", "second-ads", "idle-http", "idle-tcp", "idle-mtls")
    lines = [[kind, "", *(f"{one[name] / 1e6:.1f}" if name in one else "-" for name in names)]
             for kind, one in figures.items()]
    return markdown(head, lines) if lines else ""


def system_call_table(scene, counted):
    names = sorted({name for _, _, calls in counted for name in calls},
                   key=lambda name: -max(calls.get(name, 0) for _, _, calls in counted))
    names = [name for name in names if any(calls.get(name, 0) >= 0.005 for _, _, calls in counted)]
    head = ["proxy", scene, "total", *names]
    lines = [[kind, part, f"{sum(n for name, n in calls.items() if '(' not in name):.2f}",
              *(f"{calls.get(name, 0):.2f}" for name in names)] for kind, part, calls in counted]
    return markdown(head, lines)


def targets(rows, figures):
    """[(text, met)] for what was measured."""
    by = {(row.scene, row.kind): row for row in rows if not row.rules}
    found = []
    for scene, other, most in TARGETS:
        ours, theirs = by.get((scene, "weft-proxy")), by.get((scene, other))
        if ours and theirs and theirs.cpu:
            ratio = ours.cpu / theirs.cpu
            found.append((f"{_TITLES[scene]}: {ratio:.2f} × {other} (at most {most})",
                          ratio <= most))
    second = figures.get("weft-proxy", {}).get("second-ads")
    if second:
        found.append((f"private memory of the second of two proxies with a live mutual-TLS ADS stream: "
                      f"{second / 1e6:.1f} MB (at most {SECOND_PROXY / 1e6:.0f})", second <= SECOND_PROXY))
    return found


def _first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        return lines[0].strip() if lines else "?"
    except OSError:
        return "?"


def machine():
    """What it was measured on: processor, kernel, versions."""
    model = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    versions = []
    for name, find, flag in (("nginx", lambda: programs.debian("nginx"), "-v"),
                             ("haproxy", lambda: programs.debian("haproxy"), "-v"),
                             ("envoy", programs.envoy, "--version"),
                             ("weft-proxy", programs.weft_proxy, "--version")):
        try:
            text = _first_line([find(), flag])
        except Exception:  # a program that is not there has no version
            continue
        for word in text.replace("/", " ").split():
            if word[0].isdigit() and "." in word:
                versions.append(f"{name} {word}")
                break
    return f"{model}, kernel {platform.release()}; {', '.join(versions)}"
