// The places of numbers in rising or falling order: by their bits, so that equal numbers keep their order and NaN counts as largest.
#pragma once
#include "half.hpp"
#include "program.hpp"
#include <algorithm>
#include <cstring>

namespace cambium::CAMBIUM_ISA {

/// A number of 32 bits or less whose order as an unsigned integer is the order of the numbers.
inline uint32_t orderOf(float x) {
  if (x != x) return ~0u;
  uint32_t bits;
  x = x == 0 ? 0.0f : x;
  memcpy(&bits, &x, 4);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
inline uint32_t orderOf(int32_t x) { return (uint32_t)x ^ 0x80000000u; }
inline uint64_t orderOf(double x) {
  if (x != x) return ~0ull;
  uint64_t bits;
  x = x == 0 ? 0.0 : x;
  memcpy(&bits, &x, 8);
  return bits >> 63 ? ~bits : bits | 0x8000000000000000ull;
}
inline uint64_t orderOf(int64_t x) { return (uint64_t)x ^ 0x8000000000000000ull; }
inline uint32_t orderOf(uint8_t x) { return x; }
inline uint32_t orderOf(int8_t x) { return orderOf((int32_t)x); }
inline uint32_t orderOf(Half x) { return orderOf((float)x); }
inline uint32_t orderOf(Brain x) { return orderOf((float)x); }

template <class Order>
struct Ranked {
  Order order;
  uint32_t place;
  bool operator<(const Ranked& other) const { return order != other.order ? order < other.order : place < other.place; }
};

/// Sorts `n` numbers in `a`, with as much room in `b`; returns the one of both that holds the result.
template <class Order>
Ranked<Order>* sorted(Ranked<Order>* a, Ranked<Order>* b, long n) {
  if (n <= 512) {
    std::sort(a, a + n);
    return a;
  }
  // Digit by digit, the lowest first: each pass keeps the order of those before it. A digit that is the same everywhere needs none.
  constexpr int digit = 11, digits = (sizeof(Order) * 8 + digit - 1) / digit, values = 1 << digit;
  std::vector<uint32_t> counts((size_t)digits * values, 0);
  for (long i = 0; i < n; i++)
    for (int d = 0; d < digits; d++) counts[d * values + ((a[i].order >> (d * digit)) & (values - 1))]++;
  for (int d = 0; d < digits; d++) {
    uint32_t* count = counts.data() + d * values;
    if (count[(a[0].order >> (d * digit)) & (values - 1)] == (uint32_t)n) continue;
    uint32_t at = 0;
    for (int v = 0; v < values; v++) {
      const uint32_t here = count[v];
      count[v] = at, at += here;
    }
    for (long i = 0; i < n; i++) b[count[(a[i].order >> (d * digit)) & (values - 1)]++] = a[i];
    std::swap(a, b);
  }
  return a;
}

/// out[i * step] = the place of the i-th number in order, of `n` numbers `step` apart. `scratch` has room for 2 n Ranked.
template <class T>
void sortPlaces(const T* x, long n, long step, bool falling, int32_t* out, void* scratch) {
  using Order = decltype(orderOf(T()));
  auto* a = (Ranked<Order>*)scratch;
  for (long i = 0; i < n; i++) {
    const Order order = orderOf(x[i * step]);
    a[i] = {falling ? (Order)~order : order, (uint32_t)i};
  }
  a = sorted(a, a + n, n);
  for (long i = 0; i < n; i++) out[i * step] = (int32_t)a[i].place;
}

constexpr long sortingBytes(long n) { return 2 * n * (long)sizeof(Ranked<uint64_t>); }

/// How many of `n` sorted numbers come before `x`; with `behind`, also those equal to it. NaN comes last.
inline long placeAmong(const double* sorted, long n, double x, bool behind) {
  auto before = [](double a, double b) { return a < b || (b != b && a == a); };
  return behind ? std::upper_bound(sorted, sorted + n, x, before) - sorted : std::lower_bound(sorted, sorted + n, x, before) - sorted;
}

} // namespace cambium::CAMBIUM_ISA
