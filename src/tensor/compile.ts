/** Functions on tensors turned into programs: traced once per kind of input, then run without building a graph again. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { compile as compileGraph } from "../compiler/compile.ts";
import type { Engine, Prepared } from "../engines/engine.ts";
import { type Memory, type Node, placeholder, source } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";
import { autocastDType } from "./autocast.ts";
import { currentEngine, evaluate, flush, isInspecting } from "./evaluate.ts";
import { drawnFromNow, isSeed, nextStream, randomState, setRandomState } from "./random.ts";
import { Tensor } from "./tensor.ts";
import { type Change, isInlining, traced } from "./trace.ts";

/** What a compiled function may return. */
export type Results = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

/** One program of a compiled function, for one kind of input. */
class Instance<R extends Results> {
  private readonly prepared: Prepared;
  private readonly engine: Engine;
  private readonly leaves: readonly Node[];
  /** For each input, the argument it is, or −1. */
  private readonly places: readonly number[];
  /** For each input that is no argument, the tensor whose numbers of the day it takes. */
  private readonly holders: readonly (Tensor | undefined)[];
  /** Numbers read anew at each run, and random streams in the order in which they were drawn. */
  private readonly readings: readonly { slot: number; read: () => number }[];
  private readonly streams: readonly number[];
  private readonly numbers: Float64Array;
  private readonly results: readonly Node[];
  private readonly rebuild: (tensors: Tensor[]) => R;
  private readonly changes: readonly Change[];
  private readonly sizes: readonly number[];
  private readonly inputs: Memory[];
  private readonly outputs: Memory[];

  constructor(f: (...args: Tensor[]) => R, args: readonly Tensor[]) {
    flush();
    const random = randomState();
    const drawnInside = drawnFromNow();
    const given = args.map((a) => placeholder(a.shape, a.dtype));
    const { result, changes } = traced(() => f(...given.map((node) => new Tensor(node))));
    const { tensors, rebuild } = flatten(result);
    this.rebuild = rebuild as (tensors: Tensor[]) => R;
    this.results = tensors.map((t) => t.leaf);
    this.changes = changes;
    const roots = [...this.results, ...changes.map((c) => c.to)];
    this.sizes = roots.map((root) => size(root.shape));
    const order = inOrder(roots, (node) => node.value !== undefined || node.op === undefined);
    this.leaves = order.filter((node) => node.value !== undefined || (node.op === undefined && node.number === undefined));
    this.places = this.leaves.map((leaf) => given.indexOf(leaf));
    this.holders = this.leaves.map((leaf, i) => (this.places[i]! < 0 && leaf.owner instanceof Tensor ? leaf.owner : undefined));
    const scalars = order.filter((node) => node.value === undefined && node.number !== undefined);
    this.numbers = Float64Array.from(scalars, (node) => node.number!);
    // What a tensor from outside was drawn with stays; what the function draws is drawn anew at each run.
    this.readings = scalars.flatMap((node, slot) =>
      typeof node.owner === "function" && node.owner !== nextStream && (!isSeed(node) || drawnInside(node)) ? [{ slot, read: node.owner as () => number }] : [],
    );
    this.streams = scalars
      .flatMap((node, i) => (node.owner === nextStream && drawnInside(node) ? [i] : []))
      .sort((a, b) => scalars[a]!.number! - scalars[b]!.number!);
    // The first run draws what tracing drew, so that a compiled function and a plain one see the same numbers.
    if (randomState().stream - random.stream === this.streams.length) setRandomState(random);
    const aliases = changes.map((c, i) => [this.results.length + i, c.from] as const);
    this.engine = currentEngine();
    this.prepared = this.engine.prepare(compileGraph(order, roots, this.engine.target, aliases).program);
    this.inputs = new Array<Memory>(this.leaves.length);
    this.outputs = new Array<Memory>(roots.length);
  }

  get stale(): boolean {
    return this.engine !== currentEngine();
  }

