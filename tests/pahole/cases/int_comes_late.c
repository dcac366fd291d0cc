// SPDX-License-Identifier: Apache-2.0
// Neither `int` nor an array in the first unit.
struct plain {
  long value;
  char letter;
};
struct plain plain;
void set_plain(struct plain *p, long value) { p->value = value; }
