/** Windows that slide over channels-last images: a visit to each output pixel, channel by channel, and to the pixels its window meets. */
import type { Geometry } from "../../compiler/program.ts";
import type { Code, FunctionBuilder, Local } from "./assembler.ts";
import { type Axis, axesOf, reachOf } from "./axis.ts";
import type { Width } from "./numbers.ts";

type Integer = Local<"i32">;

/** Up to so many taps are written out one after the other where all of them are inside the image. */
const mostWritten = 36;

/** A tap: its number in the window, and the pixel it meets at `pointer + offset`, where the pointer is at the channel in hand. */
export interface Tap {
  readonly number: Integer | number;
  readonly pointer: Integer;
  readonly offset: number;
}

/** What is done for `width` channels of an output pixel. `first` is the number of the first tap that is inside; there is none where it is beyond the last. */
export type Visit = (width: Width, first: () => Code<"i32">, taps: (each: (tap: Tap) => void) => void) => void;

/** What lies along with the output pixels, and how many bytes further the next number is. */
export interface Beside {
  readonly pointer: Integer;
  readonly bytes: number;
}

/** Whether geometry is of the kind that `windows` goes through. */
export const slides = (g: Geometry): boolean => g.inputDilation.every((n) => n === 1) && [...g.input, ...g.output, ...g.window].every((n) => n > 0);

/** Whether no two windows share a pixel. */
export const apart = (g: Geometry): boolean => g.window.every((n, i) => g.stride[i]! >= (n - 1) * g.dilation[i]! + 1);

/**
 * Visits the output pixels of one sample, whose image begins at `image` with numbers of `bytes` each. Pointers `beside` move on with the channels.
 * `row` is written behind each row of output pixels.
 */
