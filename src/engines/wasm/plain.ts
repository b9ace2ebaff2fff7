/** Kernels as plain loops in JavaScript, on the engine's memory. */
import { bytesOf, type DType } from "../../base/dtype.ts";
import { fromBrain, fromHalf, toBrain, toHalf } from "../../base/half.ts";
import { size } from "../../base/shape.ts";
import type { Geometry, Kernel, View } from "../../compiler/program.ts";
import type { Block } from "../../graph/op.ts";
import * as ops from "../../ops/table.ts";
import type { Context, Emitted, Plain, Reach } from "./context.ts";
import { finishOf } from "./finish.ts";

/** A value's numbers. */
interface Numbers {
  get(i: number): number;
  set(i: number, x: number): void;
}

/** Addresses wrap around at 2³²: a value of which a thread holds only some samples may begin before the memory does. */
function numbers({ buffer }: Reach, dtype: DType, address: number): Numbers {
  const base = (address >>> 0) / bytesOf(dtype);
  const bound = 2 ** 32 / bytesOf(dtype);
  const at = (i: number): number => (base + i) % bound;
  switch (dtype) {
    case "float16":
    case "bfloat16": {
      const words = new Uint16Array(buffer);
      const [from, to] = dtype === "float16" ? [fromHalf, toHalf] : [fromBrain, toBrain];
      return { get: (i) => from(words[at(i)]!), set: (i, x) => (words[at(i)] = to(x)) };
    }
    case "int64": {
      const longs = new BigInt64Array(buffer);
      return { get: (i) => Number(longs[at(i)]), set: (i, x) => (longs[at(i)] = Math.abs(x) < 2 ** 63 ? BigInt(Math.trunc(x)) : 0n) };
    }
    default: {
      const array = new kinds[dtype](buffer as ArrayBuffer);
      return { get: (i) => array[at(i)]!, set: (i, x) => (array[at(i)] = x) };
    }
  }
}

const kinds = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array };

/** A sample's numbers as an array on the memory itself; nothing where JavaScript has no such numbers. */
function piece({ buffer }: Reach, dtype: DType, address: number, first: number, length: number): Direct | undefined {
  if (!(dtype in kinds)) return undefined;
  const kind = kinds[dtype as keyof typeof kinds];
  return new kind(buffer as ArrayBuffer, ((address >>> 0) + first * bytesOf(dtype)) % 2 ** 32, length);
}

type Reals = Float32Array | Float64Array;
type Direct = InstanceType<(typeof kinds)[keyof typeof kinds]>;

function each(space: readonly number[], visit: (index: number[]) => void): void {
  const index = space.map(() => 0);
  for (let n = size(space); n > 0; n--) {
    visit(index);
    for (let axis = space.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < space[axis]!) break;
      index[axis] = 0;
    }
  }
}

const place = ({ offset, strides }: View, index: readonly number[]): number => strides.reduce((p, s, i) => p + s * index[i]!, offset);

/** Visits output position, place in the window and input position of a geometry, each flat; padding is left out. */
function windows(g: Geometry, visit: (o: number, k: number, i: number) => void): void {
  const rank = g.output.length;
  each([...g.output, ...g.window], (index) => {
    let [o, k, i] = [0, 0, 0];
    for (let a = 0; a < rank; a++) {
      const spread = index[a]! * g.stride[a]! + index[rank + a]! * g.dilation[a]! - g.padding[a]!;
      const at = spread / g.inputDilation[a]!;
      if (!Number.isInteger(at) || at < 0 || at >= g.input[a]!) return;
      o = o * g.output[a]! + index[a]!;
      k = k * g.window[a]! + index[rank + a]!;
      i = i * g.input[a]! + at;
    }
    visit(o, k, i);
  });
}

/** What `windows` visits, three numbers a time: the same for each sample. */
function windowTable(g: Geometry): Int32Array {
  const table: number[] = [];
  windows(g, (o, k, i) => table.push(o, k, i));
  return Int32Array.from(table);
}

