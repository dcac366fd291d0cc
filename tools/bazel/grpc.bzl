# SPDX-License-Identifier: Apache-2.0
"""C++ code from a .proto file by the machine's protoc and gRPC plugin."""

def cc_grpc_library(name, src, imports = [], **kwargs):
    """A cc_library with the messages and the service stubs of one .proto.

    It links no gRPC by itself: a binary chooses `@system//:grpc++` or the
    static `@system//:grpc++_unsecure.static`.

    Args:
      name: the library.
      src: the .proto file of this package, in the source tree or generated.
      imports: stems of .proto files of this package that src imports; STEM_proto
        is the cc_grpc_library of each.
      **kwargs: passed on to cc_library.
    """
    stem = src[:-len(".proto")]
    headers = [stem + ".pb.h", stem + ".grpc.pb.h"]
    sources = [stem + ".pb.cc", stem + ".grpc.pb.cc"]
    native.genrule(
        name = name + "_generated",
        srcs = [src] + [stem + ".proto" for stem in imports],
        outs = headers + sources,
        cmd = "$(location @system//:protoc) --proto_path=$(GENDIR) --proto_path=. " +
              "--cpp_out=$(GENDIR) --grpc_out=$(GENDIR) " +
              "--plugin=protoc-gen-grpc=$(location @system//:grpc_cpp_plugin) " +
              "$(location %s)" % src,
        tools = ["@system//:grpc_cpp_plugin", "@system//:protoc"],
    )
    native.cc_library(
        name = name,
        srcs = sources,
        hdrs = headers,
        copts = ["-Wno-unused-parameter"],
        deps = [":%s_proto" % stem for stem in imports],
        **kwargs
    )
