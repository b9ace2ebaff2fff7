#include "lapack.hpp"
#include <algorithm>
#include <dlfcn.h>
#include <vector>

namespace cambium {
namespace {

using Eigen = void (*)(const char* job, const char* half, const int* n, double* a, const int* stride, double* w, double* work, const int* size, int* whole,
                       const int* wholeSize, int* failed, long, long);
using Singular = void (*)(const char* job, const int* m, const int* n, double* a, const int* strideA, double* s, double* u, const int* strideU, double* vt,
                          const int* strideV, double* work, const int* size, int* whole, int* failed, long);

struct Lapack {
  Eigen eigen = nullptr;
  Singular singular = nullptr;

  Lapack() {
#if defined(__APPLE__)
    const char* names[] = {"/System/Library/Frameworks/Accelerate.framework/Accelerate"};
#else
    const char* names[] = {"libopenblas.so.0", "liblapack.so.3"};
#endif
    for (const char* name : names) {
      void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (!library) continue;
      eigen = (Eigen)dlsym(library, "dsyevd_");
      singular = (Singular)dlsym(library, "dgesdd_");
      // Its threads would only get in the way of ours.
      if (auto threads = (void (*)(int))dlsym(library, "openblas_set_num_threads")) threads(1);
      if (eigen && singular) return;
    }
    eigen = nullptr, singular = nullptr;
  }

  static const Lapack& one() {
    static const Lapack lapack;
    return lapack;
  }
};

} // namespace

bool lapackEigen(double* a, long n, double* w) {
  const Eigen call = Lapack::one().eigen;
  if (!call) return false;
  const int size = (int)n;
  std::vector<double> before(a, a + n * n), work(1);
  std::vector<int> whole(1);
  int ask = -1, failed = 0;
  call("V", "U", &size, a, &size, w, work.data(), &ask, whole.data(), &ask, &failed, 1, 1);
  if (failed == 0) {
    const int room = (int)work[0], wholeRoom = whole[0];
    work.resize((size_t)room), whole.resize((size_t)wholeRoom);
    call("V", "U", &size, a, &size, w, work.data(), &room, whole.data(), &wholeRoom, &failed, 1, 1);
  }
  if (failed == 0) return true;
  std::copy(before.begin(), before.end(), a);
  return false;
}

bool lapackSingular(double* a, long m, long n, double* u, double* s, double* v) {
  const Singular call = Lapack::one().singular;
  if (!call) return false;
  // LAPACK counts down columns: it sees aᵀ, whose left vectors are our right ones.
  const int rows = (int)n, columns = (int)m, small = std::min(rows, columns);
  std::vector<double> before(a, a + m * n), turned((size_t)small * (size_t)m), work(1);
  std::vector<int> whole((size_t)small * 8);
  int ask = -1, failed = 0;
  call("S", &rows, &columns, a, &rows, s, v, &rows, turned.data(), &small, work.data(), &ask, whole.data(), &failed, 1);
  if (failed == 0) {
    const int room = (int)work[0];
    work.resize((size_t)room);
    call("S", &rows, &columns, a, &rows, s, v, &rows, turned.data(), &small, work.data(), &room, whole.data(), &failed, 1);
  }
  if (failed != 0) {
    std::copy(before.begin(), before.end(), a);
    return false;
  }
  for (long j = 0; j < small; j++)
    for (long i = 0; i < m; i++) u[j * m + i] = turned[(size_t)(j + i * small)];
  return true;
}

} // namespace cambium
