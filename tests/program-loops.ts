/** An engine that runs compiled programs by plain loops in double precision, following src/compiler/program.ts word for word. It shows whether a mistake lies in the compiler or in an engine. */
import { allocate, allocateStorage, type DType, load, roundingOf, store as keep, type TypedArray } from "../src/base/dtype.ts";
import { threefry2x32 } from "../src/base/random.ts";
import { size } from "../src/base/shape.ts";
import type { Attention, Body, Geometry, Kernel, Loop, Program, View } from "../src/compiler/program.ts";
import type { Engine } from "../src/engines/engine.ts";
import { hostMemory, type Memory } from "../src/graph/node.ts";
import { isOp } from "../src/graph/op.ts";
import * as ops from "../src/ops/table.ts";

const scalars = new Map(
  Object.values<unknown>(ops)
    .filter(isOp)
    .filter((op) => op.scalar)
    .map((op) => [op.name, op.scalar!]),
);

export const loopsEngine = (threads = 2): Engine => ({
  name: "loops",
  target: { plain: false, threads, cache: 2 ** 14, composites: new Set(["attention", "attentionGradient"]) },
  immediate: true,
  prepare: (program) => ({ run: (inputs, outputs, numbers) => runProgram(program, inputs, outputs, numbers) }),
  allocate: (dtype, length) => hostMemory(dtype, allocateStorage(dtype, length)),
  read: (memory) => Promise.resolve(load(memory.dtype, memory.host!)),
  describe: () => "loops",
});

type Numbers = { [i: number]: number; length: number };

function runProgram(program: Program, inputs: readonly Memory[], outputs: readonly Memory[], numbers: Float64Array): void {
  const memory = program.values.map(({ home, dtype, length }): Numbers => {
    if (home.at === "input") return read(inputs[home.slot]!);
    if (home.at === "output") return read(outputs[home.slot]!);
    if (home.at === "scalar") return Float64Array.of(numbers[home.slot]!);
    return home.at === "bound" ? [] : allocate(dtype, length);
  });
  const lengths = program.values.map((value) => value.length);
  for (const stage of program.stages) {
    for (const k of stage.kernels) runKernel(k, memory, lengths);
  }
  // What JavaScript cannot read in place has been computed in an array beside it.
  program.values.forEach(({ home, dtype }, v) => {
    const host = home.at === "output" ? outputs[home.slot]!.host! : undefined;
    if (host && host !== memory[v]) keep(dtype, host, memory[v] as ArrayLike<number>);
  });
}

const read = ({ dtype, host }: Memory): Numbers => load(dtype, host!);


const at = ({ offset, strides }: View, index: readonly number[]): number => strides.reduce((p, s, i) => p + s * index[i]!, offset);

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

const block = new Int32Array(2);

function instruction(op: string, args: number[], attrs: Record<string, unknown> | undefined, index: readonly number[]): number {
  if (op === "number") return attrs!.value as number;
  if (op === "index") return index[attrs!.axis as number]!;
  if (op === "random" || op === "uniform") {
    const counter = (attrs!.strides as number[]).reduce((p, s, i) => p + s * index[i]!, attrs!.offset as number);
    threefry2x32(args[0]! | 0, args[1]! | 0, counter | 0, Math.floor(counter / 2 ** 32), block);
    return op === "random" ? block[0]! : (block[0]! >>> 8) * 2 ** -24;
  }
  if (op === "cast") {
    return roundingOf(attrs!.dtype as DType)(args[0]!);
  }
  const f = scalars.get(op);
  if (!f) throw new Error(`no instruction ${op}`);
  return f(...args);
}

const foldNames = new Set(["sum", "max", "min", "prod", "argMax", "argMin"]);
const start: Record<string, number> = { sum: 0, prod: 1, max: -Infinity, min: Infinity };

function folded(op: string, list: readonly number[]): number {
  if (op === "argMax" || op === "argMin") {
    let best = 0;
    for (let i = 1; i < list.length; i++) {
      const [x, y] = [list[i]!, list[best]!];
      if (!Number.isNaN(y) && (Number.isNaN(x) || (op === "argMax" ? x > y : x < y))) best = i;
    }
    return best;
  }
  return list.reduce((a, b) => (op === "sum" ? a + b : op === "prod" ? a * b : op === "max" ? Math.max(a, b) : Math.min(a, b)), start[op]!);
}

/** Runs a body at one position. */
function position(body: Body, index: readonly number[], given: readonly number[], memory: Numbers[]): number[] {
  const r = [...given, ...body.loads.map((view) => memory[view.value]![at(view, index)]!)];
  for (const { op, args, attrs } of body.code) r.push(instruction(op, args.map((a) => r[a]!), attrs, index));
  return r;
}

