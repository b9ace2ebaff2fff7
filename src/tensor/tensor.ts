import { gradientsLater } from "../autodiff/gradient.ts";
import { type DType, load, type TypedArray } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Axes, same, type Shape, show, size } from "../base/shape.ts";
import { Node, scalar, source } from "../graph/node.ts";
import { type AnyOp, constant, isOp, numberType, type Op } from "../graph/op.ts";
import { inOrder } from "../graph/walk.ts";
import { cast } from "../ops/cast.ts";
import * as ops from "../ops/table.ts";
import { computeAlong, currentEngine, evaluate } from "./evaluate.ts";
import { gradientsThroughHooks, hookedAmong, hookFlow, keepFlow } from "./hooks.ts";
import { type Nested, nest, print } from "./print.ts";
import { currentTrace } from "./trace.ts";

/** An op as a method: the first input is `this`, the others are tensors or numbers. */
type Method<F> =
  F extends Op<infer Names extends readonly string[], infer Args>
    ? Names extends readonly [string]
      ? (...args: Args) => Tensor
      : Names extends readonly [string, string]
        ? (other: Tensor | number, ...args: Args) => Tensor
        : Names extends readonly [string, string, string]
          ? (b: Tensor | number, c: Tensor | number, ...args: Args) => Tensor
          : never
    : never;

type Methods = { [K in keyof typeof ops as (typeof ops)[K] extends Op<readonly [string, ...string[]], any> ? K : never]: Method<(typeof ops)[K]> };

/** Numbers in order, and the places they came from. */
export interface Ranked {
  readonly values: Tensor;
  readonly indices: Tensor;
}

const both = ({ values, indices }: { readonly values: Node; readonly indices: Node }): Ranked => ({ values: new Tensor(values), indices: new Tensor(indices) });

/** A value you hold: a handle on a node of the graph, computed when its numbers are asked for. */
export class Tensor {
  /** @internal The node, for those who do not keep it beyond the current step. Everybody else reads `node`. */
  leaf: Node;
  /** The gradient of the last `backward()`s with respect to this tensor, once there is one. */
  grad: Tensor | undefined = undefined;

  constructor(node: Node) {
    this.leaf = node;
    if (!node.op && node.owner === undefined) node.owner = this;
  }

  /** The graph node behind this tensor. Its memory counts as seen from now on, and is never overwritten. */
  get node(): Node {
    const { value } = this.leaf;
    if (value) value.shared = true;
    return this.leaf;
  }

  /** Sizes from the outermost axis to the innermost; `[]` for a scalar. */
  get shape(): Shape {
    return this.leaf.shape;
  }

  get dtype(): DType {
    return this.leaf.dtype;
  }

  /** The number of axes. */
  get rank(): number {
    return this.leaf.shape.length;
  }

  /** How many numbers it holds. */
  get size(): number {
    return size(this.leaf.shape);
  }

  /** Whether `backward()` leaves a gradient here (on a leaf) or passes through (elsewhere). */
  get requiresGrad(): boolean {
    return this.leaf.requires;
  }

  set requiresGrad(on: boolean) {
    if (on === this.leaf.requires) return;
    if (this.leaf.op) evaluate([this.leaf]);
    const { value } = this.leaf;
    if (!value) throw new CambiumError("state", "requiresGrad", "an input of a compiled function cannot be changed while it is traced");
    this.leaf = source(value, this.shape, on);
    this.leaf.owner = this;
  }

  /** The numbers, row-major. Do not write into the array: it may be the tensor's own memory. */
  async data(): Promise<TypedArray> {
    evaluate([this.leaf]);
    const value = this.leaf.value!;
    value.shared = true;
    return value.host ? load(value.dtype, value.host) : await currentEngine().read(value);
  }

