/** Functions on tensors turned into programs: traced once per kind of input, then run without building a graph again. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { compile as compileGraph } from "../compiler/compile.ts";
import type { Engine, Prepared } from "../engines/engine.ts";
import { type Memory, type Node, placeholder, source } from "../graph/node.ts";
import { inOrder } from "../graph/walk.ts";
import { currentEngine, evaluate, flush } from "./evaluate.ts";
import { nextStream } from "./random.ts";
import { Tensor } from "./tensor.ts";
import { traced } from "./trace.ts";

/** What a compiled function may return. */
export type Results = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

type Change = { tensor: Tensor; from: Node; to: Node };

/** One program of a compiled function, for one kind of input. */
class Instance<R extends Results> {
  private readonly prepared: Prepared;
  private readonly engine: Engine;
  private readonly leaves: readonly Node[];
  private readonly places: ReadonlyMap<Node, number>;
  private readonly scalars: readonly Node[];
  /** Slots of random streams in the order in which they were drawn. */
  private readonly streams: readonly number[];
  private readonly results: readonly Node[];
  private readonly rebuild: (tensors: Tensor[]) => R;
  private readonly changes: readonly Change[];
  private readonly numbers: Float64Array;

  constructor(f: (...args: Tensor[]) => R, args: readonly Tensor[]) {
    flush();
    const given = args.map((a) => placeholder(a.shape, a.dtype));
    const { result, changes } = traced(() => f(...given.map((node) => new Tensor(node))));
    const { tensors, rebuild } = flatten(result);
    this.rebuild = rebuild as (tensors: Tensor[]) => R;
    this.results = tensors.map((t) => t.leaf);
    this.changes = changes;
    const roots = [...this.results, ...changes.map((c) => c.to)];
    const order = inOrder(roots, (node) => node.value !== undefined || node.op === undefined);
    this.leaves = order.filter((node) => node.value !== undefined || (node.op === undefined && node.number === undefined));
    this.scalars = order.filter((node) => node.value === undefined && node.number !== undefined);
    this.streams = this.scalars.flatMap((node, i) => (node.owner === nextStream ? [i] : [])).sort((a, b) => this.scalars[a]!.number! - this.scalars[b]!.number!);
    this.numbers = Float64Array.from(this.scalars, (node) => node.number!);
    this.places = new Map(given.map((node, i) => [node, i]));
    const aliases = changes.map((c, i) => [this.results.length + i, c.from] as const);
    this.engine = currentEngine();
    this.prepared = this.engine.prepare(compileGraph(order, roots, this.engine.target, aliases).program);
  }

  get stale(): boolean {
    return this.engine !== currentEngine();
  }

  run(args: readonly Tensor[]): R {
    const { engine } = this;
    const pending = this.leaves.flatMap((leaf) => (leaf.owner instanceof Tensor && !leaf.owner.leaf.value && !this.places.has(leaf) ? [leaf.owner.leaf] : []));
    evaluate([...pending, ...args.map((a) => a.leaf)]);
    const inputs = this.leaves.map((leaf): Memory => {
      const place = this.places.get(leaf);
      if (place !== undefined) return args[place]!.leaf.value!;
      return leaf.owner instanceof Tensor ? leaf.owner.leaf.value! : leaf.value!;
    });
    this.scalars.forEach((node, i) => {
      if (typeof node.owner === "function" && node.owner !== nextStream) this.numbers[i] = (node.owner as () => number)();
    });
    for (const slot of this.streams) this.numbers[slot] = nextStream();
    const outputs = this.results.map((node) => engine.allocate(node.dtype, size(node.shape)));
    for (const { tensor, to } of this.changes) {
      const memory = tensor.leaf.value;
      // Overwritten in place unless somebody outside may still read the old numbers.
      outputs.push(memory && !memory.shared && memory.dtype === to.dtype ? memory : engine.allocate(to.dtype, size(to.shape)));
    }
    this.prepared.run(inputs, outputs, this.numbers);
    this.changes.forEach(({ tensor, to }, i) => {
      const memory = outputs[this.results.length + i]!;
      if (tensor.leaf.value === memory) return;
      tensor.leaf = source(memory, to.shape, tensor.requiresGrad);
      tensor.leaf.owner = tensor;
    });
    return this.rebuild(this.results.map((node, i) => new Tensor(source(outputs[i]!, node.shape))));
  }
}

/**
 * `f` as a program: the first call with inputs of given shapes and dtypes traces it, later calls run the whole of it
 * (forward, backward, updates of parameters and running statistics) in one engine call.
 *
 * `f` must be made of tensor operations: what else it does happens only while it is traced.
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
    for (const a of args) if (!(a instanceof Tensor)) throw new CambiumError("value", "compile", `a compiled function takes tensors, got ${typeof a}`, "wrap it: tensor(x)");
    const kind = args.map((a) => signature(a.shape, a.dtype)).join();
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
