// SPDX-License-Identifier: Apache-2.0
// No base type `int` in the first unit: the array's index type is made up, and
// stays the one of the run.
struct bytes {
  unsigned char raw[8];
  unsigned long words[2][2];
};
struct bytes bytes;
unsigned long first_word(struct bytes *b) { return b->words[0][1]; }
