/** Pooling and its adjoints on vectors of channels. What is not in floats or doubles has plain loops. */
import { bytesOf } from "../../base/dtype.ts";
import { size } from "../../base/shape.ts";
import type { Kernel } from "../../compiler/program.ts";
import type { Code, FunctionBuilder, Local } from "./assembler.ts";
import type { Context, Emitted } from "./context.ts";
import { finishOf } from "./finish.ts";
import { Lanes, type Vector } from "./lanes.ts";
import { asDouble, asFloat, load, type Register, store, type Width } from "./numbers.ts";
import { apart, slides, type Tap, windows } from "./windows.ts";

type Of<K extends Kernel["kind"]> = Extract<Kernel, { kind: K }>;
type Integer = Local<"i32">;

/** Results that are finished together, and taps whose sum may be made in floats. */
const finishNumbers = 1024;
const mostTaps = 1024;

/** Four numbers in hand, or one: a vector, or two of doubles. */
class Hand {
  readonly f: FunctionBuilder;
  readonly wide: boolean;
  readonly width: Width;
  readonly #lanes: Lanes;

  constructor(f: FunctionBuilder, wide: boolean, width: Width) {
    this.f = f;
    this.wide = wide;
    this.width = width;
    this.#lanes = new Lanes(f, wide, wide && width === 4 ? 2 : width);
  }

