/** Convolutions of channels-last images, made for their shape: tiles of a row's outputs by filters, straight from the image. */
import type { Callable, Code, Local, ModuleBuilder } from "./assembler.ts";
import type { Axis } from "./axis.ts";
import { once } from "./once.ts";
import type { Finish } from "./operands.ts";
import { pack } from "./pack.ts";
import { type RowTile, type Span, spansOf } from "./rowplan.ts";
import { repeat, Sums, tileRows, vectorsFor } from "./tile.ts";

/** x [samples, …axes' inputs, channels], w [...windows, channels / groups, filters] and results [samples, …outputs, filters], all float32. */
export interface Conv {
  readonly axes: readonly [Axis, Axis, Axis];
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  readonly finish: Finish;
}

/** Weights that are packed together, and results that are finished together. */
const weightBytes = 320 * 1024;
const finishNumbers = 1024;
/** So many steps of k are written out instead of looped over. */
const writtenOut = 4;

type Integer = Local<"i32">;

interface Layout {
  /** Each channel has a filter of its own: vectors run over channels. */
  readonly depthwise: boolean;
  readonly groups: number;
  readonly channels: number;
  /** Filters of a group, how many of them are made together, and the width of a strip. */
  readonly filters: number;
  readonly chunk: number;
  readonly width: number;
  readonly spans: readonly Span[];
  /** Spans that are finished together; one group: several rows are. */
  readonly segments: readonly (readonly Span[])[];
  readonly rows: number;
  readonly terms: number;
  /** Rows of the packed weights. */
  readonly depth: number;
  readonly listAt: number;
  readonly packedAt: number;
  readonly bytes: number;
}

const line = (bytes: number): number => Math.ceil(bytes / 64) * 64 + 64;
const padded = (filters: number): number => Math.ceil(filters / 4) * 4;

function layoutOf(c: Conv, relaxed: boolean): Layout {
  const [depthAxis, height, width] = c.axes;
  const depthwise = c.groups > 1 && c.groups === c.channels && c.filters === c.channels;
  const groups = depthwise ? 1 : c.groups;
  const channels = depthwise ? 1 : c.channels / groups;
  const filters = c.filters / groups;
  const spans = spansOf(width, tileRows(relaxed), groups === 1 && !depthwise && width.inputDilation === 1 && width.dilation === 1);
  const vectors = vectorsFor(Math.max(1, ...spans.flatMap((s) => s.tiles.map((t) => t.count))));
  const strip = 4 * vectors;
  const depth = depthAxis.window * height.window * width.window * channels;
  const fit = Math.max(1, Math.floor(weightBytes / 4 / depth / strip)) * strip;
  const chunk = Math.min(filters, fit, 256);
  const segments: Span[][] = [];
  for (const span of spans) {
    const last = segments[segments.length - 1];
    if (last && (span.end - last[0]!.first) * chunk <= finishNumbers) last.push(span);
    else segments.push([span]);
  }
  const widest = Math.max(...segments.map((s) => s[s.length - 1]!.end - s[0]!.first));
  const rows = segments.length > 1 ? 1 : Math.max(1, Math.floor(finishNumbers / (width.output * chunk)));
  const terms = depthAxis.window * height.window;
  const listAt = line(widest * rows * padded(chunk) * 4);
  const packedAt = listAt + line(8 * terms);
  return {
    depthwise,
    groups,
    channels,
    filters,
    chunk,
    width: strip,
    spans,
    segments,
    rows,
    terms,
    depth,
    listAt,
    packedAt,
    bytes: packedAt + line(4 * depth * (Math.ceil(chunk / strip) * strip)),
  };
}

/** Bytes of scratch memory a call needs. */
export const convScratch = (module: ModuleBuilder, c: Conv): number => layoutOf(c, module.relaxed).bytes;

