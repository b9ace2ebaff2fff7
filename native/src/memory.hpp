// A piece of memory a prepared program owns.
#pragma once
#include <cstddef>

namespace cambium {

/// Zeroed, aligned to 64 bytes, on large pages where that pays.
class Memory {
public:
  Memory() = default;
  Memory(Memory&& other) noexcept : start(other.start), length(other.length) { other.start = nullptr, other.length = 0; }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();
  /// Throws std::bad_alloc when there is not enough.
  void allocate(size_t bytes);
  char* data() const { return start; }
  size_t size() const { return length; }

private:
  char* start = nullptr;
  size_t length = 0;
};

} // namespace cambium
