// SPDX-License-Identifier: Apache-2.0
#include "tests/pahole/cases.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace btfd::tests {

namespace {

class Writer {
 public:
  void Number(uint64_t number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void Text(const std::string& text) {
    Number(text.size());
    bytes_ += text;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}
  uint64_t Number() {
    uint64_t number = 0;
    memcpy(&number, Take(sizeof(number)), sizeof(number));
    return number;
  }
  std::string Text() {
    const uint64_t size = Number();
    return {Take(size), size};
  }

 private:
  const char* Take(uint64_t size) {
    if (size > bytes_.size() - at_) std::abort();
    const char* taken = bytes_.data() + at_;
    at_ += size;
    return taken;
  }

  const std::string& bytes_;
  size_t at_ = 0;
};

void WriteCase(const Case& one, Writer* writer) {
  writer->Text(one.name);
  writer->Number(one.built.size());
  for (const Built& built : one.built) {
    writer->Text(built.build);
    writer->Text(built.object);
    writer->Number(static_cast<uint64_t>(built.runs));
    writer->Number(built.results.size());
    for (const EncodeResult& result : built.results) {
      writer->Number(static_cast<uint64_t>(result.exit_code));
      writer->Text(result.err);
      writer->Number(result.btf.has_value());
      if (result.btf) writer->Text(*result.btf);
    }
  }
}

Case ReadCase(Reader* reader) {
  Case one;
  one.name = reader->Text();
  one.built.resize(reader->Number());
  for (Built& built : one.built) {
    built.build = reader->Text();
    built.object = reader->Text();
    built.runs = static_cast<Runs>(reader->Number());
    built.results.resize(reader->Number());
    for (EncodeResult& result : built.results) {
      result.exit_code = static_cast<int>(reader->Number());
      result.err = reader->Text();
      if (reader->Number() != 0) result.btf = reader->Text();
    }
  }
  return one;
}

}  // namespace

std::string CasesToBytes(const std::vector<CaseGroup>& groups) {
  Writer writer;
  writer.Number(groups.size());
  for (const CaseGroup& group : groups) {
    writer.Number(group.bases.size());
    for (const auto& [version, base] : group.bases) {
      writer.Text(version);
      writer.Text(base);
    }
    writer.Number(group.cases.size());
    for (const Case& one : group.cases) WriteCase(one, &writer);
  }
  return writer.Take();
}

std::vector<CaseGroup> CasesFromBytes(const std::string& bytes) {
  Reader reader(bytes);
  std::vector<CaseGroup> groups(reader.Number());
  for (CaseGroup& group : groups) {
    for (uint64_t n = reader.Number(); n > 0; --n) {
      const std::string version = reader.Text();
      group.bases[version] = reader.Text();
    }
    group.cases.resize(reader.Number());
    for (Case& one : group.cases) one = ReadCase(&reader);
  }
  return groups;
}

}  // namespace btfd::tests
