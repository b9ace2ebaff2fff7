// Floats of 16 bits as they lie in memory; all arithmetic is done in float.
#pragma once
#include "vector.hpp"
#include <cstdint>

namespace cambium::CAMBIUM_ISA {

CAMBIUM_INLINE uint32_t wordOf(float x) {
  uint32_t w;
  memcpy(&w, &x, 4);
  return w;
}
CAMBIUM_INLINE float floatOf(uint32_t w) {
  float x;
  memcpy(&x, &w, 4);
  return x;
}

/// float16: 5 bits of exponent, 10 of fraction.
struct Half {
  uint16_t bits;
  Half() = default;
  CAMBIUM_INLINE explicit Half(float x) {
#if defined(__F16C__)
    bits = (uint16_t)_cvtss_sh(x, 0);
#else
    const uint32_t word = wordOf(x), magnitude = word & 0x7fffffff;
    uint32_t half = 0x7c00;
    if (magnitude > 0x7f800000) half = 0x7e00;
    // Below the normal numbers all lie 2^-24 apart, as floats do from 0.5 on: adding 0.5 rounds.
    else if (magnitude < 0x38800000) half = wordOf(floatOf(magnitude) + 0.5f) - 0x3f000000;
    else if (magnitude < 0x47800000) half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    bits = (uint16_t)((word >> 16 & 0x8000) | half);
#endif
  }
  CAMBIUM_INLINE operator float() const {
#if defined(__F16C__)
    return _cvtsh_ss(bits);
#else
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) return floatOf(sign | 0x7f800000 | fraction << 13);
    const float magnitude = exponent ? floatOf((exponent + 112) << 23 | fraction << 13) : (float)fraction * 0x1p-24f;
    return floatOf(sign | wordOf(magnitude));
#endif
  }
};

/// bfloat16: the upper half of a float.
struct Brain {
  uint16_t bits;
  Brain() = default;
  CAMBIUM_INLINE explicit Brain(float x) {
    const uint32_t word = wordOf(x);
    bits = (uint16_t)((word & 0x7fffffff) > 0x7f800000 ? word >> 16 | 0x40 : (word + 0x7fff + (word >> 16 & 1)) >> 16);
  }
  CAMBIUM_INLINE operator float() const { return floatOf((uint32_t)bits << 16); }
};

} // namespace cambium::CAMBIUM_ISA
