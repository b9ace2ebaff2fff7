/**
 * A program as two flat arrays, for the addon: whole numbers that fit 32 bits in `words`, all others in `numbers`.
 * `native/src/decode.cc` reads them in the same order. A change of the order raises `version` on both sides.
 */
import { dtypes, type DType } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import {
  type Body,
  type Geometry,
  type Instruction,
  type Kernel,
  lineTasks,
  type Program,
  type Stage,
  tasks,
  type Value,
  type View,
} from "../../compiler/program.ts";

const magic = 0x43424d31;
const version = 6;

const homes = ["input", "output", "scalar", "arena", "local", "partial", "bound"] as const;
const kinds = [
  "map",
  "reduce",
  "matmul",
  "conv",
  "convKernel",
  "pool",
  "unpool",
  "poolTake",
  "gather",
  "scatterAdd",
  "pad",
  "factorization",
  "lines",
  "loop",
  "attention",
] as const;
const folds = ["sum", "max", "min", "prod", "argMax", "argMin"] as const;
const splits = ["batch", "m", "n"] as const;

export interface Encoded {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
}

class Writer {
  readonly words: number[] = [];
  readonly numbers: number[] = [];

  word(x: number): void {
    this.words.push(x);
  }

  /** A size, offset or stride: it may need more than 32 bits. */
  whole(x: number): void {
    this.numbers.push(x);
  }

  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.word(items.length);
    for (const item of items) write(item);
  }

  wholes(items: readonly number[]): void {
    this.list(items, (x) => this.whole(x));
  }

  text(text: string): void {
    this.list([...text], (c) => this.word(c.charCodeAt(0)));
  }

  choice<T extends string>(names: readonly T[], name: T): void {
    this.word(names.indexOf(name));
  }

  dtype(dtype: DType): void {
    this.choice(dtypes, dtype);
  }
}

/** A program for `threads` threads, in the addon's format. */
export function encode(program: Program, threads: number): Encoded {
  const out = new Writer();
  out.word(magic);
  out.word(version);
  out.word(threads);
  out.word(program.scalars);
  out.whole(program.arena);
  out.whole(program.local);
  out.whole(program.partial);
  for (const slots of [program.inputs, program.outputs])
    out.list(slots, (slot) => {
      out.dtype(slot.dtype);
      out.whole(slot.length);
    });
  out.list(program.values, (v) => value(out, v));
  out.list(program.stages, (s) => stage(out, s));
  return { words: Int32Array.from(out.words), numbers: Float64Array.from(out.numbers) };
}

function value(out: Writer, { home, dtype, length }: Value): void {
  out.choice(homes, home.at);
  out.whole("slot" in home ? home.slot : "offset" in home ? home.offset : 0);
  out.dtype(dtype);
  out.whole(length);
}

function stage(out: Writer, { samples, chunk, serial, kernels, owners }: Stage): void {
  out.whole(samples);
  out.whole(chunk);
  out.word(serial ? 1 : 0);
  out.list(kernels, (k) => kernel(out, k));
  out.list(owners ?? [], (owner) => out.word(owner));
}

function view(out: Writer, { value, offset, strides }: View): void {
  out.word(value);
  out.whole(offset);
  out.wholes(strides);
}

function body(out: Writer, { type, given, loads, code, stores }: Body): void {
  out.word(type === "float64" ? 1 : 0);
  out.word(given);
  out.list(loads, (load) => view(out, load));
  out.list(code, (i) => instruction(out, i));
  out.list(stores, (store) => {
    view(out, store);
    out.word(store.register);
  });
}

function instruction(out: Writer, { op, args, attrs }: Instruction): void {
  out.text(op);
  out.list(args, (arg) => out.word(arg));
  out.numbers.push((attrs?.value as number | undefined) ?? 0);
  out.word((attrs?.axis as number | undefined) ?? 0);
  out.dtype((attrs?.dtype as DType | undefined) ?? "float32");
  out.whole((attrs?.offset as number | undefined) ?? 0);
  out.wholes((attrs?.strides as number[] | undefined) ?? []);
}