  /** The numbers, at once. @throws on engines whose results take time (WebGPU): use `await x.data()` there. */
  dataSync(): TypedArray {
    evaluate([this.leaf]);
    const value = this.leaf.value!;
    value.shared = true;
    if (!value.host)
      throw new CambiumError("engine", "dataSync", `results of the ${currentEngine().name} engine cannot be read without waiting`, "use `await x.data()`");
    return load(value.dtype, value.host);
  }

  /** The one number of a tensor of size 1. */
  item(): number {
    if (this.size !== 1)
      throw new CambiumError(
        "shape",
        "item",
        `a tensor of shape ${show(this.shape)} holds ${this.size} numbers, not one`,
        "use .data(), or reduce it first with .sum() or .mean()",
      );
    return this.dataSync()[0]!;
  }

  /** The numbers as nested arrays; booleans for a bool tensor. */
  async array(): Promise<Nested> {
    return nest(await this.data(), this.shape, this.dtype);
  }

  arraySync(): Nested {
    return nest(this.dataSync(), this.shape, this.dtype);
  }

  /**
   * Adds the gradient of this scalar to `grad` of every trainable tensor it depends on.
   * Nothing is computed yet: the gradients, this value and what an optimizer does with them run as one program.
   * Gradients added up over several small batches are computed batch by batch, so that they need the memory of one.
   */
  backward(): void {
    if (this.size !== 1)
      throw new CambiumError("shape", "backward", `only a single number has a gradient, this tensor is ${show(this.shape)}`, "end with .sum() or .mean()");
    const trace = currentTrace();
    const renewed = trace?.renewed;
    const leaves = renewed?.size
      ? inOrder([this.leaf], (node) => given(node) || renewed.has(node)).filter((node) => isTrained(node) || renewed.has(node))
      : inOrder([this.leaf], given).filter(isTrained);
    if (leaves.length === 0)
      throw new CambiumError(
        "state",
        "backward",
        "this value does not depend on any tensor with requiresGrad",
        "make parameters with nn.Module or tensor(values, { requiresGrad: true })",
      );
    if (!trace) this.#settleEarlier(leaves);
    const ownerOf = (node: Node): Tensor | undefined => (renewed?.get(node) ?? (node.op ? undefined : node.owner)) as Tensor | undefined;
    const hooked = hookedAmong(() => inOrder([this.leaf], (node) => given(node) || renewed?.has(node) === true).filter((node) => node.requires), ownerOf);
    const parts = hooked.size > 0 ? gradientsThroughHooks(this.leaf, leaves, hooked) : gradientsLater(this.leaf, leaves);
    for (let i = 0; i < leaves.length; i++) {
      const owner = ownerOf(leaves[i]!);
      if (owner && parts[i]) owner.receive(new Tensor(parts[i]!));
    }
    if (!trace) computeAlong(this.leaf);
  }

  /** @internal Adds to the gradient. */
  receive(part: Tensor): void {
    currentTrace()?.touchGrad(this);
    this.grad = this.grad ? this.grad.add(part) : part;
  }

  /**
   * Calls `hook` with the gradient that flows back to this value at each `backward()`; what it returns goes on in its place. In a compiled function, once, while it is traced.
   * @returns what takes the hook off
   * @throws a `state` error on a tensor that no gradient flows to; in `backward()`, a `shape` error when the hook returns another shape
   * @source PyTorch `Tensor.register_hook`
   */
  registerHook(hook: (gradient: Tensor) => Tensor | undefined | void): () => void {
    if (!this.requiresGrad)
      throw new CambiumError("state", "registerHook", "no gradient flows to this tensor: it does not depend on any with requiresGrad", "x.requiresGrad = true");
    return hookFlow(this.leaf.op ? this.leaf : this, (flow) => (hook(new Tensor(flow)) || undefined)?.node);
  }

  /** Lets `backward()` leave a gradient here too, though this is no leaf. @source PyTorch `Tensor.retain_grad` */
  retainGrad(): void {
    if (this.requiresGrad && !this.leaf.op) return;
    if (!this.requiresGrad) throw new CambiumError("state", "retainGrad", "no gradient flows to this tensor: it does not depend on any with requiresGrad");
    keepFlow(this.leaf, (flow) => this.receive(new Tensor(flow)));
  }

