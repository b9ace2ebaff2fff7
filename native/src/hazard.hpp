// Values that may be the same memory.
#pragma once
#include "program.hpp"

namespace cambium::CAMBIUM_ISA {

/// An input and an output slot that must not be the same memory: an instruction reads the one after another has written the other.
struct Hazard {
  int input, output;
};

/// Whether writing one value destroys another. Where only a run can tell, the slots are added to `found`.
inline bool overwrites(const Program& program, int written, int read, std::vector<Hazard>& found) {
  if (written == read) return true;
  const Value &to = program.values[written], &from = program.values[read];
  if (to.carry >= 0 && to.carry == from.carry) return false;
  if (to.at == At::bound || from.at == At::bound) {
    bool any = false;
    const std::vector<int> one{written}, other{read};
    for (int w : to.at == At::bound ? to.stands : one)
      for (int r : from.at == At::bound ? from.stands : other) any |= overwrites(program, w, r, found);
    return any;
  }
  if (from.at == At::input && to.at == At::output) found.push_back({(int)from.place, (int)to.place});
  if (from.at != to.at || from.at == At::scalar) return false;
  // Slots; and of a local value only one chunk is kept, so that its length says nothing about where it ends.
  if (from.at == At::input || from.at == At::output || from.at == At::local) return from.place == to.place;
  return from.place < to.place + to.bytes() && to.place < from.place + from.bytes();
}

} // namespace cambium::CAMBIUM_ISA
