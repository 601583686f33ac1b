"""What the demo shows while it runs: headings, and under each a line that is drawn again every second (on a terminal) or
printed once more (elsewhere)."""

import os
import sys

_BAR = 20


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def milliseconds(seconds):
    return "-" if seconds is None else f"{1000 * seconds:.1f} ms"


class Screen:
    """Text to stdout. One thread."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.live = self.out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = False

    def _write(self, text):
        self.out.write(text)
        self.out.flush()

    def line(self, text=""):
        """A line that stays."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False
        self._write(text + "\n")

    def heading(self, text):
        self.line()
        self.line(f"\x1b[1m{text}\x1b[0m" if self.live else text)

    def again(self, text):
        """A line that takes the place of the one before it."""
        if self.live:
            self._write("\r\x1b[K" + text)
            self._drawn = True
        else:
            self._write(text + "\n")

    def keep(self):
        """The line drawn last stays."""
        if self._drawn:
            self._write("\n")
            self._drawn = False


def bar(share):
    return ("█" * round(_BAR * share)).ljust(_BAR, "·")


def rates_line(seconds, rates, good, p50, p99):
    """`rates` is {version: requests per second}; `good` the share of requests that went well."""
    total = sum(rates.values())
    parts = [f"  {seconds:3.0f} s"]
    parts += [f"{version} {rate:6.0f}/s {bar(rate / total if total else 0)}" for version, rate in rates.items()]
    parts.append(f"ok {100 * good:6.2f} %  p50 {milliseconds(p50)}  p99 {milliseconds(p99)}")
    return "   ".join(parts)
