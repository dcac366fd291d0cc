// SPDX-License-Identifier: Apache-2.0
// The same types once more, in another order.
typedef struct again again;
struct node;
union leaf {
  struct tree *tree;
  union leaf *leaf;
};
union leaf top;
struct again {
  again *a;
  struct again *b;
  const again *c;
};
again *second;
struct node {
  struct node *next, **all;
  struct tree *tree;
  int (*compare)(struct node *, struct tree *);
};
struct node *find_node(union leaf *l, again *a) { return 0; }
