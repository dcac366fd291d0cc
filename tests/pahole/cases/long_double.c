// SPDX-License-Identifier: Apache-2.0
// 16-byte floating point.
// not: s390x-clang
long double ld;
struct with_long_double {
  long double ld;
};
struct with_long_double with_long_double;
long double twice(long double x) { return 2 * x; }