export function windows(
  f: FunctionBuilder,
  g: Geometry,
  channels: number,
  image: Integer,
  bytes: number,
  beside: readonly Beside[],
  visit: Visit,
  row: () => void = () => {},
): void {
  const axes = axesOf(g);
  const i32 = (): Integer => f.local("i32");
  const pixel = channels * bytes;
  // Bytes from one position to the next along each axis of the image.
  const steps = [axes[1].input * axes[2].input * pixel, axes[2].input * pixel, pixel] as const;
  const taps = axes[0].window * axes[1].window * axes[2].window;
  const insides = axes.map((a) => insideOf(a));
  const written = taps <= mostWritten && insides.every(({ first, end }) => first < end);
  const always = insides.every(({ first, end }, i) => first === 0 && end === axes[i]!.output);
  const positions = [i32(), i32(), i32()] as const;
  /** For each axis: the first tap that is inside, and the one behind the last. */
  const ranges = axes.map(() => [i32(), i32()] as const);
  const within = axes.map(() => i32());
  const [base, pointer, left] = [i32(), i32(), i32()];
  const numbers = axes.map(() => i32());

  const enter = (axis: number): void => {
    const a = axes[axis]!;
    const { first, end } = insides[axis]!;
    const at = (): Code<"i32"> => f.get(positions[axis]!);
    if (!always) {
      f.set(within[axis]!, f.i32.and(f.i32.ge(at(), f.integer(first)), f.i32.lt(at(), f.integer(end))));
      const origin = f.hold("i32", f.plus(f.i32.mul(at(), f.integer(a.stride)), -a.padding));
      // Taps k with 0 ≤ origin + k · dilation < input.
      const behind = (x: Code<"i32">): Code<"i32"> => f.i32.div(f.plus(x, a.dilation - 1), f.integer(a.dilation));
      const [from, to] = ranges[axis]!;
      f.set(from, behind(f.i32.sub(f.integer(0), f.get(origin))));
      f.when(f.i32.lt(f.get(origin), f.integer(0)), noop, () => f.set(from, f.integer(0)));
      f.set(to, behind(f.i32.sub(f.integer(a.input), f.get(origin))));
      f.when(f.i32.ge(f.get(origin), f.integer(a.input)), () => f.set(to, f.integer(0)));
      f.when(f.i32.gt(f.get(to), f.integer(a.window)), () => f.set(to, f.integer(a.window)));
    } else if (!written) {
      f.set(ranges[axis]![0], f.integer(0));
      f.set(ranges[axis]![1], f.integer(a.window));
    }
  };
  /** All channels of a pixel, four at a time and then one. */
  const along = (each: (width: Width) => void): void => {
    const section = (width: Width, count: number): void => {
      if (count === 0) return;
      const next = (): void => {
        each(width);
        f.set(pointer, f.plus(f.get(pointer), width * bytes));
        for (const b of beside) f.set(b.pointer, f.plus(f.get(b.pointer), width * b.bytes));
      };
      if (count === 1) return next();
      f.set(left, f.integer(count));
      f.loop((again) => {
        next();
        f.branchIf(again, f.tee(left, f.plus(f.get(left), -1)));
      });
    };
    f.set(pointer, f.get(base));
    section(4, channels >> 2);
    section(1, channels & 3);
  };
  const number = (k: readonly [Code<"i32">, () => Code<"i32">, () => Code<"i32">]): Code<"i32"> => {
    const plane = f.i32.add(f.i32.mul(k[0], f.integer(axes[1].window)), k[1]());
    return f.i32.add(f.i32.mul(plane, f.integer(axes[2].window)), k[2]());
  };
  const writtenOut = (): void =>
    along((width) =>
      visit(
        width,
        () => f.integer(0),
        (each) => {
          let n = 0;
          for (let d = 0; d < axes[0].window; d++)
            for (let h = 0; h < axes[1].window; h++)
              for (let w = 0; w < axes[2].window; w++) {
                const offset = d * axes[0].dilation * steps[0] + h * axes[1].dilation * steps[1] + w * axes[2].dilation * steps[2];
                each({ number: n++, pointer, offset });
              }
        },
      ),
    );
  const looped = (): void => {
    const at = i32();
    along((width) =>
      visit(
        width,
        () => {
          const none = axes.map((_, i) => f.hold("i32", f.i32.ge(f.get(ranges[i]![0]), f.get(ranges[i]![1]))));
          const first = f.hold("i32", number([f.get(ranges[0]![0]), () => f.get(ranges[1]![0]), () => f.get(ranges[2]![0])]));
          return f.select(f.integer(taps), f.get(first), f.i32.or(f.i32.or(f.get(none[0]!), f.get(none[1]!)), f.get(none[2]!)));
        },
        (each) => {
          const [kd, kh, kw] = numbers as [Integer, Integer, Integer];
          const n = i32();
          f.count(kd, f.get(ranges[0]![0]), ranges[0]![1], 1, () =>
            f.count(kh, f.get(ranges[1]![0]), ranges[1]![1], 1, () =>
              f.count(kw, f.get(ranges[2]![0]), ranges[2]![1], 1, () => {
                f.set(n, number([f.get(kd), () => f.get(kh), () => f.get(kw)]));
                f.set(at, f.get(pointer));
                [kd, kh, kw].forEach((k, i) => {
                  if (axes[i]!.window > 1) f.set(at, f.i32.add(f.get(at), f.i32.mul(f.get(k), f.integer(axes[i]!.dilation * steps[i]!))));
                });
                each({ number: n, pointer: at, offset: 0 });
              }),
            ),
          );
        },
      ),
    );
  };
  const [od, oh, ow] = positions;
  f.count(od, f.integer(0), axes[0].output, 1, () => {
    enter(0);
    f.count(oh, f.integer(0), axes[1].output, 1, () => {
      enter(1);
      f.count(ow, f.integer(0), axes[2].output, 1, () => {
        enter(2);
        f.set(base, f.get(image));
        positions.forEach((p, i) => {
          const { stride, padding } = axes[i]!;
          f.set(base, f.i32.add(f.get(base), f.i32.mul(f.plus(f.i32.mul(f.get(p), f.integer(stride)), -padding), f.integer(steps[i]!))));
        });
        if (!written) looped();
        else if (always) writtenOut();
        else f.when(f.i32.and(f.i32.and(f.get(within[0]!), f.get(within[1]!)), f.get(within[2]!)), writtenOut, looped);
      });
      row();
    });
  });
}

const noop = (): void => {};

/** Outputs all of whose taps are inside. */
function insideOf(a: Axis): { first: number; end: number } {
  const reaches = Array.from({ length: a.window }, (_, k) => reachOf(a, k));
  return { first: Math.max(...reaches.map((r) => r.first)), end: Math.min(...reaches.map((r) => r.first + r.count)) };
}
