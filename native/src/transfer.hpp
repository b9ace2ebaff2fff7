// Blocks of numbers to and from values of any dtype and with any strides.
#pragma once
#include "half.hpp"
#include "lane.hpp"
#include "program.hpp"
#include <type_traits>

namespace cambium::CAMBIUM_ISA {

/// What a number becomes when it is stored: integers as JavaScript's typed arrays do it, towards zero and modulo.
template <class To, class T>
CAMBIUM_INLINE To converted(T x) {
  if constexpr (std::is_floating_point_v<To>) return (To)x;
  else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, Brain>) return To((float)x);
  else {
    double wide = (double)x;
    return wide > -9e18 && wide < 9e18 ? (To)(int64_t)wide : To(0);
  }
}

template <class T>
CAMBIUM_INLINE T sum(T a, T b) {
  return T(a + b);
}

/// out[r * cols + c] = in[r + c * col]: squares of registers are turned around.
inline void turn(float* out, const float* in, long col, long rows, long cols) {
  long r = 0;
  for (; r + lanes <= rows; r += lanes) {
    long c = 0;
    for (; c + lanes <= cols; c += lanes) {
      Vector square[lanes];
      CAMBIUM_UNROLL
      for (int i = 0; i < lanes; i++) square[i] = load(in + r + (c + i) * col);
      transpose(square);
      CAMBIUM_UNROLL
      for (int i = 0; i < lanes; i++) store(out + (r + i) * cols + c, square[i]);
    }
    for (; c < cols; c++)
      for (int i = 0; i < lanes; i++) out[(r + i) * cols + c] = in[r + i + c * col];
  }
  for (; r < rows; r++)
    for (long c = 0; c < cols; c++) out[r * cols + c] = in[r + c * col];
}

/// out[r * cols + c] (+)= in[r * row + c * col]
template <class T, class From, bool add>
void fetch(T* out, const From* in, long row, long col, long rows, long cols) {
  if constexpr (!add && std::is_same_v<T, float> && std::is_same_v<From, float>)
    if (row == 1 && col != 1) return turn(out, in, col, rows, cols);
  auto one = [](T& to, From x) {
    if (add) to += (T)x;
    else to = (T)x;
  };
  if (col == 1) {
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < cols; c++) one(out[r * cols + c], in[r * row + c]);
  } else if (row == 1 && rows > cols) {
    for (long c = 0; c < cols; c++)
      for (long r = 0; r < rows; r++) one(out[r * cols + c], in[r + c * col]);
  } else {
    for (long r = 0; r < rows; r++)
      for (long c = 0; c < cols; c++) one(out[r * cols + c], in[r * row + c * col]);
  }
}

template <class T>
void fetch(T* out, DType dtype, const char* base, long place, long row, long col, long rows, long cols, bool add) {
  auto as = [&](auto* typed) {
    using From = std::remove_pointer_t<decltype(typed)>;
    const From* in = (const From*)base + place;
    if (add) fetch<T, From, true>(out, in, row, col, rows, cols);
    else fetch<T, From, false>(out, in, row, col, rows, cols);
  };
  switch (dtype) {
    case DType::float32: as((float*)nullptr); break;
    case DType::float64: as((double*)nullptr); break;
    case DType::int32: as((int32_t*)nullptr); break;
    case DType::float16: as((Half*)nullptr); break;
    case DType::bfloat16: as((Brain*)nullptr); break;
    case DType::int64: as((int64_t*)nullptr); break;
    case DType::int8: as((int8_t*)nullptr); break;
    default: as((uint8_t*)nullptr); break;
  }
}

/// out[r * row + c * col] (+)= in[r * inRow + (repeat ? 0 : c)]
template <class T>
void deliver(const T* in, long inRow, bool repeat, DType dtype, char* base, long place, long row, long col, long rows, long cols, bool add) {
  auto as = [&](auto* typed, auto convert) {
    auto* out = typed;
    const long inCol = repeat ? 0 : 1;
    for (long r = 0; r < rows; r++) {
      auto* to = out + r * row;
      const T* from = in + r * inRow;
      if (add)
        for (long c = 0; c < cols; c++) to[c * col] = sum(to[c * col], convert(from[c * inCol]));
      else if (col == 1 && !repeat)
        for (long c = 0; c < cols; c++) to[c] = convert(from[c]);
      else
        for (long c = 0; c < cols; c++) to[c * col] = convert(from[c * inCol]);
    }
  };
  switch (dtype) {
    case DType::float32: as((float*)base + place, [](T x) { return (float)x; }); break;
    case DType::float64: as((double*)base + place, [](T x) { return (double)x; }); break;
    case DType::int32: as((int32_t*)base + place, [](T x) { return converted<int32_t>(x); }); break;
    case DType::float16: as((Half*)base + place, [](T x) { return converted<Half>(x); }); break;
    case DType::bfloat16: as((Brain*)base + place, [](T x) { return converted<Brain>(x); }); break;
    case DType::int64: as((int64_t*)base + place, [](T x) { return converted<int64_t>(x); }); break;
    case DType::int8: as((int8_t*)base + place, [](T x) { return converted<int8_t>(x); }); break;
    case DType::uint8: as((uint8_t*)base + place, [](T x) { return converted<uint8_t>(x); }); break;
    case DType::boolean: as((uint8_t*)base + place, [](T x) { return (uint8_t)(x != 0); }); break;
  }
}

template <class T>
constexpr DType dtypeOf = std::is_same_v<T, float> ? DType::float32 : DType::float64;

} // namespace cambium::CAMBIUM_ISA