function geometry(out: Writer, g: Geometry): void {
  out.whole(g.samples);
  for (const sizes of [g.input, g.output, g.window, g.stride, g.dilation, g.inputDilation, g.padding]) out.wholes(sizes);
}

function kernel(out: Writer, k: Kernel): void {
  if (k.kind === "op") throw new CambiumError("engine", "native", `an unfused ${k.node.op?.name ?? "op"} reached the native engine`);
  out.choice(kinds, k.kind);
  switch (k.kind) {
    case "loop":
      out.whole(k.steps);
      out.word(k.reverse ? 1 : 0);
      for (const bonds of [k.same, k.reads, k.writes])
        out.list(bonds, ({ inner, outer }) => {
          out.word(inner);
          out.word(outer);
        });
      out.list(k.carries, (c) => {
        for (const value of [c.before, c.after, c.start, c.even, c.odd]) out.word(value);
      });
      out.word(k.going);
      return out.list(k.stages, (s) => stage(out, s));
    case "map":
      out.wholes(k.dims);
      return body(out, k.body);
    case "reduce":
      out.choice(folds, k.op);
      out.wholes(k.outer);
      out.wholes(k.fold);
      out.whole(k.inner);
      body(out, k.body);
      return body(out, k.finish);
    case "matmul":
      out.wholes(k.batch);
      for (const size of [k.m, k.n, k.k]) out.whole(size);
      view(out, k.a);
      view(out, k.b);
      out.choice(splits, k.split);
      return body(out, k.finish);
    case "conv":
    case "convKernel":
      geometry(out, k.geometry);
      for (const size of [k.channels, k.filters, k.groups]) out.whole(size);
      out.word(k.x);
      if (k.kind === "conv") {
        out.word(k.w);
        return body(out, k.finish);
      }
      out.word(k.dy);
      return out.word(k.out);
    case "pool":
      out.word(k.mode === "max" ? 1 : 0);
      geometry(out, k.geometry);
      out.whole(k.channels);
      out.word(k.x);
      return body(out, k.finish);
    case "unpool":
    case "poolTake":
      geometry(out, k.geometry);
      out.whole(k.channels);
      out.word(k.kind === "unpool" ? k.dy : k.x);
      out.word(k.index ?? -1);
      return out.word(k.out);
    case "gather":
    case "scatterAdd":
      for (const size of [k.outer, k.size, k.count, k.inner]) out.whole(size);
      out.word(k.x);
      out.word(k.index);
      out.word(k.out);
      out.word(k.kind === "scatterAdd" && k.least !== undefined ? 1 : 0);
      return void out.numbers.push((k.kind === "scatterAdd" && k.least) || 0);
    case "lines":
      out.choice(lineTasks, k.task);
      for (const size of [k.outer, k.size, k.count, k.inner]) out.whole(size);
      for (const flag of [k.backward, k.apart]) out.word(flag ? 1 : 0);
      out.word(k.x);
      out.word(k.second ?? -1);
      return out.word(k.out);
    case "attention":
      out.wholes(k.lead);
      for (const size of [k.heads, k.shared, k.queries, k.keys, k.features, k.depth]) out.whole(size);
      for (const flag of [k.causal, k.hidden !== undefined, k.mask !== undefined, k.flow !== undefined]) out.word(flag ? 1 : 0);
      out.numbers.push(k.scale, k.hidden ?? 0);
      for (const one of [k.query, k.key, k.value, k.mask, k.flow, ...k.results]) if (one) view(out, one);
      return out.word(k.out);
    case "pad":
      out.wholes(k.dims);
      out.wholes(k.low);
      out.wholes(k.high);
      out.numbers.push(k.number);
      out.word(k.x);
      return out.word(k.out);
    case "factorization":
      out.choice(tasks, k.task);
      for (const size of [k.batch, k.rows, k.columns, k.width]) out.whole(size);
      for (const flag of [k.upper, k.transposed, k.unit]) out.word(flag ? 1 : 0);
      out.word(k.x);
      out.word(k.right ?? -1);
      return out.word(k.out);
  }
}
