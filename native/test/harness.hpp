// What the checks and the benchmark of the kernels share: random data, comparison, timing.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace test {

inline uint32_t seed = 1;
inline uint32_t bits() { return (seed = seed * 1664525u + 1013904223u) >> 8; }
inline long below(long n) { return (long)(bits() % (uint32_t)n); }
inline long between(long low, long high) { return low + below(high - low + 1); }
inline float uniform() { return (float)bits() / 16777216.f - .5f; }

/// Numbers that end exactly at an unreadable page, so that a read or write past the end stops the program.
struct Guarded {
  size_t bytes = 0, used = 0;
  char* base = nullptr;
  float* data = nullptr;
  explicit Guarded(long count, bool random = true) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    used = ((size_t)count * 4 + page - 1) / page * page, bytes = used + page;
    base = (char*)mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(base + used, page, PROT_NONE);
    data = (float*)(base + used) - count;
    for (long i = 0; i < count; i++) data[i] = random ? uniform() : NAN;
  }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(base, bytes); }
  operator float*() const { return data; }
};

/// A buffer for the benchmark, aligned to a page.
inline float* buffer(size_t count) {
  float* p = (float*)aligned_alloc(4096, (count * 4 + 8191) / 4096 * 4096);
  for (size_t i = 0; i < count; i++) p[i] = uniform();
  return p;
}

inline int failures = 0, checks = 0;
inline void expect(bool ok, const char* what) {
  checks++;
  if (!ok && failures++ < 20) printf("WRONG: %s\n", what);
}

/// Seconds this thread has computed: on a busy machine the time it waited for a processor does not count.
inline double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct Timing {
  double p10, median;
};
/// Seconds per call, from repetitions of about half a millisecond.
inline Timing time(const std::function<void()>& f, double budget = 0.12) {
  f(), f();
  double t0 = now();
  f();
  const double one = now() - t0;
  const int inner = std::max(1, (int)(0.0005 / std::max(one, 1e-7)));
  std::vector<double> runs;
  for (double begin = now(); (now() - begin < budget || runs.size() < 7) && runs.size() < 2000;) {
    t0 = now();
    for (int i = 0; i < inner; i++) f();
    runs.push_back((now() - t0) / inner);
  }
  std::sort(runs.begin(), runs.end());
  return {runs[runs.size() / 10], runs[runs.size() / 2]};
}

inline double peak = 0; ///< GFLOP/s of one thread
inline void report(const char* name, double flops, const std::function<void()>& f) {
  const Timing t = time(f);
  printf("%-44s %9.2f us  %6.1f GFLOP/s (median %6.1f)  %3.0f %% of peak\n", name, t.p10 * 1e6, flops / t.p10 / 1e9,
         flops / t.median / 1e9, 100 * flops / t.p10 / 1e9 / peak);
}

} // namespace test
