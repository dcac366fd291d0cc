// SPDX-License-Identifier: Apache-2.0
// Enumerations of all sizes, with negative and with large values.
// everywhere
enum plain { PLAIN_A, PLAIN_B, PLAIN_C = 17 };
enum negative { NEGATIVE_A = -5, NEGATIVE_B, NEGATIVE_C = 2147483647 };
enum top_bit { TOP_BIT = 0x80000000 };
enum all_ones { ALL_ONES = 0xffffffff };
enum wide { WIDE_A = 0x100000000ULL, WIDE_B = 0xffffffffffffffffULL };
enum wide_negative { WIDE_NEGATIVE_A = -1, WIDE_NEGATIVE_B = 0x7fffffffffffffffLL };
enum wide_small { WIDE_SMALL_A = -0x7fffffffffffffffLL - 1, WIDE_SMALL_B = 1 };
enum __attribute__((packed)) small { SMALL_A, SMALL_B = 200 };
enum __attribute__((packed)) small_negative { SMALL_NEGATIVE_A = -100, SMALL_NEGATIVE_B };
enum __attribute__((packed)) half { HALF_A, HALF_B = 60000 };
enum __attribute__((packed)) half_negative { HALF_NEGATIVE_A = -30000 };
enum __attribute__((mode(byte))) byte_mode { BYTE_MODE_A = 1 };
enum one_value { ONE_VALUE };
enum equal { EQUAL_A = 3, EQUAL_B = 3 };
enum { ANONYMOUS_A, ANONYMOUS_B = -1 };
typedef enum { NAMED_BY_TYPEDEF = 5 } named_by_typedef;
enum declared_only;

struct holder {
  enum plain plain;
  enum negative negative;
  enum top_bit top_bit;
  enum all_ones all_ones;
  enum wide wide;
  enum wide_negative wide_negative;
  enum wide_small wide_small;
  enum small small;
  enum small_negative small_negative;
  enum half half;
  enum half_negative half_negative;
  enum byte_mode byte_mode;
  enum one_value one_value;
  enum equal equal;
  enum { INSIDE = 7 } inside;
  named_by_typedef named;
  enum plain bits : 3;
  enum declared_only *declared;
};
struct holder holder;

enum negative turn(enum plain p, enum wide w, enum small s) {
  return p + s == ANONYMOUS_B ? NEGATIVE_A : (enum negative)w;
}
