"""crate_source: the C and C++ sources inside a crate, as a Bazel repository.

Some crates carry the complete source of a C library, and crates come through any Rust registry mirror, checked
against Cargo.lock.  `cargo fetch --locked` (a no-op when deploy/setup has run) puts the crate under $CARGO_HOME;
the wanted folders are copied from there, so that a cleaned Cargo cache does not break a build tree.
"""

def _run(ctx, what, command):
    result = ctx.execute(command, timeout = 600, working_directory = "crates")
    if result.return_code != 0:
        fail("%s failed (deploy/setup installs what is needed):\n%s%s" % (what, result.stdout, result.stderr))
    return result.stdout

def _crate_source_impl(ctx):
    cargo = ctx.which("cargo")
    if not cargo:
        fail("cargo is missing: run deploy/setup")
    for file in [ctx.attr._manifest, ctx.attr._lock]:
        ctx.symlink(file, "crates/" + file.name)
    ctx.file("crates/src/lib.rs")

    # A mirror or proxy is taken from Cargo's own configuration and from the usual proxy variables.
    _run(ctx, "cargo fetch", [cargo, "fetch", "--locked", "--quiet", "--target=x86_64-unknown-linux-gnu"])
    home = ctx.os.environ.get("CARGO_HOME", "") or ctx.os.environ.get("HOME", "/root") + "/.cargo"
    script = """
        set -eu
        for crate in "$1"/registry/src/*/"$2"; do
          [ -d "$crate/$3" ] || continue
          cd "$crate/$3"
          shift 3
          destination=$1; shift
          cp -r --parents --no-preserve=mode,ownership "$@" "$destination"
          exit 0
        done
        echo "no $2 under $1/registry/src"; exit 1
    """
    _run(ctx, "copying " + ctx.attr.crate, [
        "/bin/sh",
        "-c",
        script,
        "crate_source",
        home,
        ctx.attr.crate,
        ctx.attr.root,
        str(ctx.path(".")),
    ] + ctx.attr.folders)
    ctx.delete("crates")
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")

crate_source = repository_rule(
    implementation = _crate_source_impl,
    doc = "Copies `folders` of `root` inside the crate NAME-VERSION into a repository built by `build_file`.",
    attrs = {
        "build_file": attr.label(mandatory = True, allow_single_file = True),
        "crate": attr.string(mandatory = True, doc = "NAME-VERSION as the folder under registry/src is called"),
        "folders": attr.string_list(mandatory = True),
        "root": attr.string(mandatory = True),
        "_lock": attr.label(default = "//third_party/crates:Cargo.lock", allow_single_file = True),
        "_manifest": attr.label(default = "//third_party/crates:Cargo.toml", allow_single_file = True),
    },
    environ = ["CARGO_HOME"],
)
