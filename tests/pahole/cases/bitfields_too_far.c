// SPDX-License-Identifier: Apache-2.0
// A bit field beyond the 2^24 bits that BTF can tell: nothing is encoded.
struct far {
  char much[0x400000];
  int field : 3;
};
struct far far;
int field(struct far *f) { return f->field; }