  of(r: Register): Vector[] {
    if (!this.wide) return [asFloat(this.f, r)];
    const { x, y } = asDouble(this.f, r, this.width);
    return y && this.width === 4 ? [x, y] : [x];
  }
  register(x: readonly Vector[]): Register {
    return this.wide ? { kind: "double", x: x[0]!, y: x[1] } : { kind: "float", x: x[0]! };
  }
  /** Vectors that can be set anew. */
  fresh(x: () => Code<"v128">): Vector[] {
    return Array.from({ length: this.wide && this.width === 4 ? 2 : 1 }, () => this.f.hold("v128", x()));
  }
  constant(x: number): () => Code<"v128"> {
    return () => this.#lanes.code(x);
  }
  /** The number of a tap in every lane. */
  number(k: Tap["number"]): () => Code<"v128"> {
    const { f } = this;
    if (typeof k === "number") return this.constant(k);
    return () => this.splat(f.get(k));
  }
  splat(k: Code<"i32">): Code<"v128"> {
    const whole = this.f.i32x4.splat(k);
    return this.wide ? this.f.f64x2.convertLow(whole) : this.f.f32x4.convert(whole);
  }
  each(x: readonly Vector[], visit: (o: Lanes, x: Vector, i: number) => void): void {
    x.forEach((v, i) => visit(this.#lanes, v, i));
  }
}

/** Max pooling or window sums, or nothing where they have no code. */
export function emitPool(k: Of<"pool">, context: Context): Emitted | undefined {
  const { geometry: g, channels, finish: body } = k;
  const wide = body.type === "float64";
  const taps = size(g.window);
  if (!slides(g) || channels === 0 || (!wide && (context.dtypeOf(k.x) !== "float32" || taps > mostTaps))) return undefined;
  const number = wide ? 8 : 4;
  const xBytes = context.sizeOf(k.x);
  const pixels = size(g.output);
  const rowPixels = g.output[g.output.length - 1]!;
  const whole = pixels * channels <= finishNumbers;
  const places = k.mode === "max" && [...body.stores.map((s) => s.register), ...body.code.flatMap((c) => c.args)].includes(1);
  const room = Math.ceil(((whole ? pixels : rowPixels) * channels * number) / 64) * 64 + 64;
  context.reserve(2 * room);
  const finish = finishOf(context, body, [g.samples, ...g.output, channels]);
  const call = context.kernel((f, table, from, to) => {
    const i32 = (): Integer => f.local("i32");
    const [n, image, best, index, row] = [i32(), i32(), i32(), i32(), i32()];
    const x = f.hold("i32", context.address(f, table, k.x));
    const scratch = f.hold("i32", context.scratchAddress(f, table));
    f.set(row, f.i32.mul(f.get(from), f.integer(pixels)));
    const begin = (): void => {
      f.set(best, f.get(scratch));
      f.set(index, f.plus(f.get(scratch), room));
    };
    const end = (rows: number): void => {
      begin();
      const given = [best, index].slice(0, body.given);
      f.call(finish, f.get(table), f.get(row), f.integer(rows), f.integer(0), f.integer(channels), ...given.map((p) => f.get(p)), f.integer(channels * number));
      f.set(row, f.plus(f.get(row), rows));
    };
    f.count(n, f.get(from), to, 1, () => {
      f.set(image, f.i32.add(f.get(x), f.i32.mul(f.get(n), f.integer(size(g.input) * channels * xBytes))));
      begin();
      const beside = [
        { pointer: best, bytes: number },
        { pointer: index, bytes: places ? number : 0 },
      ];
      windows(
        f,
        g,
        channels,
        image,
        xBytes,
        beside,
        (width, first, visit) => {
          const hand = new Hand(f, wide, width);
          const fetch = ({ pointer, offset }: Tap): Vector[] => hand.of(load(f, context.dtypeOf(k.x), pointer, offset, 1, width));
          const result = hand.fresh(hand.constant(k.mode === "max" ? Number.NEGATIVE_INFINITY : 0));
          const at = places ? hand.fresh(() => hand.splat(f.i32.remUnsigned(first(), f.integer(taps)))) : [];
          visit((tap) => {
            const found = fetch(tap);
            // What is written out begins with the first tap.
            const begins = tap.number === 0;
            hand.each(found, (o, v, i) => {
              const total = result[i]!;
              if (k.mode === "sum") return f.set(total, f.get(begins ? v : o.add(total, v)));
              if (begins) return f.set(total, f.get(v));
              // Larger, or the first that is not a number.
              const better = f.hold("v128", f.v128.andNot(f.get(o.eq(total, total)), f.get(o.le(v, total))));
              f.set(total, f.get(o.select(better, v, total)));
              if (!places) return;
              const here = f.hold("v128", hand.number(tap.number)());
              f.set(at[i]!, f.get(o.select(better, here, at[i]!)));
            });
          });
          store(f, wide ? "float64" : "float32", best, 0, 1, width, hand.register(result));
          if (places) store(f, wide ? "float64" : "float32", index, 0, 1, width, hand.register(at));
        },
        whole ? undefined : () => end(rowPixels),
      );
      if (whole) end(pixels);
    });
  });
  return { call, units: g.samples };
}

/** What flows back through pooling, or what lies where pooling found its results; nothing where that has no code. */
export function emitUnpool(k: Of<"unpool"> | Of<"poolTake">, context: Context): Emitted | undefined {
  const { geometry: g, channels } = k;
  const { dtype } = context.values[k.out]!;
  const other = k.kind === "unpool" ? k.dy : k.x;
  if (!slides(g) || channels === 0 || (dtype !== "float32" && dtype !== "float64") || context.dtypeOf(other) !== dtype) return undefined;
  const wide = dtype === "float64";
  const bytes = bytesOf(dtype);
  const { index } = k;
  const [big, small] = [size(g.input) * channels, size(g.output) * channels];
  const single = apart(g);
  const call = context.kernel((f, table, from, to) => {
    const i32 = (): Integer => f.local("i32");
    const [n, image, flow, place] = [i32(), i32(), i32(), i32()];
    const pointer = (value: number, length: number, size: number) => f.i32.add(context.address(f, table, value), f.i32.mul(f.get(n), f.integer(length * size)));
    const placeBytes = index === undefined ? 0 : context.sizeOf(index);
    f.count(n, f.get(from), to, 1, () => {
      f.set(image, pointer(k.kind === "unpool" ? k.out : k.x, big, bytes));
      f.set(flow, pointer(k.kind === "unpool" ? k.dy : k.out, small, bytes));
      if (index !== undefined) f.set(place, pointer(index, small, placeBytes));
      if (k.kind === "unpool") f.fill(f.get(image), f.integer(0), f.integer(big * bytes));
      const beside = [
        { pointer: flow, bytes },
        { pointer: place, bytes: placeBytes },
      ];
      windows(f, g, channels, image, bytes, beside, (width, _, visit) => {
        const hand = new Hand(f, wide, width);
        const at = index === undefined ? undefined : hand.of(load(f, context.dtypeOf(index), place, 0, 1, width));
        const here = (tap: Tap, i: number): Vector => f.hold("v128", (wide ? f.f64x2 : f.f32x4).eq(f.get(at![i]!), hand.number(tap.number)()));
        if (k.kind === "poolTake") {
          const found = hand.fresh(hand.constant(0));
          visit((tap) =>
            hand.each(hand.of(load(f, dtype, tap.pointer, tap.offset, 1, width)), (o, v, i) => f.set(found[i]!, f.get(o.select(here(tap, i), v, found[i]!)))),
          );
          return store(f, dtype, flow, 0, 1, width, hand.register(found));
        }
        const flows = hand.of(load(f, dtype, flow, 0, 1, width));
        visit((tap) => {
          const part: Vector[] = [];
          hand.each(flows, (o, v, i) => part.push(at ? o.and(here(tap, i), v) : v));
          const before = single ? undefined : hand.of(load(f, dtype, tap.pointer, tap.offset, 1, width));
          const sum: Vector[] = [];
          hand.each(part, (o, v, i) => sum.push(before ? o.add(before[i]!, v) : v));
          store(f, dtype, tap.pointer, tap.offset, 1, width, hand.register(sum));
        });
      });
    });
  });
  return { call, units: g.samples };
}
