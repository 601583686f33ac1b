"""weft_proto_library: C++ from .proto files with Debian's protoc 3.21 (and grpc_cpp_plugin).

    load("//third_party:proto.bzl", "weft_proto_library")

    weft_proto_library(
        name = "core",                       # a cc_library: put //api/envoy/config/core/v3:core in `deps`
        srcs = glob(["*.proto"]),
        grpc = False,                        # True adds *.grpc.pb.h/.cc and links gRPC
        deps = ["//api/envoy/type/v3:type"],
    )

api/ is the only import root, for .proto and for C++:
    import "envoy/config/core/v3/base.proto";
    #include "envoy/config/core/v3/base.pb.h"
Well-known types (google/protobuf/*) are Debian's.  Generated headers count as system headers: no warnings from them.
May be used in api/ and below only.
"""

load("@rules_cc//cc:defs.bzl", "cc_library")

_ProtoSources = provider(fields = {"sources": "depset of .proto files, transitive"})

_IMPORT_ROOT = "api"

def _generate_impl(ctx):
    outputs = []
    suffixes = [".pb.h", ".pb.cc"] + ([".grpc.pb.h", ".grpc.pb.cc"] if ctx.attr.grpc else [])
    for source in ctx.files.srcs:
        stem = source.basename[:-len(".proto")]
        for suffix in suffixes:
            outputs.append(ctx.actions.declare_file(stem + suffix, sibling = source))
    sources = depset(
        ctx.files.srcs,
        transitive = [dep[_ProtoSources].sources for dep in ctx.attr.deps],
    )
    to = "%s/%s" % (ctx.bin_dir.path, _IMPORT_ROOT)
    arguments = ctx.actions.args()
    arguments.add("--proto_path=" + _IMPORT_ROOT)
    arguments.add("--proto_path=/usr/include")
    arguments.add("--cpp_out=" + to)
    if ctx.attr.grpc:
        arguments.add("--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin")
        arguments.add("--grpc_out=" + to)
    arguments.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = "/usr/bin/protoc",
        arguments = [arguments],
        inputs = sources,
        outputs = outputs,
        mnemonic = "Protoc",
        progress_message = "Generating C++ from %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset(outputs)),
        OutputGroupInfo(
            headers = depset([file for file in outputs if file.extension == "h"]),
            code = depset([file for file in outputs if file.extension == "cc"]),
        ),
        _ProtoSources(sources = sources),
    ]

_generate = rule(
    implementation = _generate_impl,
    attrs = {
        "deps": attr.label_list(providers = [_ProtoSources]),
        "grpc": attr.bool(),
        "srcs": attr.label_list(allow_files = [".proto"], mandatory = True),
    },
)

def weft_proto_library(name, srcs, deps = [], grpc = False, **kwargs):
    """A cc_library of the C++ generated from `srcs`; `deps` are other weft_proto_library targets."""
    package = native.package_name()
    if package != _IMPORT_ROOT and not package.startswith(_IMPORT_ROOT + "/"):
        fail("weft_proto_library belongs under //%s, not in //%s" % (_IMPORT_ROOT, package))

    _generate(
        name = name + "_generated",
        srcs = srcs,
        deps = [_generated(dep) for dep in deps],
        grpc = grpc,
        visibility = ["//visibility:public"],
    )
    for group in ["headers", "code"]:
        native.filegroup(
            name = "%s_%s" % (name, group),
            srcs = [name + "_generated"],
            output_group = group,
        )
    cc_library(
        name = name,
        srcs = [name + "_code"],
        hdrs = [name + "_headers"],
        copts = ["-w"],
        deps = deps + ["//%s:import_root" % _IMPORT_ROOT] + (["//third_party:grpc++"] if grpc else ["//third_party:protobuf"]),
        linkstatic = True,
        **kwargs
    )

def _generated(label):
    if ":" in label:
        return label + "_generated"
    return "%s:%s_generated" % (label, label.split("/")[-1])