/** The function (x, w, list, terms, out) for one tile: `terms` kernel rows, whose places the list has: bytes of x, rows of packed weights. */
function convTile(module: ModuleBuilder, c: Conv, l: Layout, t: RowTile, columns: number, stride: number): Callable {
  const vectors = Math.ceil(columns / 4);
  const wStep = 16 * vectors;
  const key = JSON.stringify([c.channels, l.channels, l.depthwise, t.count, t.step, t.runs, columns, stride]);
  return once(module, `conv ${key}`, () =>
    module.define(undefined, ["i32", "i32", "i32", "i32", "i32"], undefined, (f, x, w, list, terms, out) => {
      const sums = new Sums(f, false, t.count, vectors);
      const [a, b] = [f.local("i32"), f.local("i32")];
      f.when(f.get(terms), () =>
        f.loop((again) => {
          let [aAt, bAt] = [-1, -1];
          const go = (aTo: number, bTo: number): void => {
            if (aAt !== aTo || bAt !== bTo) {
              f.set(a, f.plus(f.i32.add(f.get(x), f.i32.load(f.get(list))), aTo));
              f.set(b, f.plus(f.i32.add(f.get(w), f.i32.mul(f.i32.load(f.get(list), 4), f.integer(wStep))), bTo));
            }
            [aAt, bAt] = [aTo, bTo];
          };
          for (const run of t.runs) {
            const offsets = run.inputs.map((i) => (i === undefined ? undefined : i * c.channels * 4));
            const depth = run.taps * l.channels;
            const at = run.tap * l.channels * wStep;
            if (l.depthwise) {
              go(0, 0);
              for (let k = 0; k < run.taps; k++)
                sums.addVectors(
                  a,
                  offsets.map((o) => (o === undefined ? undefined : o + 4 * k * c.channels)),
                  b,
                  at + k * wStep,
                );
            } else if (depth <= writtenOut) {
              go(0, 0);
              for (let k = 0; k < depth; k++)
                sums.add(
                  a,
                  offsets.map((o) => (o === undefined ? undefined : o + 4 * k)),
                  b,
                  at + k * wStep,
                );
            } else {
              go(0, at);
              repeat(
                f,
                depth,
                (u) =>
                  sums.add(
                    a,
                    offsets.map((o) => (o === undefined ? undefined : o + 4 * u)),
                    b,
                    u * wStep,
                  ),
                (n) => {
                  f.set(a, f.plus(f.get(a), 4 * n));
                  f.set(b, f.plus(f.get(b), wStep * n));
                },
              );
              [aAt, bAt] = [-1, -1];
            }
          }
          f.set(list, f.plus(f.get(list), 8));
          f.branchIf(again, f.tee(terms, f.plus(f.get(terms), -1)));
        }),
      );
      sums.store(
        out,
        Array.from({ length: t.count }, (_, r) => r * t.step * stride),
        4,
      );
    }),
  );
}

/** The function (list, od, oh) that lists the kernel rows that meet the input at a row of outputs, and returns how many do. */
function listRows(module: ModuleBuilder, c: Conv, l: Layout): Callable {
  const [depth, height, width] = c.axes;
  return module.define(undefined, ["i32", "i32", "i32"], "i32", (f, list, od, oh) => {
    const count = f.local("i32");
    /** For each tap of an axis that is inside, with the input position. */
    const taps = (axis: Axis, o: Integer, then: (k: Integer, at: Integer) => void): void => {
      const [k, at, ok] = [f.local("i32"), f.local("i32"), f.local("i32")];
      f.count(k, f.integer(0), axis.window, 1, () => {
        f.set(at, f.plus(f.i32.add(f.i32.mul(f.get(o), f.integer(axis.stride)), f.i32.mul(f.get(k), f.integer(axis.dilation))), -axis.padding));
        f.set(ok, f.i32.ge(f.get(at), f.integer(0)));
        if (axis.inputDilation > 1) {
          f.set(ok, f.i32.and(f.get(ok), f.i32.eqz(f.i32.rem(f.get(at), f.integer(axis.inputDilation)))));
          f.set(at, f.i32.div(f.get(at), f.integer(axis.inputDilation)));
        }
        f.when(f.i32.and(f.get(ok), f.i32.lt(f.get(at), f.integer(axis.input))), () => then(k, at));
      });
    };
    taps(depth, od, (kd, d) =>
      taps(height, oh, (kh, h) => {
        f.i32.store(f.get(list), f.i32.mul(f.i32.add(f.i32.mul(f.get(d), f.integer(height.input)), f.get(h)), f.integer(width.input * c.channels * 4)));
        f.i32.store(f.get(list), f.i32.mul(f.i32.add(f.i32.mul(f.get(kd), f.integer(height.window)), f.get(kh)), f.integer(width.window * l.channels)), 4);
        f.set(list, f.plus(f.get(list), 8));
        f.set(count, f.plus(f.get(count), 1));
      }),
    );
    return f.get(count);
  });
}

