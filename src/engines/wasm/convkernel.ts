/** The gradient of a convolution with respect to its kernel: for each tap, input pixels times what flows back, summed over samples in registers. */
import type { Callable, Local, ModuleBuilder } from "./assembler.ts";
import { type Axis, type Reach, reachOf } from "./axis.ts";
import { once } from "./once.ts";
import { cut } from "./rowplan.ts";
import { repeat, Sums, tileRows, vectorsFor } from "./tile.ts";

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
function kernelTile(module: ModuleBuilder, s: Shape, along: readonly [Reach, Reach, Reach], rows: number, columns: number): Callable {
  const { axes, channels, filters } = s.kernel;
  const key = JSON.stringify([
    "convKernel",
    s.depthwise,
    axes.map((a) => [a.input, a.output]),
    channels,
    filters,
    along.map((r) => [r.count, r.step, r.inputStep]),
    rows,
    columns,
  ]);
  // Bytes from position to position along samples and the axes.
  const from = (position: (a: Axis) => number, numbers: number): number[] => {
    const width = numbers * 4;
    const height = width * position(axes[2]);
    const depth = height * position(axes[1]);
    return [depth * position(axes[0]), depth, height, width];
  };
  const [xAll, ...x] = from((a) => a.input, channels);
  const [dyAll, ...dy] = from((a) => a.output, filters);
  const xSteps = [xAll!, ...x.map((bytes, i) => bytes * along[i]!.inputStep)];
  const dySteps = [dyAll!, ...dy.map((bytes, i) => bytes * along[i]!.step)];
  const vectors = Math.ceil(columns / 4);
  const list = Array.from({ length: rows }, (_, r) => r);
  return once(module, key, () =>
    module.define(undefined, ["i32", "i32", "i32", "i32"], undefined, (f, xAt, dyAt, out, samples) => {
      const sums = new Sums(f, false, rows, vectors);
      const [a, b] = [f.local("i32"), f.local("i32")];
      const counts = along.map((r) => r.count);
      /** Loops over samples, depth and height; positions are counted on, not worked out. */
      const level = (axis: number, p: Local<"i32">, q: Local<"i32">): void => {
        if (axis === 3) {
          f.set(a, f.get(p));
          f.set(b, f.get(q));
          return repeat(
            f,
            counts[2]!,
            (u) => {
              if (s.depthwise)
                sums.addVectors(
                  a,
                  list.map((r) => r * channels * 4 + u * xSteps[3]!),
                  b,
                  u * dySteps[3]!,
                );
              else
                sums.add(
                  a,
                  list.map((r) => 4 * r + u * xSteps[3]!),
                  b,
                  u * dySteps[3]!,
                );
            },
            (n) => {
              f.set(a, f.plus(f.get(a), n * xSteps[3]!));
              f.set(b, f.plus(f.get(b), n * dySteps[3]!));
            },
          );
        }
        const count = axis === 0 ? samples : counts[axis - 1]!;
        if (count === 1) return level(axis + 1, p, q);
        const left = f.hold("i32", typeof count === "number" ? f.integer(count) : f.get(count));
        const [px, qy] = [f.hold("i32", f.get(p)), f.hold("i32", f.get(q))];
        f.loop((again) => {
          level(axis + 1, px, qy);
          f.set(px, f.plus(f.get(px), xSteps[axis]!));
          f.set(qy, f.plus(f.get(qy), dySteps[axis]!));
          f.branchIf(again, f.tee(left, f.plus(f.get(left), -1)));
        });
      };
      level(0, xAt, dyAt);
      const places = list.map((r) => r * filters * 4);
      sums.addFrom(out, places);
      sums.store(out, places, columns - 4 * (vectors - 1));
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
