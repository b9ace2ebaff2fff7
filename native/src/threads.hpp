// The engine's threads: one pool a process, however many worker_threads use it.
#pragma once
#include <atomic>

namespace cambium {

/// Where the threads of a region meet. Reusable; spins, and lets others run when a peer has been descheduled.
class Barrier {
public:
  void start(int count) { threads = count; }
  void wait();

private:
  int threads = 1;
  alignas(64) std::atomic<int> arrived{0};
  alignas(64) std::atomic<unsigned> round{0};
};

using Region = void (*)(void* self, int thread);

/// Runs region(self, 0 .. threads - 1), each on a thread of its own, the caller being thread 0.
/// False, without having run anything, when another caller has the pool right now or threads cannot be had.
bool inParallel(int threads, Region region, void* self);

/// Flushes denormal numbers to zero while it lives: optimizer moments of dead units decay into them and cost 10x.
class FlushDenormals {
public:
  FlushDenormals();
  ~FlushDenormals();

private:
  unsigned long before;
};

} // namespace cambium
