#include "threads.hpp"
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <sched.h>
#include <thread>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <condition_variable>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cambium {
namespace {

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Long enough to bridge the gap between two steps of a training loop.
constexpr auto spinTime = std::chrono::microseconds(50);
/// Some 15 to 40 microseconds: longer than the short stages that one thread does alone, since whoever yields to a process in the background
/// may be gone for milliseconds. A peer that takes longer may be waiting for this very core, and spinning on would keep it from running.
constexpr int spinsBeforeYield = 1000;

/// One turn of waiting for a peer.
inline void wait(int& turns) {
  if (++turns < spinsBeforeYield) pause();
  else sched_yield();
}

class Pool {
public:
  /// Lives until the process ends: a destructor would race with threads still spinning.
  static Pool& one() {
    static Pool* pool = new Pool;
    return *pool;
  }

  bool run(int threads, Region region, void* self) {
    if (owned.exchange(true, std::memory_order_acquire)) return false;
    if (!grow(threads - 1)) {
      owned.store(false, std::memory_order_release);
      return false;
    }
    this->region = region, this->self = self;
    running.store(threads - 1, std::memory_order_relaxed);
    uint32_t count = (epoch.load(std::memory_order_relaxed) >> 8) + 1;
    epoch.store(count << 8 | (uint32_t)(threads - 1), std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst) > 0) wake();
    region(self, 0);
    for (int turns = 0; running.load(std::memory_order_acquire) > 0;) wait(turns);
    owned.store(false, std::memory_order_release);
    return true;
  }

private:
  std::atomic<bool> owned{false};
  int helpers = 0;
  Region region = nullptr;
  void* self = nullptr;
  /// How many regions there have been, and in the low byte how many helpers the latest one wants: a helper that comes
  /// late must judge by the number of the region it saw.
  alignas(64) std::atomic<uint32_t> epoch{0};
  alignas(64) std::atomic<int> running{0};
  alignas(64) std::atomic<int> sleepers{0};
#if !defined(__linux__)
  std::mutex mutex;
  std::condition_variable changed;
#endif

  bool grow(int count) {
    try {
      while (helpers < count) {
        uint32_t now = epoch.load();
        std::thread([this, index = helpers + 1, now] { help(index, now); }).detach();
        helpers++;
      }
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  void help(int index, uint32_t seen) {
    FlushDenormals always;
    for (;;) {
      seen = next(seen);
      if (index <= (int)(seen & 255)) {
        region(self, index);
        running.fetch_sub(1, std::memory_order_acq_rel);
      }
    }
  }

  /// Waits for the next region. A helper that no region wants may skip some; one that is wanted never does.
  uint32_t next(uint32_t seen) {
    uint32_t now;
    auto start = std::chrono::steady_clock::now();
    for (int turns = 0; (now = epoch.load(std::memory_order_acquire)) == seen;) {
      cambium::wait(turns);
      if (turns % 16 == 0 && std::chrono::steady_clock::now() - start > spinTime) {
        sleepers.fetch_add(1, std::memory_order_seq_cst);
        sleep(seen);
        sleepers.fetch_sub(1, std::memory_order_seq_cst);
        start = std::chrono::steady_clock::now();
        turns = 0;
      }
    }
    return now;
  }

#if defined(__linux__)
  void sleep(uint32_t seen) { syscall(SYS_futex, &epoch, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0); }
  void wake() { syscall(SYS_futex, &epoch, FUTEX_WAKE_PRIVATE, 1 << 30, nullptr, nullptr, 0); }
#else
  void sleep(uint32_t seen) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return epoch.load() != seen; });
  }
  void wake() {
    { std::lock_guard<std::mutex> lock(mutex); }
    changed.notify_all();
  }
#endif
};

} // namespace

void Barrier::wait() {
  unsigned now = round.load(std::memory_order_relaxed);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
    arrived.store(0, std::memory_order_relaxed);
    round.store(now + 1, std::memory_order_release);
    return;
  }
  for (int turns = 0; round.load(std::memory_order_acquire) == now;) cambium::wait(turns);
}

bool inParallel(int threads, Region region, void* self) { return Pool::one().run(threads, region, self); }

#if defined(__x86_64__)
FlushDenormals::FlushDenormals() : before(_mm_getcsr()) { _mm_setcsr((unsigned)before | 0x8040); }
FlushDenormals::~FlushDenormals() { _mm_setcsr((unsigned)before); }
#elif defined(__aarch64__)
FlushDenormals::FlushDenormals() {
  asm volatile("mrs %0, fpcr" : "=r"(before));
  asm volatile("msr fpcr, %0" ::"r"(before | (1ul << 24)));
}
FlushDenormals::~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before)); }
#else
FlushDenormals::FlushDenormals() : before(0) {}
FlushDenormals::~FlushDenormals() {}
#endif

} // namespace cambium