/** The function (desk, x, w, col, scratch, n0, n1) for `chunk` filters from `col` on, whose weights begin at w. */
function convChunk(module: ModuleBuilder, c: Conv, l: Layout, chunk: number, list: Callable): Callable {
  const [depth, height, width] = c.axes;
  const stride = padded(chunk) * 4;
  const strips: { readonly at: number; readonly columns: number; readonly weights: number }[] = [];
  for (let at = 0; at < chunk; at += l.width) strips.push({ at, columns: Math.min(l.width, chunk - at), weights: l.packedAt + at * l.depth * 4 });
  return module.define(undefined, ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], undefined, (f, desk, x, w, col, scratch, n0, n1) => {
    const i32 = (): Integer => f.local("i32");
    const [n, od, oh, terms, image, to, row, first, rows, at] = [i32(), i32(), i32(), i32(), i32(), i32(), i32(), i32(), i32(), i32()];
    const cols = f.hold("i32", f.integer(chunk));
    for (const { at, columns, weights } of strips)
      f.call(
        pack(module, { wide: false, lanes: columns, width: padded(columns), laneStep: 4, step: c.filters * 4 }),
        f.plus(f.get(scratch), weights),
        f.plus(f.get(w), at * 4),
        f.integer(l.depth),
      );
    f.set(at, f.plus(f.get(scratch), l.listAt));
    f.set(to, f.get(scratch));
    f.set(row, f.i32.mul(f.get(n0), f.integer(depth.output * height.output * width.output)));
    f.set(first, f.get(row));
    const flush = (): void => {
      f.set(rows, f.i32.sub(f.get(row), f.get(first)));
      c.finish(f, { desk, row: first, rows, col, cols, at: scratch, stride });
      f.set(first, f.get(row));
      f.set(to, f.get(scratch));
    };
    f.count(n, f.get(n0), n1, 1, () => {
      f.set(image, f.i32.add(f.get(x), f.i32.mul(f.get(n), f.integer(depth.input * height.input * width.input * c.channels * 4))));
      f.count(od, f.integer(0), depth.output, 1, () =>
        f.count(oh, f.integer(0), height.output, 1, () => {
          f.set(terms, f.call(list, f.get(at), f.get(od), f.get(oh)));
          for (const segment of l.segments) {
            const [begin, end] = [segment[0]!.first, segment[segment.length - 1]!.end];
            for (const strip of strips)
              for (const tile of segment.flatMap((span) => span.tiles))
                f.call(
                  convTile(module, c, l, tile, strip.columns, stride),
                  f.plus(f.get(image), tile.input * c.channels * 4 + (l.depthwise ? strip.at * 4 : 0)),
                  f.plus(f.get(scratch), strip.weights),
                  f.get(at),
                  f.get(terms),
                  f.plus(f.get(to), (tile.first - begin) * stride + strip.at * 4),
                );
            f.set(to, f.plus(f.get(to), (end - begin) * stride));
            f.set(row, f.plus(f.get(row), end - begin));
            if (l.segments.length > 1) flush();
          }
          if (l.segments.length === 1) f.when(f.i32.ge(f.i32.sub(f.get(row), f.get(first)), f.integer(l.rows * width.output)), flush);
        }),
      );
    });
    f.when(f.i32.gt(f.get(row), f.get(first)), flush);
  });
}

/** The function (desk, x, w, scratch, n0, n1) for samples n0 to n1. */
export function conv(module: ModuleBuilder, c: Conv): Callable {
  const l = layoutOf(c, module.relaxed);
  const list = listRows(module, c, l);
  const rest = l.filters % l.chunk;
  const chunk = (filters: number): Callable => convChunk(module, c, l, filters, list);
  const whole = chunk(l.chunk);
  const ragged = rest > 0 ? chunk(rest) : undefined;
  return module.define(undefined, ["i32", "i32", "i32", "i32", "i32", "i32"], undefined, (f, desk, x, w, scratch, n0, n1) => {
    const [group, part, col] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const input = (): Code<"i32"> => (l.depthwise ? f.i32.add(f.get(x), f.i32.shl(f.get(col), f.integer(2))) : f.get(x));
    const call = (callable: Callable): void => {
      f.call(callable, f.get(desk), input(), f.i32.add(f.get(w), f.i32.shl(f.get(col), f.integer(2))), f.get(col), f.get(scratch), f.get(n0), f.get(n1));
    };
    f.count(group, f.integer(0), l.groups, 1, () => {
      f.count(part, f.integer(0), Math.floor(l.filters / l.chunk), 1, () => {
        call(whole);
        f.set(col, f.plus(f.get(col), l.chunk));
      });
      if (ragged) {
        call(ragged);
        f.set(col, f.plus(f.get(col), rest));
      }
      f.set(x, f.plus(f.get(x), l.channels * 4));
    });
  });
}
