// SPDX-License-Identifier: Apache-2.0
// A complex integer (a GNU extension).
// compilers: gcc
_Complex int z;
int integer(int a) { return a; }
