// SPDX-License-Identifier: Apache-2.0
// A float of two bytes, where BTF's smallest is.
// compilers: gcc
// not: s390x-gcc
_Float16 small;
__float128 large;
int unused(int a) { return a; }
