// SPDX-License-Identifier: Apache-2.0
// Complex numbers: BTF has none, and nothing is encoded.
_Complex double z;
_Complex float conjugate(_Complex float x) { return ~x; }
int integer(int a) { return a; }