  /** Computes gradients that an earlier `backward` announced, unless this value shares work with them: then both are cheaper together. */
  #settleEarlier(leaves: readonly Node[]): void {
    const open = leaves.flatMap(({ owner }) => {
      const earlier = (owner as Tensor | undefined)?.grad?.leaf;
      return earlier?.op && !earlier.value ? [earlier] : [];
    });
    if (open.length === 0) return;
    const mine = new Set(inOrder([this.leaf], given).filter((node) => node.op && node.requires));
    const shared = inOrder(open, (node) => mine.has(node) || node.value !== undefined).some((node) => mine.has(node));
    if (!shared) evaluate(open);
  }

  /** The same numbers, cut off from the gradient. */
  detach(): Tensor {
    const { value } = this.leaf;
    if (!value) return new Tensor(ops.stopGradient(this.node));
    value.shared = true;
    return new Tensor(source(value, this.shape));
  }

  /**
   * Makes this tensor hold `next` from now on; whoever read the old value keeps it.
   * A trainable tensor is computed at once; others (running statistics) along with whatever is computed next.
   */
  assign(next: Tensor): void {
    assignAll([[this, next]]);
  }

  /** The numbers as another dtype; fractions are cut off on the way to integers. */
  to(dtype: DType): Tensor {
    return dtype === this.dtype ? this : new Tensor(cast(this.node, dtype));
  }

  /** Two axes swapped; the last two when left out. */
  transpose(a?: number, b?: number): Tensor {
    return new Tensor(ops.transpose(this.node, a, b));
  }

  /** Axis `from` taken out and set in again as axis `to`. */
  moveAxis(from: number, to: number): Tensor {
    return new Tensor(ops.moveAxis(this.node, from, to));
  }

  /** Without the axes of size 1, or without those of `axes`. */
  squeeze(axes?: Axes): Tensor {
    return new Tensor(ops.squeeze(this.node, axes));
  }

  /** With new axes of size 1, which stand at `axes` of the result. */
  expandDims(axes: Axes = 0): Tensor {
    return new Tensor(ops.expandDims(this.node, axes));
  }

  /** The axes from `start` to `end`, both included, made one. */
  flatten(start?: number, end?: number): Tensor {
    return new Tensor(ops.flatten(this.node, start, end));
  }

  /** Cut along `axis` into that many equal pieces, or into pieces of the given sizes. */
  split(pieces: number | readonly number[], axis = 0): Tensor[] {
    return ops.split(this.node, pieces, axis).map((node) => new Tensor(node));
  }

  /** Cut along `axis` into at most `count` pieces of one size, but for a smaller last one. @source PyTorch's `chunk` */
  chunk(count: number, axis = 0): Tensor[] {
    return ops.chunk(this.node, count, axis).map((node) => new Tensor(node));
  }

  /** Each slice along `axis` on its own, without that axis. */
  unbind(axis = 0): Tensor[] {
    return ops.unbind(this.node, axis).map((node) => new Tensor(node));
  }

  /** Each slice along `axis`, `times` times in a row. @source NumPy's `repeat`, PyTorch's `repeat_interleave` */
  repeat(times: number, axis = 0): Tensor {
    return new Tensor(ops.repeat(this.node, times, axis));
  }

  /** The product of each number of this vector with each of the other. */
  outer(other: Tensor): Tensor {
    return new Tensor(ops.outer(this.node, other.node));
  }

  /** The `k` largest numbers along `axis`, largest first, and their places; with `largest` false the smallest. */
  topK(k: number, axis = -1, options: { readonly largest?: boolean } = {}): Ranked {
    return both(ops.topK(this.node, k, axis, options));
  }

  /** The `k`-th smallest number along `axis`, counted from 1, and its place. */
  kthValue(k: number, axis = -1, options: { readonly keep?: boolean } = {}): Ranked {
    return both(ops.kthValue(this.node, k, axis, options));
  }

  /** Repeated whole, `times[i]` times along axis `i`. */
  tile(times: readonly number[]): Tensor {
    return new Tensor(ops.tile(this.node, times));
  }

  toString(): string {
    return print(this);
  }
}

