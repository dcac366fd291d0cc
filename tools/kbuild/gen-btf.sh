#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Takes the place of scripts/gen-btf.sh in a kernel tree (Linux 7.0 and newer):
# same arguments, same files left, one process instead of five. $BTFC says which
# btfc; else it is looked up in PATH.
exec "${BTFC:-btfc}" gen-btf "$@"
