// SPDX-License-Identifier: Apache-2.0
// Functions whose symbol is not their name.
// not: lto
int renamed(int a) __asm__("other_symbol");
int renamed(int a) { return a; }
int with_suffix(int a) __asm__("with_suffix.llvm.123");
int with_suffix(int a) { return a + 1; }
int twice(int a) __asm__("twice.a");
int twice(int a) { return a + 2; }
int twice_more(int a) __asm__("twice.b");
int twice_more(int a) { return a + 3; }
int looks_cold(int a) __asm__("looks_cold.cold.5");
int looks_cold(int a) { return a + 4; }
int looks_part(int a) __asm__("looks_part.part.0");
int looks_part(int a) { return a + 5; }
int looks_isra(int a) __asm__("looks_isra.isra.0");
int looks_isra(int a) { return a + 6; }
int looks_constprop(int a) __asm__("looks_constprop.constprop.0");
int looks_constprop(int a) { return a + 7; }
int prefix(int a) { return a + 8; }
int prefix_longer(int a) { return a + 9; }
int prefix_with_suffix(int a) __asm__("prefix_with_suffix.isra.0");
int prefix_with_suffix(int a) { return a + 10; }
