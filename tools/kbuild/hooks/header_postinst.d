#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Headers of a kernel are installed. This hook comes before DKMS's, which builds
# modules with them.
if [ -x /usr/bin/btfc ]; then /usr/bin/btfc dkms sync || true; fi
