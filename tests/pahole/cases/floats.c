// SPDX-License-Identifier: Apache-2.0
// Floating point: of BTF's own sizes.
float f;
double d;
struct floats {
  float f;
  double d;
  double list[4];
};
struct floats floats;
double scale(float a, double b, int n, struct floats *s) { return a * b + n + s->f; }
double by_value(struct floats s, float x, int n) { return s.d + x + n; }
