#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Headers of a kernel are installed. This hook comes before DKMS's, which builds
# modules with them.
if command -v btfc >/dev/null; then btfc dkms sync || true; fi
