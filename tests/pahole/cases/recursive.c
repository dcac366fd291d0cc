// SPDX-License-Identifier: Apache-2.0
// Types that refer to themselves and to each other, over two units.
struct node {
  struct node *next, **all;
  struct tree *tree;
  int (*compare)(struct node *, struct tree *);
};
struct tree {
  struct node root;
  struct node *(*find)(struct tree *, int);
  union leaf *leaf;
};
union leaf {
  struct tree *tree;
  union leaf *leaf;
};
typedef struct again again;
struct again {
  again *a;
  struct again *b;
  const again *c;
};
typedef void (*callback)(void (*)(int), struct again *);
struct tree tree;
again start;
callback call;
struct node *walk(struct tree *t, callback c) { return t->root.next; }
