/** Numbers of 64 bits that stand for bytes, the same in every program that uses these functions. */

const all = 0xffff_ffff_ffff_ffffn;
const [k0, k1, k2] = [0xc3a5c85c97cb3127n, 0xb492b66fbe98f273n, 0x9ae16a3b2f90404fn];

const cut = (x: bigint): bigint => BigInt.asUintN(64, x);
const right = (x: bigint, by: bigint): bigint => ((x >> by) | (x << (64n - by))) & all;
const left = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & all;
const mix = (x: bigint): bigint => x ^ (x >> 47n);

function join(u: bigint, v: bigint, by: bigint): bigint {
  const a = mix(cut((u ^ v) * by));
  return cut(mix(cut((v ^ a) * by)) * by);
}

/**
 * The fingerprint of bytes that TensorFlow's hash buckets go by.
 * @source FarmHash, `farmhashna::Hash64` (Pike, 2014)
 */
export function farmHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const n = bytes.length;
  const at = (i: number): bigint => view.getBigUint64(i, true);
  const half = (i: number): bigint => BigInt(view.getUint32(i, true));
  const by = cut(k2 + BigInt(n) * 2n);
  if (n === 0) return k2;
  if (n < 4) {
    const y = BigInt(bytes[0]!) + (BigInt(bytes[n >> 1]!) << 8n);
    const z = BigInt(n) + (BigInt(bytes[n - 1]!) << 2n);
    return cut(mix(cut(y * k2) ^ cut(z * k0)) * k2);
  }
  if (n < 8) return join(cut(BigInt(n) + (half(0) << 3n)), half(n - 4), by);
  if (n <= 16) {
    const [a, b] = [cut(at(0) + k2), at(n - 8)];
    return join(cut(right(b, 37n) * by + a), cut(cut(right(a, 25n) + b) * by), by);
  }
  if (n <= 32) {
    const [a, b, c, d] = [cut(at(0) * k1), at(8), cut(at(n - 8) * by), cut(at(n - 16) * k2)];
    return join(cut(right(cut(a + b), 43n) + right(c, 30n) + d), cut(a + right(cut(b + k2), 18n) + c), by);
  }
  if (n <= 64) {
    const [a, b, c, d] = [cut(at(0) * k2), at(8), cut(at(n - 8) * by), cut(at(n - 16) * k2)];
    const y = cut(right(cut(a + b), 43n) + right(c, 30n) + d);
    const z = join(y, cut(a + right(cut(b + k2), 18n) + c), by);
    const [e, f, g, h] = [cut(at(16) * by), at(24), cut((y + at(n - 32)) * by), cut((z + at(n - 24)) * by)];
    return join(cut(right(cut(e + f), 43n) + right(g, 30n) + h), cut(e + right(cut(f + a), 18n) + g), by);
  }
  return long(n, at);
}

type Pair = [bigint, bigint];

/** What 64 bytes at a time come to. */
function long(n: number, at: (i: number) => bigint): bigint {
  const weak = (i: number, a: bigint, b: bigint): Pair => {
    const [w, x, y, z] = [at(i), at(i + 8), at(i + 16), at(i + 24)];
    const begun = cut(a + w);
    const end = cut(begun + x + y);
    return [cut(end + z), cut(right(cut(b + begun + z), 21n) + right(end, 44n) + begun)];
  };
  let [v, w]: [Pair, Pair] = [
    [0n, 0n],
    [0n, 0n],
  ];
  let x = cut(81n * k2 + at(0));
  let y = cut(81n * k1 + 113n);
  let z = cut(mix(cut(y * k2 + 113n)) * k2);
  /** `nine`: 9 in the last round, which looks at the last 64 bytes again. */
  const round = (i: number, by: bigint, nine: bigint): void => {
    x = cut(right(cut(x + y + v[0] + at(i + 8)), 37n) * by);
    y = cut(right(cut(y + v[1] + at(i + 48)), 42n) * by);
    x ^= cut(w[1] * nine);
    y = cut(y + v[0] * nine + at(i + 40));
    z = cut(right(cut(z + w[0]), 33n) * by);
    v = weak(i, cut(v[1] * by), cut(x + w[0]));
    w = weak(i + 32, cut(z + w[1]), cut(y + at(i + 16)));
    [x, z] = [z, x];
  };
  const end = Math.floor((n - 1) / 64) * 64;
  for (let i = 0; i < end; i += 64) round(i, k1, 1n);
  const by = cut(k1 + ((z & 0xffn) << 1n));
  w = [cut(w[0] + BigInt((n - 1) & 63)), w[1]];
  v = [cut(v[0] + w[0]), v[1]];
  w = [cut(w[0] + v[0]), w[1]];
  round(n - 64, by, 9n);
  return join(cut(join(v[0], w[0], by) + mix(y) * k0 + z), cut(join(v[1], w[1], by) + x), by);
}

/**
 * The fingerprint of bytes under a key, so that nobody without it can make two that collide.
 * @source SipHash-2-4 (Aumasson and Bernstein, 2012)
 */
export function sipHash64(bytes: Uint8Array, [a, b]: readonly [bigint, bigint]): bigint {
  let [v0, v1, v2, v3] = [a ^ 0x736f6d6570736575n, b ^ 0x646f72616e646f6dn, a ^ 0x6c7967656e657261n, b ^ 0x7465646279746573n];
  const rounds = (n: number): void => {
    for (let i = 0; i < n; i++) {
      v0 = cut(v0 + v1);
      v1 = left(v1, 13n) ^ v0;
      v0 = left(v0, 32n);
      v2 = cut(v2 + v3);
      v3 = left(v3, 16n) ^ v2;
      v0 = cut(v0 + v3);
      v3 = left(v3, 21n) ^ v0;
      v2 = cut(v2 + v1);
      v1 = left(v1, 17n) ^ v2;
      v2 = left(v2, 32n);
    }
  };
  const padded = new Uint8Array(Math.floor(bytes.length / 8) * 8 + 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length & 0xff;
  const view = new DataView(padded.buffer);
  for (let i = 0; i < padded.length; i += 8) {
    const word = view.getBigUint64(i, true);
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

/** Two fingerprints as one, their order counting. @source TensorFlow's `FingerprintCat64` */
export function joinFingerprints(first: bigint, second: bigint): bigint {
  const k = 0xc6a4a7935bd1e995n;
  const both = cut((first ^ k ^ cut(mix(cut(second * k)) * k)) * k);
  return mix(cut(mix(both) * k));
}
