// SPDX-License-Identifier: Apache-2.0
// 16-byte integers, which take two registers.
__int128 wide;
unsigned __int128 unsigned_wide;
struct with_wide {
  char c;
  __int128 w;
};
struct with_wide with_wide;
__int128 add(__int128 a, int b, unsigned __int128 c, int d) { return a + b + c + d; }
int last(int a, int b, int c, int d, int e, __int128 f, int g) { return a + f + g; }
