// SPDX-License-Identifier: Apache-2.0
// Sets of kfuncs in .BTF_ids, as the kernel's macros make them.
// not: lto
#define ID(prefix, name, number)                                        \
  asm(".pushsection .BTF_ids,\"a\"\n.local __BTF_ID__" #prefix "__" #name "__" #number "\n" \
      ".type __BTF_ID__" #prefix "__" #name "__" #number ", STT_OBJECT\n" \
      ".size __BTF_ID__" #prefix "__" #name "__" #number ", 4\n"        \
      "__BTF_ID__" #prefix "__" #name "__" #number ":\n.zero 4\n.popsection\n")
#define FLAGS(value) asm(".pushsection .BTF_ids,\"a\"\n.long " #value "\n.popsection\n")
#define BEGIN(name, flags)                                              \
  asm(".pushsection .BTF_ids,\"a\"\n.local __BTF_ID__set8__" #name "\n" \
      "__BTF_ID__set8__" #name ":\n.zero 4\n.long " #flags "\n.popsection\n")
#define END(name)                                                       \
  asm(".pushsection .BTF_ids,\"a\"\n.size __BTF_ID__set8__" #name ", .-__BTF_ID__set8__" #name "\n.popsection\n")
struct task;
int kfunc_plain(int a) { return a; }
struct task *kfunc_acquire(struct task *t) { return t; }
void kfunc_fast(void) {}
void *kfunc_arena(void *p, long *q) { return p; }
static __attribute__((noinline, used)) int kfunc_static(long a) { return a; }
int not_a_kfunc(int a) { return a; }
int in_other_set(int a) { return a; }
BEGIN(kfuncs, 1);
ID(func, kfunc_plain, 1); FLAGS(0);
ID(func, kfunc_acquire, 2); FLAGS(3);
ID(func, kfunc_fast, 3); FLAGS(0x1000);
ID(func, kfunc_arena, 4); FLAGS(0xe000);
ID(func, kfunc_static, 5); FLAGS(0);
ID(func, kfunc_missing, 6); FLAGS(0);
END(kfuncs);
BEGIN(other, 0);
ID(func, in_other_set, 7); FLAGS(0);
END(other);
ID(func, not_a_kfunc, 8);
ID(struct, task, 9);
