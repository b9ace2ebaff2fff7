/** The gradient of a convolution with respect to its kernel: for each tap, input pixels times what flows back, tile by tile over the samples that are in the cache. */
import type { Callable, Local, ModuleBuilder } from "./assembler.ts";
import { type Axis, type Reach, reachOf } from "./axis.ts";
import { once } from "./once.ts";
import { cut } from "./rowplan.ts";
import { tile, tileRows, vectorsFor } from "./tile.ts";

/** x [samples, …axes' inputs, channels], dy [samples, …axes' outputs, filters], out [...windows, channels / groups, filters], all float32. */
export interface ConvKernel {
  readonly axes: readonly [Axis, Axis, Axis];
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
}

/** Samples are taken as many at a time as stay in the cache while all taps pass over them. */
const sliceBytes = 256 * 1024;

/** Rows of the kernel that meet the same pixels: `rows` of them from `row` on, whose inputs lie side by side (or, for depthwise, `rowStep` bytes apart). */
interface Piece {
  readonly row: number;
  readonly rows: number;
  readonly along: readonly [Reach, Reach, Reach];
}

interface Shape {
  readonly kernel: ConvKernel;
  readonly depthwise: boolean;
  readonly groups: number;
  /** Of a group. */
  readonly channels: number;
  readonly filters: number;
}

/** The pieces of one kernel row: taps together where all are inside the image, and each by itself on the pixels that are left. */
function piecesOf(s: Shape, kd: number, kh: number): Piece[] {
  const [depth, height, width] = s.kernel.axes;
  const [d, h] = [reachOf(depth, kd), reachOf(height, kh)];
  if (d.count === 0 || h.count === 0) return [];
  const row = (kw: number): number => ((kd * height.window + kh) * width.window + kw) * s.channels;
  const reaches = Array.from({ length: width.window }, (_, kw) => reachOf(width, kw));
  const begin = Math.max(...reaches.map((r) => r.first));
  const end = Math.min(...reaches.map((r) => r.first + r.count));
  const merges = s.groups === 1 && width.inputDilation === 1 && width.dilation === 1 && width.window > 1 && end > begin;
  const pieces: Piece[] = [];
  const add = (from: number, rows: number, reach: Reach): void => {
    if (reach.count > 0) pieces.push({ row: from, rows, along: [d, h, reach] });
  };
  if (merges) add(row(0), s.channels * width.window, reachOf(width, 0, begin, end));
  reaches.forEach((reach, kw) => {
    if (!merges) return add(row(kw), s.channels, reach);
    add(row(kw), s.channels, reachOf(width, kw, 0, begin));
    add(row(kw), s.channels, reachOf(width, kw, end));
  });
  return pieces;
}

/** The function (x, dy, out, samples): a tile of sums over all pixels of a piece, added to `out`. */
function kernelTile(module: ModuleBuilder, s: Shape, along: Piece["along"], rows: number, columns: number): Callable {
  const { axes, channels, filters } = s.kernel;
  const [depth, height, width] = along;
  const plane = (position: (a: Axis) => number): number => position(axes[1]) * position(axes[2]);
  const [xPixel, dyPixel] = [channels * 4, filters * 4];
  const [xStep, dyStep] = [xPixel * width.inputStep, dyPixel * width.step];
  const sums = tile(module, {
    wide: false,
    rows,
    columns,
    byColumn: s.depthwise,
    aRow: s.depthwise ? xPixel : 4,
    aStep: xStep,
    bStep: dyStep,
    outRow: filters * 4,
    turn: {
      every: width.count,
      a: xPixel * axes[2].input * height.inputStep - width.count * xStep,
      b: dyPixel * axes[2].output * height.step - width.count * dyStep,
    },
  });
  const key = JSON.stringify(["convKernel", s.kernel, along.map((r) => [r.count, r.step, r.inputStep]), rows, columns]);
  return once(module, key, () =>
    module.define(undefined, ["i32", "i32", "i32", "i32"], undefined, (f, x, dy, out, samples) => {
      const [d, xAt, dyAt] = [f.local("i32"), f.local("i32"), f.local("i32")];
      f.loop((again) => {
        f.set(xAt, f.get(x));
        f.set(dyAt, f.get(dy));
        f.count(d, f.integer(0), depth.count, 1, () => {
          f.call(sums, f.get(xAt), f.get(dyAt), f.get(out), f.integer(height.count * width.count), f.integer(1));
          f.set(xAt, f.plus(f.get(xAt), xPixel * plane((a) => a.input) * depth.inputStep));
          f.set(dyAt, f.plus(f.get(dyAt), dyPixel * plane((a) => a.output) * depth.step));
        });
        f.set(x, f.plus(f.get(x), xPixel * plane((a) => a.input) * axes[0].input));
        f.set(dy, f.plus(f.get(dy), dyPixel * plane((a) => a.output) * axes[0].output));
        f.branchIf(again, f.tee(samples, f.plus(f.get(samples), -1)));
      });
    }),
  );
}

