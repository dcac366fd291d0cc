// SPDX-License-Identifier: Apache-2.0
// Arrays: dimensions, bounds that are zero, absent, huge or known at run time.
// everywhere
struct point {
  int x, y;
};
typedef long row[4];

struct arrays {
  char one[16];
  int two[2][3];
  short three[2][3][5];
  struct point points[7][2];
  row rows[3];
  const char *names[9];
  int (*handlers[4])(int);
  char empty[0];
  int empty_inside[0][8];
  int inside_empty[8][0];
};
struct flexible {
  int count;
  struct point items[];
};
struct flexible_rows {
  int count;
  int items[][6];
};

struct arrays arrays;
struct flexible *flexible;
struct flexible_rows *flexible_rows;
extern int no_bound[];
extern int no_first_bound[][3];
int (*to_array)[12];
char (*product_is_4_gib)[65536][65536];
char (*product_overflows)[65536][65537];
const int constant[3][2];
volatile unsigned char flags[3];
static const char text[] = "bound by its content";

int use_no_bound(int i) { return no_bound[i] + no_first_bound[i][1] + text[i]; }

int of_run_time(int n, int m) {
  int local[n];
  short table[n][m];
  int mixed[4][n];
  typedef char buffer[n];
  buffer first;
  local[0] = n;
  table[0][0] = m;
  mixed[0][0] = n;
  first[0] = 1;
  asm volatile("" : : "r"(local), "r"(table), "r"(mixed), "r"(first) : "memory");
  return local[n - 1] + table[n - 1][m - 1];
}

int of_parameters(int n, int fixed[static 8], int table[n][n], char words[][10]) {
  return fixed[n] + table[1][n] + words[0][n];
}
