// SPDX-License-Identifier: Apache-2.0
// _BitInt: sizes that are no power of two.
// compilers: clang
// flags: -std=gnu2x
_BitInt(7) seven;
unsigned _BitInt(37) thirty_seven;
_BitInt(128) widest;
struct bits {
  _BitInt(13) a;
  unsigned _BitInt(65) b;
};
struct bits bits;
int low(_BitInt(7) x) { return x; }