/** The largest numbers of windows, the first of equals, NaN before all; and their places. */
function poolMax(table: Int32Array, channels: number, x: ArrayLike<number>, best: Reals, index: Reals): void {
  best.fill(Number.NEGATIVE_INFINITY);
  index.fill(-1);
  for (let t = 0; t < table.length; t += 3) {
    const [o, k, i] = [table[t]! * channels, table[t + 1]!, table[t + 2]! * channels];
    for (let c = 0; c < channels; c++) {
      const v = x[i + c]!;
      const b = best[o + c]!;
      if (index[o + c]! < 0 || v > b || (v !== v && b === b)) {
        best[o + c] = v;
        index[o + c] = k;
      }
    }
  }
  for (let p = 0; p < index.length; p++) if (index[p]! < 0) index[p] = 0;
}

function poolSum(table: Int32Array, channels: number, x: ArrayLike<number>, total: Reals): void {
  total.fill(0);
  for (let t = 0; t < table.length; t += 3) {
    const [o, i] = [table[t]! * channels, table[t + 2]! * channels];
    for (let c = 0; c < channels; c++) total[o + c]! += x[i + c]!;
  }
}

/** Adds each number to the place in its window that it came from, or to the whole window. */
function spread(table: Int32Array, channels: number, x: ArrayLike<number>, index: ArrayLike<number> | undefined, out: Direct): void {
  out.fill(0);
  for (let t = 0; t < table.length; t += 3) {
    const [o, k, i] = [table[t]! * channels, table[t + 1]!, table[t + 2]! * channels];
    if (!index) for (let c = 0; c < channels; c++) out[i + c]! += x[o + c]!;
    else for (let c = 0; c < channels; c++) if (index[o + c] === k) out[i + c]! += x[o + c]!;
  }
}

type Finish = (table: number, row: number, rows: number, column: number, to: number, ...more: number[]) => void;