/** The function (x, dy, out, n0, n1): adds what samples n0 to n1 contribute. */
export function convKernel(module: ModuleBuilder, k: ConvKernel): Callable {
  const depthwise = k.groups > 1 && k.groups === k.channels && k.filters === k.channels;
  const groups = depthwise ? 1 : k.groups;
  const s: Shape = { kernel: k, depthwise, groups, channels: depthwise ? 1 : k.channels / groups, filters: k.filters / groups };
  const [depth, height, width] = k.axes;
  const xSample = depth.input * height.input * width.input * k.channels * 4;
  const dySample = depth.output * height.output * width.output * k.filters * 4;
  const slice = Math.max(1, Math.floor(sliceBytes / (xSample + dySample)));
  // One function for a piece's row of strips, called for each tile of its rows.
  const strips = (along: Piece["along"], rows: number): Callable => {
    const w = 4 * vectorsFor(rows);
    const key = JSON.stringify(["convKernel strips", along.map((r) => [r.count, r.step, r.inputStep]), rows, k]);
    return once(module, key, () =>
      module.define(undefined, ["i32", "i32", "i32", "i32"], undefined, (f, x, dy, out, samples) => {
        const [col, whole] = [f.local("i32"), s.filters - (s.filters % w)];
        const call = (columns: number, at: () => any): void => {
          const shifted = (base: Local<"i32">) => f.i32.add(f.get(base), f.i32.shl(at(), f.integer(2)));
          f.call(kernelTile(module, s, along, rows, columns), depthwise ? shifted(x) : f.get(x), shifted(dy), shifted(out), f.get(samples));
        };
        if (whole > 0) f.count(col, f.integer(0), whole, w, () => call(w, () => f.get(col)));
        if (whole < s.filters) call(s.filters - whole, () => f.integer(whole));
      }),
    );
  };
  const most = tileRows(module.relaxed);
  return module.define(undefined, ["i32", "i32", "i32", "i32", "i32"], undefined, (f, x, dy, out, n0, n1) => {
    const [n, samples, group, xs, dys, to] = Array.from({ length: 6 }, () => f.local("i32")) as [
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
      Local<"i32">,
    ];
    f.count(n, f.get(n0), n1, slice, () => {
      f.set(samples, f.i32.sub(f.get(n1), f.get(n)));
      f.set(samples, f.select(f.get(samples), f.integer(slice), f.i32.lt(f.get(samples), f.integer(slice))));
      f.set(xs, f.i32.add(f.get(x), f.i32.mul(f.get(n), f.integer(xSample))));
      f.set(dys, f.i32.add(f.get(dy), f.i32.mul(f.get(n), f.integer(dySample))));
      f.set(to, f.get(out));
      f.count(group, f.integer(0), groups, 1, () => {
        for (let kd = 0; kd < depth.window; kd++)
          for (let kh = 0; kh < height.window; kh++)
            for (const { row, rows, along } of piecesOf(s, kd, kh)) {
              const place = (position: (a: Axis) => number, at: (r: Reach) => number): number =>
                (at(along[0]) * position(height) + at(along[1])) * position(width) + at(along[2]);
              const [input, output] = [
                place(
                  (a) => a.input,
                  (r) => r.input,
                ),
                place(
                  (a) => a.output,
                  (r) => r.first,
                ),
              ];
              let first = 0;
              for (const count of cut(rows, most)) {
                const shift = depthwise ? first * k.channels : first;
                f.call(
                  strips(along, count),
                  f.plus(f.get(xs), (input * k.channels + shift) * 4),
                  f.plus(f.get(dys), output * k.filters * 4),
                  f.plus(f.get(to), (row + first) * k.filters * 4),
                  f.get(samples),
                );
                first += count;
              }
            }
        f.set(xs, f.plus(f.get(xs), s.channels * 4));
        f.set(dys, f.plus(f.get(dys), s.filters * 4));
        f.set(to, f.plus(f.get(to), s.filters * 4));
      });
    });
  });
}
