/** Copies of matrix blocks in the order in which tiles read them. */
import type { Callable, FunctionBuilder, Local, ModuleBuilder } from "./assembler.ts";
import { once } from "./once.ts";
import { bytesOfNumber, lanesOf } from "./tile.ts";

/** Numbers `from[lane · laneStep + k · step]` set at `to[k · width + lane]`; distances in bytes, width in numbers. */
export interface Packing {
  readonly wide: boolean;
  /** At most eight of them where neither distance is that of neighbours. */
  readonly lanes: number;
  readonly width: number;
  readonly laneStep: number;
  readonly step: number;
}

/**
 * The function (to, from, depth). It may read up to a vector past what it copies, and write as far past the end; lanes from `lanes` to `width` get any numbers.
 */
export function pack(module: ModuleBuilder, p: Packing): Callable {
  return once(module, `pack ${p.wide} ${p.lanes} ${p.width} ${p.laneStep} ${p.step}`, () =>
    module.define(undefined, ["i32", "i32", "i32"], undefined, (f, to, from, depth) => {
      const bytes = bytesOfNumber(p.wide);
      const k = f.local("i32");
      if (p.laneStep === bytes) return copyVectors(f, p, to, from, depth, k);
      if (p.step === bytes && !p.wide && p.laneStep >= 0) return transpose(f, p, to, from, depth, k);
      const advance = (): void => {
        f.set(to, f.plus(f.get(to), p.width * bytes));
        f.set(from, f.plus(f.get(from), p.step));
      };
      f.count(k, f.integer(0), depth, 1, () => {
        one(f, p, to, from);
        advance();
      });
    }),
  );
}

/** The lanes of one k, number by number. */
function one(f: FunctionBuilder, p: Packing, to: Local<"i32">, from: Local<"i32">): void {
  const bytes = bytesOfNumber(p.wide);
  for (let i = 0; i < p.lanes; i++) {
    const at = p.laneStep < 0 ? f.plus(f.get(to), i * bytes) : f.get(to);
    const source = (): any => (p.laneStep < 0 ? f.plus(f.get(from), i * p.laneStep) : f.get(from));
    const offset = p.laneStep < 0 ? 0 : i * p.laneStep;
    const place = p.laneStep < 0 ? 0 : i * bytes;
    if (p.wide) f.f64.store(at, f.f64.load(source(), offset), place);
    else f.f32.store(at, f.f32.load(source(), offset), place);
  }
}

function copyVectors(f: FunctionBuilder, p: Packing, to: Local<"i32">, from: Local<"i32">, depth: Local<"i32">, k: Local<"i32">): void {
  const bytes = bytesOfNumber(p.wide);
  f.count(k, f.integer(0), depth, 1, () => {
    // Rows may lie closer than whole vectors: each then overwrites the excess of the one before.
    for (let i = 0; i < p.lanes; i += lanesOf(p.wide)) f.v128.store(f.get(to), f.v128.load(f.get(from), i * bytes), i * bytes);
    f.set(to, f.plus(f.get(to), p.width * bytes));
    f.set(from, f.plus(f.get(from), p.step));
  });
}

/** Blocks of four lanes by four k, turned around in registers. */
function transpose(f: FunctionBuilder, p: Packing, to: Local<"i32">, from: Local<"i32">, depth: Local<"i32">, k: Local<"i32">): void {
  const groups = Math.ceil(p.lanes / 4);
  const turned = Array.from({ length: groups }, () => [0, 1, 2, 3].map(() => f.local("v128")));
  const [a, b, c, d] = [0, 1, 2, 3].map(() => f.local("v128")) as [Local<"v128">, Local<"v128">, Local<"v128">, Local<"v128">];
  const whole = f.hold("i32", f.i32.and(f.get(depth), f.integer(-4)));
  f.count(k, f.integer(0), whole, 4, () => {
    turned.forEach((t, g) => {
      [a, b, c, d].forEach((l, i) => f.set(l, f.v128.load(f.get(from), Math.min(4 * g + i, p.lanes - 1) * p.laneStep)));
      const [ab, cd] = [t[0]!, t[1]!];
      f.set(ab, f.v128.shuffle32(f.get(a), f.get(b), [0, 4, 1, 5]));
      f.set(cd, f.v128.shuffle32(f.get(c), f.get(d), [0, 4, 1, 5]));
      f.set(a, f.v128.shuffle32(f.get(a), f.get(b), [2, 6, 3, 7]));
      f.set(c, f.v128.shuffle32(f.get(c), f.get(d), [2, 6, 3, 7]));
      f.set(t[2]!, f.v128.shuffle32(f.get(a), f.get(c), [0, 1, 4, 5]));
      f.set(t[3]!, f.v128.shuffle32(f.get(a), f.get(c), [2, 3, 6, 7]));
      f.set(b, f.v128.shuffle32(f.get(ab), f.get(cd), [2, 3, 6, 7]));
      f.set(ab, f.v128.shuffle32(f.get(ab), f.get(cd), [0, 1, 4, 5]));
      f.set(cd, f.get(b));
    });
    // In order, since each store overwrites the excess of the one before.
    for (let i = 0; i < 4; i++) turned.forEach((t, g) => f.v128.store(f.get(to), f.get(t[i]!), 4 * (i * p.width + 4 * g)));
    f.set(to, f.plus(f.get(to), 16 * p.width));
    f.set(from, f.plus(f.get(from), 16));
  });
  f.count(k, f.get(whole), depth, 1, () => {
    one(f, p, to, from);
    f.set(to, f.plus(f.get(to), 4 * p.width));
    f.set(from, f.plus(f.get(from), 4));
  });
}
