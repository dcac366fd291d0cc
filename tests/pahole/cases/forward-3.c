// SPDX-License-Identifier: Apache-2.0
// Another definition of the same name, and the first unit's struct again.
struct two_meanings {
  long a, b;
};
static struct two_meanings other_meaning;
struct elsewhere;
struct links {
  struct elsewhere *a;
};
struct links *short_links;
long meaning(void) { return other_meaning.a + (long)short_links; }
