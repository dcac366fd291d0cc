// SPDX-License-Identifier: Apache-2.0
//
// Guesses the next number of a sequence that repeats itself in long runs: units
// of a file include the same headers, so that types follow each other as they
// did in a unit before, and names. Comparing what is at hand with the guess
// takes no hash of a type and no look at a random place of a large table: a
// twentieth off the run.
#ifndef BTFD_LIB_ENCODE_NEXT_GUESS_H_
#define BTFD_LIB_ENCODE_NEXT_GUESS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace btfd::encode {

class NextGuess {
 public:
  NextGuess() : recent_(kRecent) {}

  // 0: there is none. May be anything else: it is to be checked.
  uint32_t guess() const { return recent_[(run_ + 1) % kRecent]; }
  // What it was in fact; not 0.
  void Note(uint32_t number) {
    if (recent_[(run_ + 1) % kRecent] == number) {
      ++run_;
    } else {
      // The run is over. Another one may go on where the number was last.
      run_ = number < last_.size() ? last_[number] : 0;
    }
    if (number >= last_.size()) {
      last_.resize(std::max<size_t>(number + 1, last_.size() * 2));
    }
    ++end_;
    recent_[end_ % kRecent] = number;
    last_[number] = end_;
  }

 private:
  // Some units' worth.
  static constexpr uint32_t kRecent = 1 << 15;

  std::vector<uint32_t> recent_;  // the last numbers, in a ring
  std::vector<uint32_t> last_;    // where in the ring each number was last
  uint32_t end_ = 0;              // where the last number is
  uint32_t run_ = 0;              // the number that the last one repeated
};

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_NEXT_GUESS_H_
