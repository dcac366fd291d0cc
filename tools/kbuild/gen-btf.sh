#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Takes the place of scripts/gen-btf.sh in a kernel tree (Linux 7.0 and newer):
# same arguments, same files left, one process instead of five. $BTFC says which
# btfc; else it is looked up in PATH. Without one, the kernel's own script does
# it, where that was kept beside this one as gen-btf.upstream.sh.
if command -v "${BTFC:-btfc}" >/dev/null 2>&1; then
  exec "${BTFC:-btfc}" gen-btf "$@"
fi
upstream=$(dirname "$0")/gen-btf.upstream.sh
if [ -e "$upstream" ]; then
  exec "${CONFIG_SHELL:-sh}" "$upstream" "$@"
fi
echo "gen-btf.sh: ${BTFC:-btfc} is not in PATH, and there is no $upstream" >&2
exit 127
