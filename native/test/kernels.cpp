// Checks every compute kernel against plain loops in double and measures it. Not part of the package.
// make && build/kernels [check|bench] [part of a name]
#include "benchmark.hpp"
#include "convcheck.hpp"
#include "matmulcheck.hpp"
#include "poolcheck.hpp"

using namespace test;

int main(int count, char** words) {
  const std::string mode = count > 1 ? words[1] : "all";
  if (count > 2) filter = words[2];
  if (mode != "bench") {
    if (wanted("matmul")) checkMatmul(600);
    if (wanted("conv")) checkConv(600);
    if (wanted("pool")) checkPool(600);
    printf("%d checks, %d wrong\n", checks, failures);
  }
  if (mode != "check") {
    peak = measurePeak();
    printf("peak of one thread: %.0f GFLOP/s, %d lanes\n", peak, lanes);
    benchMatmul(), benchConv(), benchPool();
  }
  return failures != 0;
}
