/** Matrix products and convolutions of a program as functions of its module. Those in double precision, but for products, have plain loops. */
import type { Body, Kernel } from "../../compiler/program.ts";
import { size } from "../../base/shape.ts";
import type { Callable, Local } from "./assembler.ts";
import { axesOf } from "./axis.ts";
import type { Context, Emitted } from "./context.ts";
import { conv, convScratch } from "./conv.ts";
import { convKernel } from "./convkernel.ts";
import { finishOf } from "./finish.ts";
import type { Finish, Product } from "./operands.ts";
import { columnGrain, product, productScratch } from "./product.ts";

type Of<K extends Kernel["kind"]> = Extract<Kernel, { kind: K }>;
type Integer = Local<"i32">;

/** Whether all of these values are float32 in memory. */
const floats = (context: Context, ...values: readonly number[]): boolean => values.every((v) => context.dtypeOf(v) === "float32");

/** The body that follows, as products call it. */
function finisher(context: Context, body: Body, dims: readonly number[]): Finish {
  const finish = finishOf(context, body, dims);
  return (f, { desk, row, rows, col, cols, at, stride }) => {
    f.call(finish, f.get(desk), f.get(row), f.get(rows), f.get(col), f.i32.add(f.get(col), f.get(cols)), f.get(at), f.integer(stride));
  };
}

/** A product, or nothing where it has no code. */
export function emitMatmul(k: Of<"matmul">, context: Context): Emitted | undefined {
  const wide = k.finish.type === "float64";
  if (context.samples > 0 || k.k === 0 || k.finish.given !== 1) return undefined;
  if (wide ? context.dtypeOf(k.a.value) !== "float64" || context.dtypeOf(k.b.value) !== "float64" : !floats(context, k.a.value, k.b.value)) return undefined;
  const rank = k.batch.length;
  let { m } = k;
  let batch = [...k.batch];
  let [aSteps, bSteps] = [[...k.a.strides.slice(0, rank)], [...k.b.strides.slice(0, rank)]];
  let [aRow, aCol] = [k.a.strides[rank]!, k.a.strides[rank + 1]!];
  const [bRow, bCol] = [k.b.strides[rank]!, k.b.strides[rank + 1]!];
  // One b for all of the last axes of the batch: they are more rows.
  while (batch.length > 0) {
    const [n, a, b] = [batch[batch.length - 1]!, aSteps[aSteps.length - 1]!, bSteps[bSteps.length - 1]!];
    if (n !== 1 && !(b === 0 && (m === 1 || a === m * aRow))) break;
    if (n !== 1 && m === 1) aRow = a;
    m *= n;
    [batch, aSteps, bSteps] = [batch.slice(0, -1), aSteps.slice(0, -1), bSteps.slice(0, -1)];
  }
  const batches = size(batch);
  const single = batches === 1;
  const byColumns = single && k.split === "n" && k.n > columnGrain;
  const p: Product = {
    wide,
    m,
    n: k.n,
    k: k.k,
    aRow,
    aCol,
    bRow,
    bCol,
    allRows: !single || byColumns,
    outRow: k.n,
    finish: finisher(context, k.finish, [...k.batch, k.m, k.n]),
  };
  const bytes = wide ? 8 : 4;
  const inner = product(context.module, p);
  context.reserve(productScratch(context.module, p));
  const call = context.kernel((f, table, from, to) => {
    const base = (value: number, offset: number): Integer => f.hold("i32", f.plus(context.address(f, table, value), offset * bytes));
    const [a, b] = [base(k.a.value, k.a.offset), base(k.b.value, k.b.offset)];
    const scratch = f.hold("i32", context.scratchAddress(f, table));
    const run = (row: () => any, ranges: readonly (Integer | number)[]): void => {
      const code = ranges.map((x) => () => (typeof x === "number" ? f.integer(x) : f.get(x)));
      f.call(inner, f.get(table), f.get(a), f.get(b), f.integer(0), f.get(scratch), row(), code[0]!(), code[1]!(), code[2]!(), code[3]!());
    };
    if (single) return run(() => f.integer(0), byColumns ? [0, m, from, to] : [from, to, 0, k.n]);
    const i = f.local("i32");
    const [aFirst, bFirst] = [f.hold("i32", f.get(a)), f.hold("i32", f.get(b))];
    f.count(i, f.get(from), to, 1, () => {
      f.set(a, f.get(aFirst));
      f.set(b, f.get(bFirst));
      const rest = f.hold("i32", f.get(i));
      for (let axis = batch.length - 1; axis >= 0; axis--) {
        const at = f.hold("i32", axis === 0 ? f.get(rest) : f.i32.remUnsigned(f.get(rest), f.integer(batch[axis]!)));
        if (axis > 0) f.set(rest, f.i32.divUnsigned(f.get(rest), f.integer(batch[axis]!)));
        for (const [pointer, steps] of [
          [a, aSteps],
          [b, bSteps],
        ] as const)
          if (steps[axis] !== 0) f.set(pointer, f.i32.add(f.get(pointer), f.i32.mul(f.get(at), f.integer(steps[axis]! * bytes))));
      }
      run(() => f.i32.mul(f.get(i), f.integer(m)), [0, m, 0, k.n]);
    });
  });
  return single ? { call, units: byColumns ? k.n : m, ...(byColumns ? { grain: columnGrain } : {}) } : { call, units: batches };
}

