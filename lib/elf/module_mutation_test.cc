// SPDX-License-Identifier: Apache-2.0
//
// Hostile files: modules with a few bytes changed at random, above all in what
// the reader goes by. Reading and planning must come to an end without touching
// what is not theirs (buffers have the exact size, for AddressSanitizer), and
// what is accepted must come out as wanted. The seed of a failure is printed.
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_layout.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/util/file.h"
#include "tests/support/testdata.h"

namespace btfd::elf {
namespace {

constexpr absl::string_view kNewBtf = "\x9f\xeb new content of .BTF";

absl::StatusOr<ModuleFile> Read(const std::string& bytes) {
  return ModuleFile::FromBytes({}, util::FileBytes::Copy(bytes), "m.ko");
}

std::string Apply(const ModuleFile& module, const ModuleLayout& layout) {
  std::string file(layout.size, '\0');
  const auto put = [&file](uint64_t to, absl::string_view bytes) {
    ASSERT_LE(to, file.size());
    ASSERT_LE(bytes.size(), file.size() - to);
    file.replace(to, bytes.size(), bytes.data(), bytes.size());
  };
  for (const auto& range : layout.kept) {
    EXPECT_LE(range.from + range.size, module.bytes().size());
    put(range.to, module.bytes().substr(range.from, range.size));
  }
  for (const auto& piece : layout.added) put(piece.to, piece.bytes);
  put(0, layout.header);
  return file;
}

// Everything that a client does with a module, up to the file system.
void Exercise(const std::string& bytes, int* accepted) {
  const auto module = Read(bytes);
  if (!module.ok()) return;
  (void)module->BtfContent();
  (void)module->BtfBaseContent();
  (void)module->IdSymbols();
  (void)module->PayloadSize();
  std::vector<SectionEdit> edits = {{kBtf, kNewBtf}, {kBtfBase, kNewBtf}};
  std::string ids;
  if (module->btf_ids()) {
    ids.assign(module->btf_ids()->content.size(), 'i');
    edits.push_back({kBtfIds, ids});
  }
  const auto layout = PlanLayout(*module, edits, /*drop_signature=*/true);
  if (!layout.ok() || *layout == nullptr) return;
  ++*accepted;
  const auto written = Read(Apply(*module, **layout));
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->BtfContent().value_or(""), kNewBtf);
  EXPECT_EQ(written->BtfBaseContent().value_or(""), kNewBtf);
  if (module->btf_ids()) {
    EXPECT_EQ(written->btf_ids()->content, ids);
  }
  const auto again = PlanLayout(*written, edits, /*drop_signature=*/true);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, nullptr) << "not the same twice";
  // Others keep their content, unless they lie in the ELF header, or over
  // .BTF_ids in a segment, which is patched in its place.
  if (module->header().e_phnum != 0) return;
  for (uint32_t i = 1; i < module->section_count(); ++i) {
    const Section before = module->section(i);
    if (before.name == kBtf || before.name == kBtfBase ||
        before.name == kBtfIds || i == module->section_names_index() ||
        before.header.sh_type == SHT_NULL || before.header.sh_offset < 64) {
      continue;
    }
    EXPECT_EQ(before.content, written->section(i).content) << i;
  }
}

void Mutate(std::string* file, std::mt19937_64* random) {
  const auto below = [random](uint64_t n) { return (*random)() % n; };
  const ElfForm form{(*file)[EI_CLASS] == ELFCLASS64,
                     (*file)[EI_DATA] == ELFDATA2MSB};
  const uint64_t table = DecodeHeader(form, file->data()).e_shoff;
  static const unsigned char kEdges[] = {0, 1, 2, 8, 0x7f, 0x80, 0xfe, 0xff};
  for (uint64_t left = 1 + below(4); left > 0; --left) {
    uint64_t at = below(file->size());
    switch (below(4)) {
      case 0:
        at = below(form.header_size());
        break;
      case 1:
      case 2:
        if (table < file->size()) at = table + below(file->size() - table);
        break;
      default:
        break;
    }
    (*file)[at] = static_cast<char>(below(2) ? kEdges[below(8)] : below(256));
  }
  if (below(20) == 0) file->resize(64 + below(file->size() - 64));
}

int MutationsToTry() {
  const char* wanted = getenv("BTFD_MUTATIONS");
  return wanted != nullptr ? atoi(wanted) : 20000;
}

void TryMutationsOf(const std::string& original, int count) {
  int accepted = 0;
  for (int seed = 0; seed < count; ++seed) {
    std::mt19937_64 random(seed);
    std::string file = original;
    Mutate(&file, &random);
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Exercise(file, &accepted);
    if (::testing::Test::HasFailure()) return;
  }
  // Else this would be a test of the first check alone.
  EXPECT_GT(accepted, count / 20);
}

TEST(ModuleMutations, OfSmallModulesInEveryForm) {
  for (const ElfForm form : {ElfForm{true, false}, ElfForm{true, true},
                             ElfForm{false, false}, ElfForm{false, true}}) {
    ElfBuilder elf(form);
    elf.header(elf.AddSection(".text", "some code")).sh_addralign = 16;
    elf.AddSection(".BTF", "\x9f\xeb old");
    const uint32_t ids = elf.AddSection(".BTF_ids", "1234");
    elf.AddSymbol("__BTF_ID__func__foo__1", ids, 0, 4);
    elf.AddSection(".BTF.base", "\x9f\xeb base");
    std::string signature(12, '\0');
    signature += "~Module signature appended~\n";
    TryMutationsOf(elf.Build(), MutationsToTry());
    TryMutationsOf(elf.Build() + signature, MutationsToTry());
  }
}

TEST(ModuleMutations, OfARealModule) {
  const auto kernel = tests::FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const auto paths = tests::ModulesNamed(kernel->modules, {"tcp_bbr"});
  ASSERT_EQ(paths.size(), 1u);
  const auto bytes = util::ReadFile(paths[0]);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  TryMutationsOf(*bytes, MutationsToTry());
}

}  // namespace
}  // namespace btfd::elf
