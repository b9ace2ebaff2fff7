/** Floats of 16 bits: float16 (5 bits of exponent, 10 of fraction) and bfloat16 (the upper half of a float32), to and from numbers. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The float16 nearest to `x`, ties to even, as its 16 bits. @source IEEE 754 binary16; PyTorch rounds to float32 on the way, as this does */
export function toHalf(x: number): number {
  float[0] = x;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = bits[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the normal numbers all lie 2⁻²⁴ apart, as float32 numbers do from ½ on: adding ½ rounds.
    bits[0] = magnitude;
    float[0] = float[0]! + 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** The number that 16 bits mean as a float16. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

/** The bfloat16 nearest to `x`, ties to even, as its 16 bits. */
export function toBrain(x: number): number {
  float[0] = x;
  const word = bits[0]!;
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that 16 bits mean as a bfloat16. */
export function fromBrain(brain: number): number {
  bits[0] = brain << 16;
  return float[0]!;
}
