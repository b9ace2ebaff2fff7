/** Convolutions of channels-last images, made for their shape: tiles of a row's outputs by filters, straight from the image. */
import type { Callable, Code, Local, ModuleBuilder } from "./assembler.ts";
import type { Axis } from "./axis.ts";
import { once } from "./once.ts";
import type { Finish } from "./operands.ts";
import { pack } from "./pack.ts";
import { type RowTile, type Span, spansOf } from "./rowplan.ts";
import { tile, tileRows, vectorsFor } from "./tile.ts";

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
  const spans = spansOf(width, tileRows(relaxed), groups === 1 && width.inputDilation === 1 && width.dilation === 1);
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
  const listAt = line(widest * rows * padded(chunk) * 4);
  const packedAt = listAt + line(entryBytes * depthAxis.window);
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
    depth,
    listAt,
    packedAt,
    bytes: packedAt + line(4 * depth * (Math.ceil(chunk / strip) * strip)),
  };
}

/** Bytes of scratch memory a call needs. */
export const convScratch = (module: ModuleBuilder, c: Conv): number => layoutOf(c, module.relaxed).bytes;

/** Taps of an axis that meet whole input positions for one output lie this far apart, and these so many. */
function tapStep(a: Axis): { readonly taps: number; readonly inputs: number } {
  let [x, y] = [a.inputDilation, a.dilation];
  while (y > 0) [x, y] = [y, x % y];
  return { taps: a.inputDilation / x, inputs: a.dilation / x };
}

/** An entry of the list of kernel rows: bytes of x, rows of packed weights, and how many kernel rows follow each other from there. */
const entryBytes = 12;

/** The function (x, w, list, terms, out) for one tile, from all kernel rows on the list. */
function convTile(module: ModuleBuilder, c: Conv, l: Layout, t: RowTile, columns: number, stride: number): Callable {
  const [, height, width] = c.axes;
  const wStep = 16 * Math.ceil(columns / 4);
  const pixel = c.channels * 4;
  const rows = tapStep(height);
  const kernels = t.runs.map((run) => ({
    run,
    sums: tile(module, {
      wide: false,
      rows: run.count,
      columns: 4 * Math.ceil(columns / 4),
      byColumn: l.depthwise,
      aRow: t.inputStep * pixel,
      aStep: l.depthwise ? pixel : 4,
      bStep: wStep,
      outRow: t.step * stride,
      turn: {
        every: run.taps * l.channels,
        a: rows.inputs * width.input * pixel - run.taps * l.channels * (l.depthwise ? pixel : 4),
        b: (rows.taps * width.window - run.taps) * l.channels * wStep,
      },
    }),
  }));
  const whole = t.runs[0]?.count === t.count;
  const key = JSON.stringify(["conv", c.axes, c.channels, c.filters, c.groups, t, columns, stride]);
  return once(module, key, () =>
    module.define(undefined, ["i32", "i32", "i32", "i32", "i32"], undefined, (f, x, w, list, terms, out) => {
      const [a, b, add] = [f.local("i32"), f.local("i32"), f.local("i32")];
      const zero = (): void => {
        for (let r = 0; r < t.count; r++) for (let v = 0; v < wStep; v += 16) f.v128.store(f.get(out), f.floats(0), r * t.step * stride + v);
      };
      if (whole) f.when(f.i32.eqz(f.get(terms)), zero);
      else {
        zero();
        f.set(add, f.integer(1));
      }
      f.block((end) => {
        f.loop((again) => {
          f.branchIf(end, f.i32.eqz(f.get(terms)));
          f.set(a, f.i32.add(f.get(x), f.i32.load(f.get(list))));
          f.set(b, f.i32.add(f.get(w), f.i32.mul(f.i32.load(f.get(list), 4), f.integer(wStep))));
          for (const { run, sums } of kernels) {
            f.call(
              sums,
              f.plus(f.get(a), run.input * pixel),
              f.plus(f.get(b), run.tap * l.channels * wStep),
              f.plus(f.get(out), run.row * t.step * stride),
              f.i32.mul(f.i32.load(f.get(list), 8), f.integer(run.taps * l.channels)),
              f.get(add),
            );
            f.set(add, f.integer(1));
          }
          f.set(list, f.plus(f.get(list), entryBytes));
          f.set(terms, f.plus(f.get(terms), -1));
          f.branch(again);
        });
      });
    }),
  );
}

/** The function (list, od, oh) that lists the kernel rows that meet the input at a row of outputs, and returns how many entries there are. */
function listRows(module: ModuleBuilder, c: Conv, l: Layout): Callable {
  const [depth, height, width] = c.axes;
  return module.define(undefined, ["i32", "i32", "i32"], "i32", (f, list, od, oh) => {
    const [entries, firstTap, firstRow, rows] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
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
    taps(height, oh, (kh, h) => {
      f.when(f.i32.eqz(f.get(rows)), () => {
        f.set(firstTap, f.get(kh));
        f.set(firstRow, f.get(h));
      });
      f.set(rows, f.plus(f.get(rows), 1));
    });
    f.when(f.get(rows), () =>
      taps(depth, od, (kd, d) => {
        f.i32.store(f.get(list), f.i32.mul(f.i32.add(f.i32.mul(f.get(d), f.integer(height.input)), f.get(firstRow)), f.integer(width.input * c.channels * 4)));
        f.i32.store(
          f.get(list),
          f.i32.mul(f.i32.add(f.i32.mul(f.get(kd), f.integer(height.window)), f.get(firstTap)), f.integer(width.window * l.channels)),
          4,
        );
        f.i32.store(f.get(list), f.get(rows), 8);
        f.set(list, f.plus(f.get(list), entryBytes));
        f.set(entries, f.plus(f.get(entries), 1));
      }),
    );
    return f.get(entries);
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
              for (const t of segment.flatMap((span) => span.tiles))
                f.call(
                  convTile(module, c, l, t, strip.columns, stride),
                  f.plus(f.get(image), l.depthwise ? strip.at * 4 : 0),
                  f.plus(f.get(scratch), strip.weights),
                  f.get(at),
                  f.get(terms),
                  f.plus(f.get(to), (t.first - begin) * stride + strip.at * 4),
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
