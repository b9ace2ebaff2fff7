import { promote, type DType, isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { Node, type Attrs } from "./node.ts";

/** What a person may write where an op expects a value. */
export type Operand = Node | number;

/** The values an op sees at one use: each input under its own name, and `out`, its result. */
export type At<Names extends readonly string[]> = Readonly<Record<Names[number] | "out", Node>>;

/** Numbers laid out row-major, as the reference engine sees them: always doubles, whatever the dtype. */
export interface Block {
  readonly data: Float64Array;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** One use of an op that tests try on every engine. */
export interface Case<Args extends unknown[]> {
  readonly shapes: readonly Shape[];
  readonly args: Args;
  /** Default: float32 for every input. */
  readonly dtypes?: readonly DType[];
  /** Numbers for an input instead of drawn ones, by position. */
  readonly values?: readonly (readonly number[] | undefined)[];
  /** The values for the inputs are drawn from here instead of the op's `domain`. */
  readonly domain?: readonly [low: number, high: number];
}

/** How an op meets the compiler. Everything else about an op follows from its parts. */
export type Kind =
  | "elementwise" // number by number, with broadcasting; the compiler fuses chains of these
  | "movement" // moves numbers without changing them
  | "reduction" // folds axes away
  | "contraction" // matmul and convolution
  | "window" // pooling
  | "indexing" // gather, scatter
  | "random" // counter-based bits
  | "composite" // said wholly in smaller ops; an engine may have a faster way
  | "macro"; // stands for a graph that is written out when the program is compiled

/** Everything cambium knows about one op, written in one place. */
export interface OpSpec<Names extends readonly string[], Args extends unknown[], A extends Attrs> {
  readonly name: string;
  readonly kind: Kind;
  /** The inputs' names. With `variadic`, the one name stands for a list of any length. */
  readonly inputs: Names;
  readonly variadic?: boolean;
  /** Turns the arguments a person writes into plain settings. */
  readonly attrs?: (shapes: Shape[], ...args: Args) => A;
  /** The result's shape; throws a CambiumError when the inputs do not fit. */
  readonly shape: (shapes: Shape[], attrs: A) => Shape;
  /** The result's dtype; default: the inputs' dtypes promoted. Throws a CambiumError when they do not fit. */
  readonly dtype?: (dtypes: DType[], attrs: A) => DType;
  /** What flows back to each input when `dy` flows back to the result. A name left out gets nothing. A variadic op returns a list under its one name. */
  readonly gradient?: (dy: Node, at: At<Names>, attrs: A, node: Node) => Partial<Record<Names[number], Node | readonly Node[]>>;
  /** The same op in smaller ops, for gradients and for engines that have no kernel of their own for it. */
  readonly decompose?: (at: At<Names>, attrs: A, node: Node) => Node;
  /** For macros: the nodes a use of it stands for; `part`s of it say which. */
  readonly expand?: (inputs: readonly Node[], attrs: A) => readonly Node[];
  /** For elementwise ops: the arbiter, on one number of each input, in double precision. */
  readonly scalar?: (...numbers: number[]) => number;
  /** The arbiter: plain loops in double precision. Results are rounded to the dtype by the caller. */
  readonly reference?: (out: Block, inputs: Block[], attrs: A) => void;
  /** Uses the tests try on every engine; values are drawn from `domain`. */
  readonly cases: readonly Case<NoInfer<Args>>[];
  readonly domain?: readonly [low: number, high: number];
  /** Whether the op becomes a tensor method of the same name. Default: true. */
  readonly method?: boolean;
  /** No gradient flows through, and none is missing: comparisons, argMax, rounding. */
  readonly constant?: boolean;
}

/** An op: call it on nodes to use it, read its fields to know it. */
export type Op<Names extends readonly string[], Args extends unknown[] = []> = OpSpec<Names, Args, any> & { readonly id: number } & ((
    ...args: [...{ [I in keyof Names]: Operand }, ...Args]
  ) => Node);

/** An op over a list of inputs. */
export type VariadicOp<Args extends unknown[] = []> = OpSpec<readonly [string], Args, any> & { readonly id: number } & ((
    inputs: readonly Operand[],
    ...args: Args
  ) => Node);

/** Any op, for code that goes through all of them. */
export type AnyOp = OpSpec<any, any, any> & { readonly id: number } & ((...args: any[]) => Node);

let ids = 0;
const plain: Attrs = {};

/** Defines an op. Its tests, its docs page, its tensor method and its fallback on every engine follow from this. */
export function defineOp<const Names extends readonly string[], Args extends unknown[], A extends Attrs>(
  spec: OpSpec<Names, Args, A> & { variadic: true },
): VariadicOp<Args>;
export function defineOp<const Names extends readonly string[], Args extends unknown[], A extends Attrs>(spec: OpSpec<Names, Args, A>): Op<Names, Args>;
export function defineOp<const Names extends readonly string[], Args extends unknown[], A extends Attrs>(spec: OpSpec<Names, Args, A>): AnyOp {
  const arity = spec.inputs.length;
  const use = (...given: unknown[]): Node => {
    const operands = spec.variadic ? (given[0] as readonly Operand[]) : (given.slice(0, arity) as Operand[]);
    if (!spec.variadic && operands.length < arity)
      throw new CambiumError("value", spec.name, `takes ${arity} inputs (${spec.inputs.join(", ")}), got ${operands.length}`);
    const inputs = liftAll(spec.name, operands);
    const shapes = inputs.map((x) => x.shape);
    const attrs = spec.attrs ? spec.attrs(shapes, ...(given.slice(spec.variadic ? 1 : arity) as Args)) : (plain as A);
    const types = inputs.map((x) => x.dtype);
    const shape = spec.shape(shapes, attrs);
    const dtype = spec.dtype ? spec.dtype(types, attrs) : types.length === 0 ? "float32" : types.reduce(promote);
    return new Node(op, inputs, attrs, shape, dtype, !spec.constant && inputs.some((x) => x.requires));
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

/** Numbers become constants of the dtype the other operands have: a number never widens a tensor, except that a fraction makes integers float32. */
function liftAll(where: string, operands: readonly Operand[]): Node[] {
  let dtype: DType | undefined;
  for (const x of operands) {
    if (x instanceof Node) dtype = dtype ? promote(dtype, x.dtype) : x.dtype;
    else if (typeof x !== "number") throw new CambiumError("value", where, `expected a tensor or a number, got ${x === null ? "null" : typeof x}`);
  }
  return operands.map((x) => (x instanceof Node ? x : constant(x, numberType(x, dtype))));
}

/** The dtype a plain number takes next to values of `dtype`. */
export function numberType(x: number, dtype: DType | undefined): DType {
  if (dtype === undefined) return "float32";
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(x)) return "float32";
  return dtype === "bool" || (dtype === "uint8" && (x < 0 || x > 255)) ? "int32" : dtype;
}

export const isOp = (x: unknown): x is AnyOp => typeof x === "function" && "cases" in x && "id" in x;

/** The inputs and the result of a use, under their names. */
export function at(node: Node): At<any> {
  const named: Record<string, Node> = { out: node };
  node.op!.inputs.forEach((name: string, i: number) => (named[name] = node.inputs[i]!));
  return named;
}
