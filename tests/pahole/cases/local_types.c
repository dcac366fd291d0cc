// SPDX-License-Identifier: Apache-2.0
// Types that are declared inside functions and blocks.
// everywhere
int first(int n) {
  struct local {
    int a;
  } value = {n};
  {
    struct local {
      long b;
      struct nested_local {
        char c;
      } nested;
    } inner = {n};
    enum in_block { IN_BLOCK_A, IN_BLOCK_B } e = n;
    asm volatile("" : : "r"(&inner), "r"(&e) : "memory");
  }
  for (int i = 0; i < n; ++i) {
    typedef unsigned counter;
    counter c = i;
    asm volatile("" : : "r"(&c) : "memory");
  }
  asm volatile("" : : "r"(&value) : "memory");
  return value.a;
}
static inline __attribute__((always_inline)) int inlined(int n) {
  struct in_inlined {
    int many[3];
  } value = {{n}};
  union in_inlined_union {
    int i;
  } *other = (void *)&value;
  asm volatile("" : : "r"(&value) : "memory");
  return value.many[1] + other->i;
}
int second(int n) { return inlined(n) + inlined(n + 1); }
int third(int n) {
  static struct of_static {
    int kept;
  } kept;
  extern struct declared_inside outside;
  int declared_inside_function(struct only_in_prototype *p);
  return kept.kept++ + declared_inside_function((void *)&outside);
}
