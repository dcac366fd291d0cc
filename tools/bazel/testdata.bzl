# SPDX-License-Identifier: Apache-2.0
"""@testdata: the kernels and peers that tools/testdata has prepared.

The cache is looked for where tools/testdata puts it: BTFD_TESTDATA, else
XDG_CACHE_HOME/btfd-testdata, else HOME/.cache/btfd-testdata. What is not there
becomes a target that fails to build with a word on what to do, so that nothing
else is hindered by it.

Targets, for RELEASE in 7.2, 7.3:
  @testdata//:libbpf_RELEASE  libbpf of that kernel with its headers; at most
                              one of them to a binary
  @testdata//:peer_RELEASE    its resolve_btfids; also for 6.12
  @testdata//:bpftool_7.3     its bpftool, with `btf` and `gen` alone

And, for VERSION in 1.30, 1.32:
  @testdata//:pahole_VERSION          that pahole with all its libraries
  @testdata//:pahole_VERSION_program  the program itself, in the same directory
"""

_LIBBPF = ["7.2", "7.3"]
_PEERS = ["6.12", "7.2", "7.3"]
_BPFTOOLS = ["7.3"]
_PAHOLES = ["1.30", "1.32"]

_LIBRARY = """
cc_library(
    name = "libbpf_{release}",
    testonly = True,
    srcs = ["peers/{release}/libbpf.a"],
    hdrs = glob([
        "peers/{release}/include/**/*.h",
        "peers/{release}/src/tools/lib/bpf/relo_core.h",
    ]),
    includes = [
        "peers/{release}/include",
        "peers/{release}/src/tools/lib/bpf",
    ],
    deps = [
        "@system//:libelf",
        "@system//:zlib",
    ],
)
"""

_PEER = """
filegroup(
    name = "{name}_{release}",
    testonly = True,
    srcs = ["peers/{release}/{needed}"],
)
"""

_PAHOLE = """
filegroup(
    name = "pahole_{release}",
    testonly = True,
    srcs = glob(["peers/pahole-{release}/**"]),
)

filegroup(
    name = "pahole_{release}_program",
    testonly = True,
    srcs = ["peers/pahole-{release}/pahole.elf"],
)
"""

# As a header, so that what includes libbpf's is not even compiled.
_MISSING_LIBRARY = """
cc_library(
    name = "libbpf_{release}",
    testonly = True,
    hdrs = [":missing_libbpf_{release}"],
)

genrule(
    name = "missing_libbpf_{release}",
    testonly = True,
    outs = ["missing_libbpf_{release}.h"],
    cmd = "echo '{path} is missing: run tools/testdata' >&2; exit 1",
)
"""

_MISSING_PEER = """
genrule(
    name = "{name}_{release}",
    testonly = True,
    outs = ["missing_{name}_{release}"],
    cmd = "echo '{path} is missing: run tools/testdata' >&2; exit 1",
)
"""

_MISSING_PAHOLE = """
genrule(
    name = "pahole_{release}",
    testonly = True,
    outs = ["missing_pahole_{release}"],
    cmd = "echo '{path} is missing: run tools/testdata' >&2; exit 1",
)

alias(
    name = "pahole_{release}_program",
    actual = ":pahole_{release}",
)
"""

def _cache_path(ctx):
    env = ctx.os.environ
    if env.get("BTFD_TESTDATA"):
        return env["BTFD_TESTDATA"]
    if env.get("XDG_CACHE_HOME"):
        return env["XDG_CACHE_HOME"] + "/btfd-testdata"
    return env.get("HOME", "") + "/.cache/btfd-testdata"

def _target(ctx, cache, name, release, needed, present, missing):
    path = "%s/peers/%s/%s" % (cache, release, needed)
    template = present if ctx.path(path).exists else missing
    return template.format(name = name, needed = needed, path = path, release = release)

def _testdata_repository_impl(ctx):
    cache = ctx.path(_cache_path(ctx))
    for name in ["kernels", "peers"]:
        if cache.get_child(name).exists:
            ctx.symlink(cache.get_child(name), name)

    build = [
        "# SPDX-License-Identifier: Apache-2.0",
        "package(default_visibility = [\"//visibility:public\"])",
    ]
    for release in _LIBBPF:
        build.append(_target(ctx, cache, "libbpf", release, "libbpf.a", _LIBRARY, _MISSING_LIBRARY))
    for release in _PEERS:
        build.append(_target(ctx, cache, "peer", release, "resolve_btfids", _PEER, _MISSING_PEER))
    for release in _BPFTOOLS:
        build.append(_target(ctx, cache, "bpftool", release, "bpftool", _PEER, _MISSING_PEER))
    for version in _PAHOLES:
        path = "%s/peers/pahole-%s/pahole.elf" % (cache, version)
        template = _PAHOLE if ctx.path(path).exists else _MISSING_PAHOLE
        build.append(template.format(path = path, release = version))
    ctx.file("BUILD.bazel", "\n".join(build) + "\n")

testdata_repository = repository_rule(
    implementation = _testdata_repository_impl,
    environ = [
        "BTFD_TESTDATA",
        "HOME",
        "XDG_CACHE_HOME",
    ],
    local = True,
    doc = "Makes what tools/testdata has prepared available to tests.",
)