function store(body: Body, index: readonly number[], r: readonly number[], memory: Numbers[]): void {
  for (const s of body.stores) memory[s.value]![at(s, index)] = r[s.register]!;
}

function runMap(dims: readonly number[], body: Body, memory: Numbers[]): void {
  if (!body.code.some(({ op }) => foldNames.has(op) )) return each(dims, (index) => store(body, index, position(body, index, [], memory), memory));
  const length = dims[dims.length - 1]!;
  const cells = new Set<number>();
  each(dims.slice(0, -1), (outer) => {
    const rows: number[][] = body.loads.map((view) => Array.from({ length }, (_, i) => memory[view.value]![at(view, [...outer, i])]!));
    for (const { op, args, attrs } of body.code) {
      if (foldNames.has(op) && args.length === 1) {
        cells.add(rows.length);
        rows.push(new Array<number>(length).fill(folded(op, rows[args[0]!]!)));
      } else rows.push(Array.from({ length }, (_, i) => instruction(op, args.map((a) => rows[a]![i]!), attrs, [...outer, i])));
    }
    for (let i = 0; i < length; i++) for (const s of body.stores) if (i === 0 || s.strides[dims.length - 1] !== 0) memory[s.value]![at(s, [...outer, i])] = rows[s.register]![i]!;
  });
}

/** One head of an attention, or what flows back; sums for keys and values begin with the first head that shares them. */
function attend(k: Attention, lead: readonly number[], head: number, memory: Numbers[]): void {
  const own = Math.floor(head / (k.heads / k.shared));
  const get = (view: View, ...index: number[]): number => memory[view.value]![at(view, [...lead, ...index])]!;
  const add = (view: View, x: number, ...index: number[]): void => void (memory[view.value]![at(view, [...lead, ...index])]! += x);
  const clear = (view: View, positions: number, which: number, count: number): void => each([positions, count], ([p, c]) => void (memory[view.value]![at(view, [...lead, p!, which, c!])] = 0));
  clear(k.results[0]!, k.queries, head, k.flow ? k.features : k.depth);
  if (k.flow && head % (k.heads / k.shared) === 0) {
    clear(k.results[1]!, k.keys, own, k.features);
    clear(k.results[2]!, k.keys, own, k.depth);
  }
  const sum = (n: number, f: (i: number) => number): number => Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);
  for (let i = 0; i < k.queries; i++) {
    const hides = (j: number): boolean => k.mask !== undefined && memory[k.mask.value] instanceof Uint8Array && get(k.mask, head, i, j) === 0;
    const scores = Array.from({ length: k.keys }, (_, j) => {
      if (k.causal && j > i) return Number.NEGATIVE_INFINITY;
      if (hides(j)) return k.hidden ?? Number.NEGATIVE_INFINITY;
      const extra = k.mask && !(memory[k.mask.value] instanceof Uint8Array) ? get(k.mask, head, i, j) : 0;
      return k.scale * sum(k.features, (c) => get(k.query, i, head, c) * get(k.key, j, own, c)) + extra;
    });
    const top = Math.max(...scores);
    const total = sum(k.keys, (j) => (top === Number.NEGATIVE_INFINITY ? 0 : Math.exp(scores[j]! - top)));
    const shares = scores.map((s) => (total === 0 ? 0 : Math.exp(s - top) / total));
    if (!k.flow) {
      for (let c = 0; c < k.depth; c++) add(k.results[0]!, sum(k.keys, (j) => shares[j]! * get(k.value, j, own, c)), i, head, c);
      continue;
    }
    const flows = shares.map((_, j) => sum(k.depth, (c) => get(k.flow!, i, head, c) * get(k.value, j, own, c)));
    const mean = sum(k.keys, (j) => shares[j]! * flows[j]!);
    shares.forEach((share, j) => {
      const slope = k.hidden !== undefined && hides(j) ? 0 : share * (flows[j]! - mean) * k.scale;
      for (let c = 0; c < k.features; c++) {
        add(k.results[0]!, slope * get(k.key, j, own, c), i, head, c);
        add(k.results[1]!, slope * get(k.query, i, head, c), j, own, c);
      }
      for (let c = 0; c < k.depth; c++) add(k.results[2]!, share * get(k.flow!, i, head, c), j, own, c);
    });
  }
}

