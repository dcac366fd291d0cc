// SPDX-License-Identifier: Apache-2.0
// The second unit has an `int` of its own, and arrays.
struct more {
  int values[5];
  unsigned char raw[3];
};
struct more more;
int first_value(struct more *m) { return m->values[0]; }