// Node shows a tensor's numbers, not its fields.
Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Tensor): string {
    return print(this);
  },
});

export interface Tensor extends Methods {}

/** Assigns many tensors with one engine call. */
export function assignAll(pairs: readonly (readonly [Tensor, Tensor])[]): void {
  let trained = false;
  for (const [tensor, next] of pairs) {
    if (!same(next.shape, tensor.shape))
      throw new CambiumError("shape", "assign", `a tensor of shape ${show(tensor.shape)} cannot become ${show(next.shape)}`, "shapes must be equal");
    if (tensor.leaf.requires) trained = true;
  }
  const trace = currentTrace();
  if (trace) {
    for (const [tensor, next] of pairs) {
      trace.touch(tensor);
      const { requires } = tensor.leaf;
      const { leaf } = next;
      tensor.leaf = requires && !leaf.requires ? new Node(ops.stopGradient, [leaf], {}, leaf.shape, leaf.dtype, true) : leaf;
      if (requires && tensor.leaf.op) trace.renewed.set(tensor.leaf, tensor);
    }
    return;
  }
  // What goes with a parameter's change (an optimizer's memory) is part of the same step.
  if (trained) evaluate(pairs.map(nextLeaf));
  for (const [tensor, next] of pairs) {
    const { leaf } = next;
    if (leaf.value) {
      // `next` may be kept by whoever made it, and reads the same memory.
      leaf.value.shared = true;
      tensor.leaf = source(leaf.value, leaf.shape, tensor.leaf.requires);
      tensor.leaf.owner = tensor;
    } else {
      tensor.leaf = leaf;
      leaf.owner = tensor;
      computeAlong(leaf);
    }
  }
}

const nextLeaf = ([, next]: readonly [Tensor, Tensor]): Node => next.leaf;

/** A number next to tensors. Small whole numbers are part of the graph's structure; others are handed over at each run, so that a changing factor compiles once. */
export function operand(x: Tensor | number, dtype: DType | undefined): Node {
  if (typeof x !== "number") return x.node;
  const type = numberType(x, dtype);
  return Number.isInteger(x) && Math.abs(x) <= 16 ? constant(x, type) : scalar(x, type);
}

for (const [name, op] of Object.entries<unknown>(ops)) if (isOp(op) && op.method !== false && !op.variadic && op.inputs.length > 0) derive(name, op);

function derive(name: string, op: AnyOp): void {
  const arity = op.inputs.length;
  const method =
    arity === 1
      ? function (this: Tensor, ...args: unknown[]): Tensor {
          return new Tensor(op(this.node, ...args));
        }
      : function (this: Tensor, ...args: unknown[]): Tensor {
          if (args.length < arity - 1)
            throw new CambiumError("value", name, `needs ${arity - 1} more operand${arity > 2 ? "s" : ""} (${op.inputs.slice(1).join(", ")})`);
          for (let i = 0; i < arity - 1; i++) args[i] = operandAt(name, args[i], this.dtype);
          return new Tensor(op(this.node, ...args));
        };
  Object.defineProperty(Tensor.prototype, name, { value: method, writable: true, configurable: true });
}

const given = (node: Node): boolean => !node.requires;
const isTrained = (node: Node): boolean => node.requires && !node.op;

function operandAt(name: string, x: unknown, dtype: DType): Node {
  if (x instanceof Tensor) return x.node;
  if (typeof x === "number") return operand(x, dtype);
  throw new CambiumError(
    "value",
    name,
    `expected a tensor or a number, got ${Array.isArray(x) ? "an array" : x === null ? "null" : typeof x}`,
    Array.isArray(x) ? "wrap it: tensor([...])" : undefined,
  );
}
