import { promote, type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { type AnyOp, type At, type Attrs, Node, type Op, type Operand, type OpSpec, type VariadicOp } from "./node.ts";

export type { AnyOp, At, Block, Case, Examples, Kind, Op, Operand, OpSpec, VariadicOp } from "./node.ts";

/** Whether nodes remember that a gradient is wanted further up. */
export const recording: { on: boolean } = { on: true };

/** Who is told of each node that an op makes, while somebody wants to know; and whose gradient is being written. */
export const watching: { made: ((node: Node) => void) | undefined; cause: Node | undefined } = { made: undefined, cause: undefined };

/** What becomes of an op's inputs before it is used, while somebody wants them in other dtypes. */
export const casting: { inputs: ((op: string, inputs: Node[]) => Node[]) | undefined } = { inputs: undefined };

/** Runs `f`, telling `made` of each node that is made meanwhile. */
export function watch<T>(made: (node: Node) => void, f: () => T): T {
  const before = watching.made;
  watching.made = (node) => {
    before?.(node);
    made(node);
  };
  try {
    return f();
  } finally {
    watching.made = before;
  }
}

/** `node`, just made, after whoever watches has been told. */
export function seen(node: Node): Node {
  if (watching.made !== undefined) watching.made(node);
  return node;
}

let ids = 0;
const plain: Attrs = {};

/** Defines an op. Its tests, its docs page, its tensor method and its fallback on every engine follow from this. */
export function defineOp<const Names extends readonly string[], Args extends unknown[], A extends Attrs>(
  spec: OpSpec<Names, Args, A> & { variadic: true },
): VariadicOp<Args>;
export function defineOp<const Names extends readonly string[], Args extends unknown[], A extends Attrs>(spec: OpSpec<Names, Args, A>): Op<Names, Args>;
export function defineOp<const Names extends readonly string[], Args extends unknown[], A extends Attrs>(spec: OpSpec<Names, Args, A>): AnyOp {
  const arity = spec.inputs.length;
  const fixed = !spec.variadic;
  // Eager loops make a node per op and step, so nothing is set up here that a node does not need.
  const use = (...given: unknown[]): Node => {
    if (fixed && given.length < arity) throw new CambiumError("value", spec.name, `takes ${arity} inputs (${spec.inputs.join(", ")}), got ${given.length}`);
    const operands = fixed ? given : (given[0] as readonly unknown[]);
    const count = fixed ? arity : operands.length;
    let common: DType | undefined;
    let requires = false;
    for (let i = 0; i < count; i++) {
      const x = operands[i];
      if (x instanceof Node) {
        common = common === undefined || common === x.dtype ? x.dtype : promote(common, x.dtype);
        if (x.requires) requires = true;
      } else if (typeof x !== "number") throw new CambiumError("value", spec.name, `expected a tensor or a number, got ${x === null ? "null" : typeof x}`);
    }
    let inputs = new Array<Node>(count);
    const shapes = new Array<Shape>(count);
    for (let i = 0; i < count; i++) {
      const x = operands[i] as Operand;
      const input = typeof x === "number" ? constant(x, numberType(x, common)) : x;
      inputs[i] = input;
      shapes[i] = input.shape;
    }
    if (casting.inputs !== undefined) inputs = casting.inputs(spec.name, inputs);
    const attrs = spec.attrs ? spec.attrs(shapes, ...(given.slice(fixed ? arity : 1) as Args)) : (plain as A);
    const shape = spec.shape(shapes, attrs);
    const dtype = spec.dtype ? spec.dtype(inputs.map(dtypeOf), attrs) : count === 0 ? "float32" : inputs.reduce(widest, inputs[0]!.dtype);
    return seen(new Node(op, inputs, attrs, shape, dtype, requires && recording.on && !spec.constant));
  };
  const { name, ...rest } = spec;
  const op = Object.assign(Object.defineProperty(use, "name", { value: name }), rest, { id: ++ids }) as unknown as AnyOp;
  return op;
}

/** A node that is always the same number: part of the graph's structure, so the compiler may calculate with it. */
export const constant: AnyOp = defineOp({
  name: "constant",
  kind: "movement",
  inputs: [],
  attrs: (_, value: number, dtype: DType = "float32") => ({ value, dtype }),
  shape: () => [],
  dtype: (_, { dtype }) => dtype,
  reference: (out, _, { value }) => void out.data.fill(value),
  cases: [{ shapes: [], args: [2.5] }],
  method: false,
  constant: true,
});

const dtypeOf = (x: Node): DType => x.dtype;
const shapeOf = (x: Node): Shape => x.shape;
const widest = (dtype: DType, x: Node): DType => (dtype === x.dtype ? dtype : promote(dtype, x.dtype));

/** The dtype a plain number takes next to values of `dtype`: a number never widens a tensor, except that a fraction makes integers float32. */
export function numberType(x: number, dtype: DType | undefined): DType {
  if (dtype === undefined) return "float32";
  if (isFloat(dtype)) return dtype;
  // A whole number that is none of 32 bits stands for a bound, and would become another one.
  if (!Number.isInteger(x) || (dtype !== "int64" && Math.abs(x) > 2 ** 31)) return "float32";
  return dtype === "bool" || (dtype === "uint8" && (x < 0 || x > 255)) || (dtype === "int8" && (x < -128 || x > 127)) ? "int32" : dtype;
}

/** The op of `node` on other inputs, with settings as they are in a node. */
export function used({ op, dtype }: Node, inputs: readonly Node[], attrs: Attrs): Node {
  const requires = recording.on && !op!.constant && inputs.some((x) => x.requires);
  return seen(new Node(op, inputs, attrs, op!.shape(inputs.map(shapeOf), attrs), dtype, requires));
}

export const isOp = (x: unknown): x is AnyOp => typeof x === "function" && "cases" in x && "id" in x;

/** The inputs and the result of a use, under their names. */
export function at(node: Node): At<any> {
  const named: Record<string, Node> = { out: node };
  node.op!.inputs.forEach((name: string, i: number) => (named[name] = node.inputs[i]!));
  return named;
}