/** Visits output position, place in the window and input position (-1 on padding) of a geometry, each flat. */
function windows(g: Geometry, visit: (o: number, k: number, i: number) => void): void {
  const outStrides = g.output.map((_, i) => size(g.output.slice(i + 1)));
  const inStrides = g.input.map((_, i) => size(g.input.slice(i + 1)));
  const windowStrides = g.window.map((_, i) => size(g.window.slice(i + 1)));
  each([...g.output, ...g.window], (index) => {
    let [o, k, i] = [0, 0, 0];
    for (let a = 0; a < g.output.length; a++) {
      const p = index[a]!;
      const q = index[g.output.length + a]!;
      o += p * outStrides[a]!;
      k += q * windowStrides[a]!;
      const spread = p * g.stride[a]! + q * g.dilation[a]! - g.padding[a]!;
      const place = spread / g.inputDilation[a]!;
      if (i >= 0 && Number.isInteger(place) && place >= 0 && place < g.input[a]!) i += place * inStrides[a]!;
      else i = -1;
    }
    visit(o, k, i);
  });
}

function runLoop(k: Loop, memory: Numbers[], lengths: readonly number[]): void {
  const whole = (v: number): TypedArray => memory[v] as TypedArray;
  for (let n = 0; n < k.steps; n++) {
    const step = k.reverse ? k.steps - 1 - n : n;
    for (const { inner, outer } of k.same) memory[inner] = whole(outer);
    for (const { inner, outer } of [...k.reads, ...k.writes]) memory[inner] = whole(outer).subarray(step * lengths[inner]!, (step + 1) * lengths[inner]!);
    for (const { before, after, start, even, odd } of k.carries) {
      memory[before] = whole(n === 0 ? start : n % 2 === 1 ? even : odd);
      memory[after] = whole(n % 2 === 1 ? odd : even);
    }
    if (k.going >= 0 && n > 0 && (k.steps - n) % 2 === 0 && whole(k.carries[k.going]!.before).every((on) => on === 0)) break;
    for (const stage of k.stages) for (const inner of stage.kernels) runKernel(inner, memory, lengths);
  }
}

