/** How ops that work number by number are defined; the ops themselves lie in the files named by their families. */
import { type DType, isFloat, promote } from "../base/dtype.ts";
import { broadcastShapes, type Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type At, type Case, defineOp, type Op } from "../graph/op.ts";
import { sumTo } from "./spread.ts";

export type Unary = Op<["x"]>;
export type Binary = Op<["a", "b"]>;

/** What flows back to each input, before it is summed down to the input's shape. Only what somebody asks for is worked out. */
type Flows<Names extends readonly string[]> = { readonly [Name in Names[number]]?: (dy: Node, at: At<Names>) => Node };

interface Elementwise<Names extends readonly string[]> {
  readonly name: string;
  readonly scalar: (...numbers: number[]) => number;
  readonly gradient?: Flows<Names>;
  readonly decompose?: (at: At<Names>) => Node;
  readonly dtype?: (dtypes: DType[]) => DType;
  readonly cases?: readonly Case<[]>[];
  readonly domain?: readonly [low: number, high: number];
  readonly constant?: boolean;
  readonly method?: boolean;
}

/** Whole numbers become float32: the result of a function that leaves the whole numbers. */
export const floating = (dtypes: DType[]): DType => {
  const dtype = dtypes.reduce(promote);
  return isFloat(dtype) ? dtype : "float32";
};

/** Bools count as 0 and 1. (PyTorch refuses such sums or makes them an "or".) */
export const numeric = (dtypes: DType[]): DType => {
  const dtype = dtypes.reduce(promote);
  return dtype === "bool" ? "int32" : dtype;
};

/** Yes or no. */
export const truth = (): DType => "bool";

/** A class whose instances hand out what flows back to an input when they are asked for it by name. */
function flowing<Names extends readonly string[]>(flows: Flows<Names>): (dy: Node, at: At<Names>) => Partial<Record<Names[number], Node>> {
  class Flowing {
    readonly arriving: Node;
    readonly nodes: At<Names>;
    constructor(arriving: Node, nodes: At<Names>) {
      this.arriving = arriving;
      this.nodes = nodes;
    }
  }
  for (const [name, flow] of Object.entries(flows) as [Names[number], (dy: Node, at: At<Names>) => Node][])
    Object.defineProperty(Flowing.prototype, name, {
      get(this: Flowing): Node {
        return sumTo(flow(this.arriving, this.nodes), this.nodes[name].shape);
      },
    });
  return (dy, at) => new Flowing(dy, at) as Partial<Record<Names[number], Node>>;
}

const shapeRules: ((name: string) => (shapes: Shape[]) => Shape)[] = [
  () => () => [],
  () => (shapes) => shapes[0]!,
  (name) => (shapes) => broadcastShapes(name, shapes[0]!, shapes[1]!),
];
const shapeOfMany = (name: string) => (shapes: Shape[]) => shapes.reduce((a, b) => broadcastShapes(name, a, b));

/** Defines an op that works number by number on inputs that broadcast. */
export function elementwise<const Names extends readonly string[]>(inputs: Names, { gradient, cases, ...spec }: Elementwise<Names>): Op<Names> {
  return defineOp({
    ...spec,
    kind: "elementwise",
    inputs,
    shape: (shapeRules[inputs.length] ?? shapeOfMany)(spec.name),
    ...(gradient && { gradient: flowing(gradient) }),
    cases: [...usual(inputs.length), ...(cases ?? [])],
  }) as unknown as Op<Names>;
}

/** Odd sizes, a scalar, nothing at all; with several inputs, also each kind of broadcasting. */
function usual(arity: number): Case<[]>[] {
  const repeat = (...shapes: Shape[]): Case<[]> => ({ shapes: Array.from({ length: arity }, (_, i) => shapes[i % shapes.length]!), args: [] });
  const alone = [repeat([3, 7]), repeat([]), repeat([0])];
  return arity === 1 ? alone : [...alone, repeat([2, 1, 3], [4, 1]), repeat([], [5]), repeat([1, 3], [2, 3])];
}

/** An op on one number at a time; of whole numbers it makes float32 unless `dtype` says otherwise. */
export const unary = ({ gradient, ...spec }: Omit<Elementwise<["x"]>, "gradient"> & { readonly gradient?: (dy: Node, at: At<["x"]>) => Node }): Unary =>
  elementwise(["x"], { dtype: floating, ...spec, ...(gradient && { gradient: { x: gradient } }) });

/** An op on two numbers at a time. */
export const binary = (spec: Elementwise<["a", "b"]>): Binary => elementwise(["a", "b"], { dtype: numeric, ...spec });

/** A question about numbers: no gradient flows through the answer. */
export const question = <const Names extends readonly string[]>(inputs: Names, name: string, scalar: (...numbers: number[]) => boolean): Op<Names> =>
  elementwise(inputs, { name, scalar: (...numbers) => Number(scalar(...numbers)), dtype: truth, constant: true });
