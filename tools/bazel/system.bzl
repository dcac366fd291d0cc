# SPDX-License-Identifier: Apache-2.0
"""A repository of the machine's libraries, found by pkg-config.

`@system//:NAME` links a library as the machine does by default, which is
dynamically; `@system//:NAME.static` carries the flags of a static link, for
binaries built with `-static` (client and daemon).
"""

# Name in @system -> pkg-config modules.
_LIBRARIES = {
    "absl_base": ["absl_base", "absl_core_headers", "absl_endian"],
    "absl_cleanup": ["absl_cleanup"],
    "absl_containers": ["absl_flat_hash_map", "absl_flat_hash_set", "absl_inlined_vector", "absl_fixed_array"],
    "absl_flags": ["absl_flags", "absl_flags_parse", "absl_flags_usage", "absl_flags_reflection"],
    "absl_hash": ["absl_hash"],
    "absl_status": ["absl_status", "absl_statusor"],
    "absl_strings": ["absl_strings", "absl_str_format"],
    "absl_synchronization": ["absl_synchronization"],
    "absl_time": ["absl_time"],
    "absl_types": ["absl_span", "absl_optional"],
    "benchmark": ["benchmark"],
    "grpc++": ["grpc++", "protobuf"],
    "grpc++_unsecure": ["grpc++_unsecure", "protobuf"],
    "gtest": ["gmock", "gtest"],
    "gtest_main": ["gmock_main", "gmock", "gtest"],
    "libbpf": ["libbpf"],
    "libcrypto": ["libcrypto"],
    "libelf": ["libelf"],
    "liblzma": ["liblzma"],
    "liblz4": ["liblz4"],
    "libnghttp2": ["libnghttp2"],
    "libzstd": ["libzstd"],
    "protobuf": ["protobuf"],
    "sqlite3": ["sqlite3"],
    "xxhash": ["libxxhash"],
    "zlib": ["zlib"],
}

# Libraries of a package that come without a pkg-config file of their own.
_BESIDE = {
    "grpc++": ["-lgrpc++_reflection"],
}

# What a static archive needs besides what its pkg-config file says.
_BENEATH = {
    "grpc++": ["-lupb", "-laddress_sorting", "-lre2", "-lcares", "-lssl", "-lcrypto", "-lz"],
    "grpc++_unsecure": ["-lupb", "-laddress_sorting", "-lre2", "-lcares", "-lz"],
}

def _pkg_config(ctx, arguments):
    result = ctx.execute(["pkg-config"] + arguments)
    if result.return_code != 0:
        fail("pkg-config %s failed; tools/setup installs what is missing:\n%s" %
             (" ".join(arguments), result.stderr))

    # pkg-config repeats -l flags for static archives; the last mention of each
    # is what a left-to-right linker needs.
    flags = []
    for flag in reversed(result.stdout.strip().split(" ")):
        if not flag or flag.startswith("-Wl,--p") or flag == "-Wl,--as-needed" or flag in flags:
            continue
        flags.append(flag)
    return reversed(flags)

def _system_libraries_impl(ctx):
    build = ["package(default_visibility = [\"//visibility:public\"])"]
    for name, modules in _LIBRARIES.items():
        shared = _pkg_config(ctx, ["--libs"] + modules)
        static = _pkg_config(ctx, ["--libs", "--static"] + modules)
        static = static + _BENEATH.get(name, [])
        for suffix, flags in [("", shared), (".static", static)]:
            build.append("cc_library(name = \"%s\", linkopts = %s)" % (
                name + suffix,
                _BESIDE.get(name, []) + flags,
            ))
    for tool in ["protoc", "grpc_cpp_plugin"]:
        path = ctx.which(tool)
        if path == None:
            fail("%s is not in PATH; tools/setup installs it" % tool)
        ctx.symlink(path, tool)
        build.append("exports_files([\"%s\"])" % tool)
    ctx.file("BUILD.bazel", "\n".join(build) + "\n")

system_libraries = repository_rule(
    implementation = _system_libraries_impl,
    configure = True,
    environ = ["PATH", "PKG_CONFIG_PATH"],
    doc = "Wraps the machine's libraries as cc_library targets.",
)
