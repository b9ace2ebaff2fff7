// Pieces of a thread's scratch memory.
#pragma once
#include <cstddef>

namespace cambium {

/// Hands out pieces aligned to a cache line, one after the other. With no memory it only counts.
class Scratch {
public:
  explicit Scratch(void* memory = nullptr) : start((char*)memory) {}
  template <class T>
  T* take(long count) {
    char* piece = start + used;
    used += ((size_t)count * sizeof(T) + 63) / 64 * 64;
    return (T*)piece;
  }
  size_t bytes() const { return used; }

private:
  char* start;
  size_t used = 0;
};

} // namespace cambium
