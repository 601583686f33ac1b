# shellcheck shell=bash
# shellcheck disable=SC2034  # read by deploy/setup
# Debian 12 packages by what they are for.  deploy/setup --for=NAME installs the group and those it builds on.

# Compiler, Bazel with the rules that it would otherwise fetch, and libraries (third_party/BUILD.bazel names them).
WEFT_PACKAGES_build=(
  ca-certificates
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
  clang-19 lld-19
  protobuf-compiler protobuf-compiler-grpc
  libabsl-dev libbenchmark-dev libc-ares-dev libcli11-dev libgmock-dev libgrpc++-dev libgtest-dev libnftables-dev
  libprotobuf-dev libre2-dev libspdlog-dev libsqlite3-dev libxxhash-dev libyaml-cpp-dev prometheus-cpp-dev
  zlib1g-dev
)

# Servers and clients that integration tests and the bench compare with; sanitizer runtimes; the formatter.
WEFT_PACKAGES_test=(
  clang-format-19 git libclang-rt-19-dev llvm-19 shellcheck
  curl haproxy iproute2 libnginx-mod-stream nftables nghttp2-client nginx-light openssl prometheus procps
  python3 python3-venv sslscan strace testssl.sh wrk
)

# What deploy/demo runs beside our own programs.
WEFT_PACKAGES_demo=(curl iproute2 nghttp2-client nginx-light prometheus python3)

# Installed where the machine has no cargo.
WEFT_PACKAGE_cargo=cargo-web

# A service that a package would start now and at every boot from then on.
WEFT_SERVICES=(haproxy nftables nginx prometheus)