/** The kernel as loops. */
export function emitPlain(k: Exclude<Kernel, { kind: "map" | "reduce" | "attention" | "loop" | "op" }>, context: Context): Emitted {
  const of = (memory: Reach, table: number, value: number): Numbers => numbers(memory, context.values[value]!.dtype, memory.address(table, value));
  const units = "geometry" in k ? k.geometry.samples : 1;
  const plain = (run: (memory: Reach, table: number, from: number, to: number) => void): Emitted => ({
    call: (memory) => (table, from, to) => from < to && run(memory, table, from, to),
    units,
  });
  /** Results of some rows, one after another, then what follows on them. */
  const finished = (
    body: (Kernel & { kind: "conv" })["finish"],
    dims: readonly number[],
    results: (memory: Reach, table: number, from: number, to: number, rows: (row: number, ...given: Reals[]) => void) => void,
  ): Emitted => {
    const length = dims[dims.length - 1]!;
    const { name } = finishOf(context, body, dims);
    const kind = kinds[body.type];
    const bytes = Math.ceil((length * bytesOf(body.type)) / 16) * 16;
    const step = bytes / bytesOf(body.type);
    const together = Math.max(1, Math.floor(2 ** 15 / Math.max(bytes, 1)));
    context.reserve(bytes * together * body.given);
    const call: Plain = (memory, exports) => (table, from, to) => {
      if (from >= to || length === 0) return;
      const at = memory.scratch(table);
      const places = Array.from({ length: body.given }, (_, i) => at + i * bytes * together);
      results(memory, table, from, to, (row, ...given) => {
        const count = given[0]!.length / length;
        for (let first = 0; first < count; first += together) {
          const rows = Math.min(together, count - first);
          given.forEach((list, g) => {
            const scratch = new kind(memory.buffer as ArrayBuffer, places[g]! >>> 0, rows * step);
            if (step === length) scratch.set(list.subarray(first * length, (first + rows) * length));
            else for (let r = 0; r < rows; r++) scratch.set(list.subarray((first + r) * length, (first + r + 1) * length), r * step);
          });
          (exports[name] as Finish)(table, row + first, rows, 0, length, ...places, bytes);
        }
      });
    };
    return { call, units };
  };
  switch (k.kind) {
    case "matmul":
      return finished(k.finish, [...k.batch, k.m, k.n], (memory, table, _, __, emit) => {
        const [a, b] = [of(memory, table, k.a.value), of(memory, table, k.b.value)];
        const out = new Float64Array(k.n);
        let row = 0;
        each([...k.batch, k.m], (index) => {
          const batch = index.slice(0, -1);
          out.fill(0);
          for (let l = 0; l < k.k; l++) {
            const x = a.get(place(k.a, [...batch, index[index.length - 1]!, l]));
            const from = place(k.b, [...batch, l, 0]);
            for (let n = 0; n < k.n; n++) out[n]! += x * b.get(from + n * k.b.strides[k.b.strides.length - 1]!);
          }
          emit(row++, out);
        });
      });
    case "conv": {
      const { geometry: g, channels, filters, groups } = k;
      const [per, mine] = [channels / groups, filters / groups];
      return finished(k.finish, [g.samples, ...g.output, filters], (memory, table, from, to, emit) => {
        const [x, w] = [of(memory, table, k.x), of(memory, table, k.w)];
        const positions = size(g.output);
        for (let s = from; s < to; s++) {
          const y = new Float64Array(positions * filters);
          windows(g, (o, q, i) => {
            for (let f = 0; f < filters; f++)
              for (let c = 0; c < per; c++)
                y[o * filters + f]! += x.get((s * size(g.input) + i) * channels + Math.floor(f / mine) * per + c) * w.get((q * per + c) * filters + f);
          });
          emit(s * positions, y);
        }
      });
    }
    case "convKernel": {
      const { geometry: g, channels, filters, groups } = k;
      const [per, mine] = [channels / groups, filters / groups];
      return plain((memory, table, from, to) => {
        const [x, dy, out] = [of(memory, table, k.x), of(memory, table, k.dy), of(memory, table, k.out)];
        const total = new Float64Array(context.values[k.out]!.length);
        for (let s = from; s < to; s++)
          windows(g, (o, q, i) => {
            for (let f = 0; f < filters; f++)
              for (let c = 0; c < per; c++)
                total[(q * per + c) * filters + f]! +=
                  x.get((s * size(g.input) + i) * channels + Math.floor(f / mine) * per + c) * dy.get((s * size(g.output) + o) * filters + f);
          });
        const adds = context.isPartial(k.out);
        total.forEach((t, i) => out.set(i, t + (adds ? out.get(i) : 0)));
      });
    }
    case "pool": {
      const { geometry: g, channels } = k;
      const [small, big] = [size(g.output) * channels, size(g.input) * channels];
      const places = windowTable(g);
      // The largest of float32 is one of them, sums are made in doubles.
      const kind = k.mode === "max" && k.finish.type === "float32" ? Float32Array : Float64Array;
      const [best, index] = [new kind(small), new kind(small)];
      return finished(k.finish, [g.samples, ...g.output, channels], (memory, table, from, to, emit) => {
        for (let s = from; s < to; s++) {
          const x = sample(memory, table, k.x, s, big);
          if (k.mode === "max") poolMax(places, channels, x, best, index);
          else poolSum(places, channels, x, best);
          emit(s * size(g.output), best, ...(k.mode === "max" ? [index] : []));
        }
      });
    }
    case "unpool":
    case "poolTake": {
      const { geometry: g, channels } = k;
      const [small, big] = [size(g.output) * channels, size(g.input) * channels];
      const places = windowTable(g);
      return plain((memory, table, from, to) => {
        for (let s = from; s < to; s++) {
          const index = k.index === undefined ? undefined : sample(memory, table, k.index, s, small);
          if (k.kind === "unpool") written(memory, table, k.out, s, big, (out) => spread(places, channels, sample(memory, table, k.dy, s, small), index, out));
          else
            written(memory, table, k.out, s, small, (out) => {
              const x = sample(memory, table, k.x, s, big);
              out.fill(0);
              for (let t = 0; t < places.length; t += 3)
                for (let c = 0; c < channels; c++)
                  if (index![places[t]! * channels + c] === places[t + 1]) out[places[t]! * channels + c] = x[places[t + 2]! * channels + c]!;
            });
        }
      });
    }
    case "gather": {
      // Rows are copied byte by byte, whatever their dtype.
      const row = k.inner * bytesOf(context.values[k.out]!.dtype);
      return plain((memory, table) => {
        const bytes = new Uint8Array(memory.buffer as ArrayBuffer);
        const index = of(memory, table, k.index);
        const [x, out] = [memory.address(table, k.x) >>> 0, memory.address(table, k.out) >>> 0];
        for (let o = 0; o < k.outer; o++)
          for (let i = 0; i < k.count; i++) {
            const to = out + (o * k.count + i) * row;
            const j = index.get(i);
            if (!(j >= 0 && j < k.size)) bytes.fill(0, to, to + row);
            else {
              const from = x + (o * k.size + Math.trunc(j)) * row;
              bytes.copyWithin(to, from, from + row);
            }
          }
      });
    }
    case "scatterAdd":
      return plain((memory, table) => {
        const [x, index, out] = [of(memory, table, k.x), of(memory, table, k.index), of(memory, table, k.out)];
        const { least } = k;
        const total = new Float64Array(context.values[k.out]!.length).fill(least ?? 0);
        for (let o = 0; o < k.outer; o++)
          for (let i = 0; i < k.count; i++) {
            const j = index.get(i);
            if (!(j >= 0 && j < k.size)) continue;
            for (let n = 0; n < k.inner; n++) {
              const [few, many] = [(o * k.count + i) * k.inner + n, (o * k.size + j) * k.inner + n];
              total[many] = least === undefined ? total[many]! + x.get(few) : Math.max(total[many]!, x.get(few));
            }
          }
        total.forEach((t, i) => out.set(i, t));
      });
    case "pad":
      return plain((memory, table) => {
        const [x, out] = [of(memory, table, k.x), of(memory, table, k.out)];
        const total = context.values[k.out]!.length;
        for (let i = 0; i < total; i++) out.set(i, k.number);
        const shape = k.dims.map((d, i) => d + k.low[i]! + k.high[i]!);
        let p = 0;
        each(k.dims, (index) => {
          const v = x.get(p++);
          const to = index.map((q, i) => q + k.low[i]!);
          if (to.every((q, i) => q >= 0 && q < shape[i]!))
            out.set(
              to.reduce((n, q, i) => n * shape[i]! + q, 0),
              v,
            );
        });
      });
    case "factorization":
      return byOp(k.task, [
        [k.x, [k.batch, k.rows, k.columns]],
        [k.right, [k.batch, k.rows, k.width]],
      ]);
    case "lines": {
      const shape = k.task === "searchSorted" ? [k.outer, k.size] : k.task === "dft" ? [k.outer, k.size, k.inner, 2] : [k.outer, k.size, k.inner];
      return byOp(k.task, [
        [k.x, shape],
        [k.second, [k.outer, k.count]],
      ]);
    }
  }

  /** The numbers of one sample of a value. */
  function sample(memory: Reach, table: number, value: number, s: number, length: number): ArrayLike<number> {
    const dtype = context.values[value]!.dtype;
    const direct = piece(memory, dtype, memory.address(table, value), s * length, length);
    if (direct) return direct;
    const list = of(memory, table, value);
    return Float64Array.from({ length }, (_, i) => list.get(s * length + i));
  }

  /** Lets one sample of a value be written. */
  function written(memory: Reach, table: number, value: number, s: number, length: number, write: (out: Direct) => void): void {
    const dtype = context.values[value]!.dtype;
    const direct = piece(memory, dtype, memory.address(table, value), s * length, length);
    if (direct) return write(direct);
    const made = new Float64Array(length);
    write(made);
    const list = of(memory, table, value);
    for (let i = 0; i < length; i++) list.set(s * length + i, made[i]!);
  }

  /** By the loops of the op itself. */
  function byOp(task: keyof typeof ops, inputs: readonly (readonly [value: number | undefined, shape: readonly number[]])[]): Emitted {
    const { out } = k as { out: number };
    return plain((memory, table) => {
      const blocks = inputs.flatMap(([value, shape]): Block[] => {
        if (value === undefined) return [];
        const from = of(memory, table, value);
        return [{ data: Float64Array.from({ length: size(shape) }, (_, i) => from.get(i)), shape, dtype: context.values[value]!.dtype }];
      });
      const result: Block = { data: new Float64Array(context.values[out]!.length), shape: blocks[blocks.length - 1]!.shape, dtype: context.values[out]!.dtype };
      (ops[task] as { reference?: (out: Block, inputs: Block[], attrs: object) => void }).reference!(result, blocks, { ...k, axis: 1 });
      const to = of(memory, table, out);
      for (let i = 0; i < result.data.length; i++) to.set(i, result.data[i]!);
    });
  }
}
