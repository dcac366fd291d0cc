#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A kernel is installed. This hook comes after DKMS's, which has built modules for
# it, and before that of the boot loader.
if [ -x /usr/lib/btfd/verify-kernel ]; then exec /usr/lib/btfd/verify-kernel "$1"; fi
