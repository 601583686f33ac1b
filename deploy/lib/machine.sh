# shellcheck shell=bash
# Facts about this machine, for deploy/setup, deploy/demo, tests/run and tools/check.  Source it; it changes nothing.

# What a container must be given for network namespaces, firewall rules and mounts inside of it.
WEFT_CONTAINER_FLAGS="--cap-add=SYS_ADMIN --cap-add=NET_ADMIN --security-opt seccomp=unconfined"
WEFT_CONTAINER_FLAGS+=" --security-opt apparmor=unconfined --security-opt systempaths=unconfined"

# weft_container_command COMMAND: the one line that runs COMMAND of this checkout in a Debian 12 container.
weft_container_command() {
  printf 'docker run --rm -it --platform linux/amd64 %s -v "%s:/weft" -w /weft debian:bookworm %s\n' \
    "$WEFT_CONTAINER_FLAGS" "$WEFT_ROOT" "$1"
}

# True on the one system that the packages' versions are known for.
weft_is_debian_12_amd64() {
  [ "$(uname -sm)" = "Linux x86_64" ] || return 1
  (
    ID="" VERSION_ID=""
    # shellcheck disable=SC1091
    . /etc/os-release 2>/dev/null || exit 1
    [ "$ID" = debian ] && [ "$VERSION_ID" = 12 ]
  )
}

weft_system_name() {
  (
    PRETTY_NAME=""
    # shellcheck disable=SC1091
    . /etc/os-release 2>/dev/null || true
    printf '%s on %s\n' "${PRETTY_NAME:-$(uname -s)}" "$(uname -m)"
  )
}

# Memory in MiB that a build may use: what is available, or what the cgroup still allows, whichever is less.
weft_memory_mib() {
  local available limit used
  available=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  used=$(cat /sys/fs/cgroup/memory.current 2>/dev/null || echo 0)
  if [ "$limit" != max ]; then
    limit=$(((limit - used) / 1048576))
    [ "$limit" -ge "$available" ] || available=$limit
  fi
  printf '%s\n' "$available"
}

# Compile jobs: one per CPU, but never more than memory carries (a compiler of gRPC headers takes 1 GiB at its worst,
# Bazel itself 1 GiB).
weft_jobs() {
  local cpus jobs
  cpus=$(nproc)
  jobs=$((($(weft_memory_mib) - 1024) / 1024))
  [ "$jobs" -ge 1 ] || jobs=1
  [ "$jobs" -le "$cpus" ] || jobs=$cpus
  printf '%s\n' "$jobs"
}

# weft_free_mib FOLDER: free disk space in MiB where FOLDER is, or will be.
weft_free_mib() {
  local folder=$1
  while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
  df -Pm "$folder" | awk 'NR == 2 { print $4 }'
}

# Says nothing and succeeds when network namespaces work as the tests and the demo use them; else names what lacks.
weft_namespaces_lack() {
  local error
  if ! error=$(unshare --user --map-root-user --net --mount --pid --fork --mount-proc true 2>&1); then
    case $error in
      *mount*proc*) echo "mounting /proc in a namespace (${error#unshare: })" ;;
      *) echo "unshare of user, network, mount and pid namespaces (${error#unshare: })" ;;
    esac
    return
  fi
  # Root maps itself to root, so NET_ADMIN inside is a matter of the kernel: writing a network sysctl tells.
  if ! unshare --user --map-root-user --net --mount --pid --fork --mount-proc \
    sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' 2>/dev/null; then
    echo "NET_ADMIN inside a network namespace (cannot set net.ipv4.ip_forward there)"
  fi
}

# Folders outside the tree, of the person who works here.
weft_cache() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}"; }
weft_disk_cache() { printf '%s\n' "${WEFT_DISK_CACHE:-$(weft_cache)/weft-bazel}"; }
weft_tools() { printf '%s\n' "${WEFT_TOOLS:-$(weft_cache)/weft/tools}"; }
