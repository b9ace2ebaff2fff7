#include "memory.hpp"
#include <cstdlib>
#include <cstring>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cambium {
namespace {
/// Fresh memory costs a page fault for each 4 KiB; pages of 2 MiB cut that to a quarter.
constexpr size_t largePage = 2 << 20;
} // namespace

void Memory::allocate(size_t bytes) {
  const bool large = bytes >= 2 * largePage;
  const size_t unit = large ? largePage : 64, rounded = (bytes + unit - 1) / unit * unit;
  void* p = nullptr;
  if (rounded < bytes || posix_memalign(&p, unit, rounded > 0 ? rounded : unit)) throw std::bad_alloc();
#if defined(__linux__)
  if (large) madvise(p, rounded, MADV_HUGEPAGE);
#endif
  memset(p, 0, rounded);
  free(start);
  start = (char*)p, length = rounded;
}

Memory::~Memory() { free(start); }

} // namespace cambium
