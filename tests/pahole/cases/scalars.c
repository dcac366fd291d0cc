// SPDX-License-Identifier: Apache-2.0
// Every base type of C that gcc and clang both know.
// everywhere
struct scalars {
  _Bool b;
  char c;
  signed char sc;
  unsigned char uc;
  short s;
  unsigned short us;
  int i;
  unsigned u;
  long l;
  unsigned long ul;
  long long ll;
  unsigned long long ull;
  __WCHAR_TYPE__ w;
  __CHAR16_TYPE__ c16;
  __CHAR32_TYPE__ c32;
};
struct scalars scalars;
unsigned long long sum(struct scalars *s, _Bool b, char c, unsigned short us, long long ll) {
  return s->b + b + c + us + ll;
}
