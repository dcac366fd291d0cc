/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the BPF programs beside it share: no header of the system is needed, so
 * that they compile wherever clang knows the target. Structs are declared with
 * those members alone that a program reads; CO-RE finds them by name.
 */
#ifndef BTFD_TESTS_CORE_PROGRAMS_PROGRAM_H_
#define BTFD_TESTS_CORE_PROGRAMS_PROGRAM_H_

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;

#define SEC(name) __attribute__((section(name), used))
#define KERNEL __attribute__((preserve_access_index))
#define NULL ((void *)0)

/* Helpers by their numbers (Linux include/uapi/linux/bpf.h). */
static long (*const read_kernel)(void *to, u32 size,
                                 const void *from) = (void *)113;
static long (*const read_kernel_text)(void *to, u32 size,
                                      const void *from) = (void *)115;
static u64 (*const now)(void) = (void *)5;
static u64 (*const current_task)(void) = (void *)35;

/* Reads one member through a pointer of the kernel. */
#define READ(from, member)                                                    \
  ({                                                                          \
    typeof(from) whole = (from);                                              \
    typeof(whole->member) value;                                              \
    read_kernel((void *)&value, sizeof(value), (const void *)&whole->member); \
    value;                                                                    \
  })

/* The kinds of __builtin_preserve_field_info, _type_info, _enum_value and
 * __builtin_btf_type_id (LLVM, BPFCORE.h). */
#define FIELD_OFFSET(member) __builtin_preserve_field_info(member, 0)
#define FIELD_SIZE(member) __builtin_preserve_field_info(member, 1)
#define FIELD_EXISTS(member) __builtin_preserve_field_info(member, 2)
#define FIELD_SIGNED(member) __builtin_preserve_field_info(member, 3)
#define FIELD_LSHIFT(member) __builtin_preserve_field_info(member, 4)
#define FIELD_RSHIFT(member) __builtin_preserve_field_info(member, 5)
#define TYPE_EXISTS(type) __builtin_preserve_type_info(*(typeof(type) *)0, 0)
#define TYPE_SIZE(type) __builtin_preserve_type_info(*(typeof(type) *)0, 1)
#define TYPE_ID_LOCAL(type) __builtin_btf_type_id(*(typeof(type) *)0, 0)
#define TYPE_ID_KERNEL(type) __builtin_btf_type_id(*(typeof(type) *)0, 1)
#define ENUM_EXISTS(type, value) \
  __builtin_preserve_enum_value(*(typeof(type) *)value, 0)
#define ENUM_VALUE(type, value) \
  __builtin_preserve_enum_value(*(typeof(type) *)value, 1)

#define LICENSE SEC("license") char license_text[] = "Dual BSD/GPL";

#endif /* BTFD_TESTS_CORE_PROGRAMS_PROGRAM_H_ */
