def _impl(ctx):
    ctx.file("BUILD.bazel", "")
testdata_repository = repository_rule(implementation = _impl, local=True)