function runKernel(k: Kernel, memory: Numbers[], lengths: readonly number[]): void {
  switch (k.kind) {
    case "loop":
      return runLoop(k, memory, lengths);
    case "map":
      return runMap(k.dims, k.body, memory);
    case "reduce":
      return each([...k.outer, k.inner], (index) => {
        const list: number[] = [];
        const outer = index.slice(0, -1);
        each(k.fold, (fold) => {
          const here = [...outer, ...fold, index[index.length - 1]!];
          const r = position(k.body, here, [], memory);
          list.push(r[k.body.stores[0]!.register]!);
        });
        store(k.finish, index, position(k.finish, index, [folded(k.op, list)], memory), memory);
      });
    case "matmul":
      return each([...k.batch, k.m, k.n], (index) => {
        const [batch, m, n] = [index.slice(0, -2), index[index.length - 2]!, index[index.length - 1]!];
        let total = 0;
        for (let l = 0; l < k.k; l++) total += memory[k.a.value]![at(k.a, [...batch, m, l])]! * memory[k.b.value]![at(k.b, [...batch, l, n])]!;
        store(k.finish, index, position(k.finish, index, [total], memory), memory);
      });
    case "attention":
      return each([...k.lead, k.heads], (index) => attend(k, index.slice(0, -1), index.at(-1)!, memory));
    case "conv": {
      const { geometry: g, channels, filters, groups } = k;
      const per = channels / groups;
      const mine = filters / groups;
      for (let s = 0; s < g.samples; s++) {
        const y = new Float64Array(size(g.output) * filters);
        windows(g, (o, q, i) => {
          if (i < 0) return;
          for (let f = 0; f < filters; f++) for (let c = 0; c < per; c++) y[o * filters + f]! += memory[k.x]![(s * size(g.input) + i) * channels + Math.floor(f / mine) * per + c]! * memory[k.w]![(q * per + c) * filters + f]!;
        });
        let p = 0;
        each([...g.output, filters], (index) => store(k.finish, [s, ...index], position(k.finish, [s, ...index], [y[p++]!], memory), memory));
      }
      return;
    }
    case "convKernel": {
      const { geometry: g, channels, filters, groups } = k;
      const per = channels / groups;
      const mine = filters / groups;
      const out = memory[k.out]!;
      for (let i = 0; i < out.length; i++) out[i] = 0;
      for (let s = 0; s < g.samples; s++)
        windows(g, (o, q, i) => {
          if (i < 0) return;
          for (let f = 0; f < filters; f++) for (let c = 0; c < per; c++) out[(q * per + c) * filters + f]! += memory[k.x]![(s * size(g.input) + i) * channels + Math.floor(f / mine) * per + c]! * memory[k.dy]![(s * size(g.output) + o) * filters + f]!;
        });
      return;
    }
    case "pool": {
      const { geometry: g, channels } = k;
      for (let s = 0; s < g.samples; s++) {
        const best = new Float64Array(size(g.output) * channels).fill(k.mode === "max" ? -Infinity : 0);
        const index = new Float64Array(best.length);
        const seen = new Uint8Array(best.length);
        windows(g, (o, q, i) => {
          if (i < 0) return;
          for (let c = 0; c < channels; c++) {
            const v = memory[k.x]![(s * size(g.input) + i) * channels + c]!;
            const p = o * channels + c;
            if (k.mode === "sum") best[p]! += v;
            else if (!seen[p] || (!Number.isNaN(best[p]!) && (Number.isNaN(v) || v > best[p]!))) {
              seen[p] = 1;
              best[p] = v;
              index[p] = q;
            }
          }
        });
        let p = 0;
        each([...g.output, channels], (place) => {
          const given = k.mode === "max" ? [best[p]!, index[p]!] : [best[p]!];
          p++;
          store(k.finish, [s, ...place], position(k.finish, [s, ...place], given, memory), memory);
        });
      }
      return;
    }
    case "unpool":
    case "poolTake": {
      const { geometry: g, channels } = k;
      const out = memory[k.out]!;
      for (let i = 0; i < out.length; i++) out[i] = 0;
      for (let s = 0; s < g.samples; s++)
        windows(g, (o, q, i) => {
          if (i < 0) return;
          for (let c = 0; c < channels; c++) {
            const [small, big] = [(s * size(g.output) + o) * channels + c, (s * size(g.input) + i) * channels + c];
            if (k.index !== undefined && memory[k.index]![small] !== q) continue;
            if (k.kind === "unpool") out[big]! += memory[k.dy]![small]!;
            else out[small] = memory[k.x]![big]!;
          }
        });
      return;
    }
    case "gather":
    case "scatterAdd": {
      const out = memory[k.out]!;
      const least = k.kind === "scatterAdd" ? k.least : undefined;
      for (let i = 0; i < out.length; i++) out[i] = least ?? 0;
      for (let o = 0; o < k.outer; o++)
        for (let i = 0; i < k.count; i++) {
          const j = memory[k.index]![i]!;
          if (j < 0 || j >= k.size) continue;
          for (let n = 0; n < k.inner; n++) {
            const [few, many] = [(o * k.count + i) * k.inner + n, (o * k.size + j) * k.inner + n];
            if (k.kind === "gather") out[few] = memory[k.x]![many]!;
            else if (least !== undefined) out[many] = Math.max(out[many]!, memory[k.x]![few]!);
            else out[many]! += memory[k.x]![few]!;
          }
        }
      return;
    }
    case "factorization": {
      const { task, batch, rows, columns, width } = k;
      const block = (value: number, shape: number[]) => ({ data: Float64Array.from(memory[value] as ArrayLike<number>), shape, dtype: "float64" as const });
      const inputs = [block(k.x, [batch, rows, columns]), ...(k.right === undefined ? [] : [block(k.right, [batch, rows, width])])];
      const out = { data: new Float64Array(memory[k.out]!.length), shape: inputs.at(-1)!.shape, dtype: "float64" as const };
      ops[task].reference!(out, inputs, k);
      for (let i = 0; i < out.data.length; i++) memory[k.out]![i] = out.data[i]!;
      return;
    }
    case "lines": {
      const { task, outer, size: length, count, inner } = k;
      const block = (value: number, shape: number[]) => ({ data: Float64Array.from(memory[value] as ArrayLike<number>), shape, dtype: "float64" as const });
      const shape = task === "searchSorted" ? [outer, length] : task === "dft" ? [outer, length, inner, 2] : [outer, length, inner];
      const inputs = [block(k.x, shape), ...(k.second === undefined ? [] : [block(k.second, [outer, count])])];
      const out = { data: new Float64Array(memory[k.out]!.length), shape: inputs.at(-1)!.shape, dtype: "float64" as const };
      ops[task].reference!(out, inputs, { ...k, axis: 1 });
      for (let i = 0; i < out.data.length; i++) memory[k.out]![i] = out.data[i]!;
      return;
    }
    case "pad": {
      const out = memory[k.out]!;
      for (let i = 0; i < out.length; i++) out[i] = k.number;
      const shape = k.dims.map((d, i) => d + k.low[i]! + k.high[i]!);
      let p = 0;
      each(k.dims, (index) => {
        const v = memory[k.x]![p++]!;
        const to = index.map((q, i) => q + k.low[i]!);
        if (to.every((q, i) => q >= 0 && q < shape[i]!)) out[to.reduce((n, q, i) => n * shape[i]! + q, 0)] = v;
      });
      return;
    }
    case "op":
      throw new Error("op kernels are for the reference");
  }
}
