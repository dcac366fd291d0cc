// SPDX-License-Identifier: Apache-2.0
// Pointers to everything, functions that take and return them.
int *****deep;
int (*function)(void);
int (**pointer_to_function)(int, char *);
void (*returns_function(int a))(long);
int (*(*returns_array)(void))[5];
void *(*table[3])(void *, ...);
void (*signal(int n, void (*handler)(int)))(int);
int variadic(const char *format, ...) { return format[0]; }
void (*returns_function(int a))(long) { return 0; }
void (*signal(int n, void (*handler)(int)))(int) { return handler; }
struct operations {
  int (*open)(struct operations *, int);
  void (*close)(struct operations *);
  int (*anonymous)(int, int (*)(void), struct { int a; } *);
};
struct operations operations;
