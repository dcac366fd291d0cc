// SPDX-License-Identifier: Apache-2.0
// Bit fields: across bytes, of every type, packed, anonymous, of no width.
// everywhere
typedef unsigned int u32;
typedef u32 flag_word;
enum colour { RED, GREEN, BLUE };

struct simple {
  int a : 1;
  int b : 7;
  unsigned c : 24;
  u32 d : 32;
  flag_word e : 5;
};
struct mixed {
  char before;
  unsigned long long wide : 40;
  unsigned long long rest : 24;
  _Bool yes : 1;
  enum colour colour : 2;
  signed char tiny : 3;
  unsigned short half : 9;
  int plain;
  const volatile unsigned qualified : 4;
};
struct gaps {
  int a : 3;
  int : 4;
  int b : 2;
  int : 0;
  int c : 5;
  char d;
  long e : 33;
  long f : 33;
};
struct __attribute__((packed)) packed {
  char a : 3;
  int b : 17;
  long c : 45;
  char d;
  short e : 9;
  long long f : 60;
};
union views {
  int word;
  int low : 8;
  unsigned wide : 31;
  struct {
    unsigned first : 4;
    unsigned second : 28;
  };
};
struct nested {
  int head : 2;
  struct {
    int inner : 3;
    union {
      int deep : 4;
      char c;
    };
  } named;
  struct simple simple;
};
struct late {
  char much[100000];
  int far : 5;
  int further : 6;
};
struct whole {
  int all : 32;
  long long both : 64;
};

struct simple simple;
struct mixed mixed;
struct gaps gaps;
struct packed packed;
union views views;
struct nested nested;
struct late late;
struct whole whole;

int sum(struct simple *s, struct mixed *m) { return s->a + m->half; }