  run(args: readonly Tensor[]): R {
    const { engine, inputs, outputs, numbers, changes, results } = this;
    this.settle(args);
    for (let i = 0; i < inputs.length; i++) {
      const place = this.places[i]!;
      const holder = this.holders[i];
      inputs[i] = (place >= 0 ? args[place]!.leaf : holder ? holder.leaf : this.leaves[i]!).value!;
    }
    for (const { slot, read } of this.readings) numbers[slot] = read();
    for (const slot of this.streams) numbers[slot] = nextStream();
    const made: Tensor[] = [];
    for (let i = 0; i < results.length; i++) {
      const { dtype, shape } = results[i]!;
      const memory = engine.allocate(dtype, this.sizes[i]!);
      outputs[i] = memory;
      made.push(new Tensor(source(memory, shape)));
    }
    for (let i = 0; i < changes.length; i++) {
      const { tensor, to } = changes[i]!;
      const memory = tensor.leaf.value;
      // Overwritten in place unless somebody outside may still read the old numbers.
      const mine = memory && !memory.shared && memory.dtype === to.dtype && (engine.writes?.(memory) ?? true);
      outputs[results.length + i] = mine ? memory : engine.allocate(to.dtype, this.sizes[results.length + i]!);
    }
    this.prepared.run(inputs, outputs, numbers);
    for (let i = 0; i < changes.length; i++) {
      const { tensor, to } = changes[i]!;
      const memory = outputs[results.length + i]!;
      if (tensor.leaf.value === memory) continue;
      tensor.leaf = source(memory, to.shape, tensor.leaf.requires);
      tensor.leaf.owner = tensor;
    }
    return this.rebuild(made);
  }

  /** Computes what the program reads and nobody has computed yet. */
  private settle(args: readonly Tensor[]): void {
    let open: Node[] | undefined;
    for (const arg of args) if (!arg.leaf.value) (open ??= []).push(arg.leaf);
    for (const holder of this.holders) if (holder && !holder.leaf.value) (open ??= []).push(holder.leaf);
    if (open) evaluate(open);
  }
}

/**
 * `f` as a program: the first call with inputs of given shapes and dtypes traces it, later calls run the whole of it
 * (forward, backward, updates of parameters and running statistics) in one engine call.
 *
 * `f` must be made of tensor operations: what else it does happens only while it is traced. Inside another compiled function, `grad`, `vmap` and the like
 * it is part of what they make; the result of a plain call is a given number, through which no `backward()` passes.
 * @example
 * ```ts
 * const step = compile((x: Tensor, y: Tensor) => {
 *   const loss = criterion.forward(model.forward(x), y);
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * ```
 */
export function compile<Args extends Tensor[], R extends Results>(f: (...args: Args) => R): (...args: Args) => R {
  const instances = new Map<string, Instance<R>>();
  return (...args: Args): R => {
    for (const a of args)
      if (!(a instanceof Tensor)) throw new CambiumError("value", "compile", `a compiled function takes tensors, got ${typeof a}`, "wrap it: tensor(x)");
    if (isInlining() || isInspecting()) return f(...args);
    const kind = [autocastDType() ?? "", ...args.map((a) => signature(a.shape, a.dtype))].join();
    let instance = instances.get(kind);
    if (!instance || instance.stale) instances.set(kind, (instance = new Instance(f as unknown as (...args: Tensor[]) => R, args)));
    return instance.run(args);
  };
}

const signature = (shape: Shape, dtype: DType): string => `${dtype}${show(shape)}`;

function flatten(results: Results): { tensors: Tensor[]; rebuild: (tensors: Tensor[]) => Results } {
  if (results instanceof Tensor) return { tensors: [results], rebuild: ([t]) => t! };
  if (Array.isArray(results)) return { tensors: [...results], rebuild: (tensors) => tensors };
  const names = Object.keys(results);
  return { tensors: Object.values(results as Record<string, Tensor>), rebuild: (tensors) => Object.fromEntries(tensors.map((t, i) => [names[i], t])) };
}
