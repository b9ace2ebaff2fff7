/** Counter-based random words, four at once: Threefry 2x32 with 20 rounds, as src/base/random.ts says it. */
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { Vector } from "./lanes.ts";

const turns = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];

/** The first word for keys `seed` and `stream` and the counters that begin at `counter` and are `step` apart. */
export function randomWords(f: FunctionBuilder, seed: Vector, stream: Vector, counter: Local<"i64">, step: number): Vector {
  const { i32x4, v128 } = f;
  const hold = (x: ReturnType<typeof f.get<"v128">>): Vector => f.hold("v128", x);
  const add = (a: Vector, b: Vector): Vector => hold(i32x4.add(f.get(a), f.get(b)));
  const first = hold(i32x4.splat(f.i32.wrap(f.get(counter))));
  const low = add(first, hold(f.lanes([0, 1, 2, 3].map((i) => (i * step) | 0))));
  // Where the low half has gone round, the high half is one more: as unsigned numbers it is less than the first.
  const turned = (x: Vector): Vector => hold(v128.xor(f.get(x), f.integers(-(2 ** 31))));
  const carried = hold(i32x4.lt(f.get(turned(low)), f.get(turned(first))));
  const high = hold(i32x4.sub(i32x4.splat(f.i32.wrap(f.i64.shr(f.get(counter), f.long(32)))), f.get(carried)));
  const last = hold(v128.xor(v128.xor(f.get(seed), f.get(stream)), f.integers(0x1bd11bda)));
  const keys = [seed, stream, last];
  let x = add(low, seed);
  let y = add(high, stream);
  for (let group = 0; group < 5; group++) {
    for (const by of turns[group & 1]!) {
      x = add(x, y);
      const rotated = hold(v128.or(i32x4.shl(f.get(y), f.integer(by)), i32x4.shrUnsigned(f.get(y), f.integer(32 - by))));
      y = hold(v128.xor(f.get(rotated), f.get(x)));
    }
    x = add(x, keys[(group + 1) % 3]!);
    y = hold(i32x4.add(i32x4.add(f.get(y), f.get(keys[(group + 2) % 3]!)), f.integers(group + 1)));
  }
  return x;
}

/** Words as numbers in [0, 1). */
export const uniform = (f: FunctionBuilder, words: Vector): Vector =>
  f.hold("v128", f.f32x4.mul(f.f32x4.convert(f.i32x4.shrUnsigned(f.get(words), f.integer(8))), f.floats(2 ** -24)));