/** A convolution, or nothing where it has no code. */
export function emitConv(k: Of<"conv">, context: Context): Emitted | undefined {
  const { geometry: g, channels, filters, groups } = k;
  if (!floats(context, k.x, k.w) || k.finish.type !== "float32" || k.finish.given !== 1 || empty(k)) return undefined;
  const finish = finisher(context, k.finish, [g.samples, ...g.output, filters]);
  const inputs = size(g.input);
  const pixels = size(g.output);
  const pointwise =
    groups === 1 && size(g.window) === 1 && [...g.stride, ...g.inputDilation].every((s) => s === 1) && g.padding.every((n) => n === 0) && inputs === pixels;
  let inner: Callable;
  if (pointwise && g.input.every((n, i) => n === g.output[i])) {
    const p: Product = {
      wide: false,
      m: g.samples * pixels,
      n: filters,
      k: channels,
      aRow: channels,
      aCol: 1,
      bRow: filters,
      bCol: 1,
      allRows: false,
      outRow: filters,
      finish,
    };
    const lines = product(context.module, p);
    context.reserve(productScratch(context.module, p));
    inner = context.module.define(undefined, ["i32", "i32", "i32", "i32", "i32", "i32"], undefined, (f, desk, x, w, scratch, n0, n1) => {
      const row = (n: Integer) => f.i32.mul(f.get(n), f.integer(pixels));
      f.call(lines, f.get(desk), f.get(x), f.get(w), f.integer(0), f.get(scratch), f.integer(0), row(n0), row(n1), f.integer(0), f.integer(filters));
    });
  } else {
    const spec = { axes: axesOf(g), channels, filters, groups, finish };
    inner = conv(context.module, spec);
    context.reserve(convScratch(context.module, spec));
  }
  const call = context.kernel((f, table, from, to) => {
    f.call(inner, f.get(table), context.address(f, table, k.x), context.address(f, table, k.w), context.scratchAddress(f, table), f.get(from), f.get(to));
  });
  return { call, units: g.samples };
}

/** A kernel's gradient that each thread sums for itself, or nothing where it has no code. */
export function emitConvKernel(k: Of<"convKernel">, context: Context): Emitted | undefined {
  const { geometry: g, channels, filters, groups } = k;
  if (!floats(context, k.x, k.dy, k.out) || !context.isPartial(k.out) || empty(k)) return undefined;
  const inner = convKernel(context.module, { axes: axesOf(g), channels, filters, groups });
  const call = context.kernel((f, table, from, to) => {
    f.when(f.i32.lt(f.get(from), f.get(to)), () => {
      f.call(inner, context.address(f, table, k.x), context.address(f, table, k.dy), context.address(f, table, k.out), f.get(from), f.get(to));
    });
  });
  return { call, units: g.samples };
}

const empty = ({ geometry: g, channels, filters }: Of<"conv"> | Of<"convKernel">): boolean =>
  size([...g.input, ...g.output, ...g.window, channels, filters, g.samples]) === 0;
