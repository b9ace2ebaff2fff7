import { type DType, pack, type Storage } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";

/** Settings of one use of an op, e.g. which axes a sum runs over. Plain data, so a graph can be keyed, printed and saved. */
export type Attrs = Readonly<Record<string, unknown>>;

/** Numbers that exist somewhere: on the host, or in an engine's own memory. */
export interface Memory {
  readonly dtype: DType;
  readonly length: number;
  /** The numbers as the dtype stores them, where the host can reach them without waiting; `load` reads them. */
  readonly host: Storage | undefined;
  /** Set once a graph has seen this memory; from then on it is never written again. */
  shared: boolean;
}

/** Memory on the host that holds `numbers`, or what is stored already. */
export const hostMemory = (dtype: DType, numbers: Storage): Memory => ({ dtype, length: numbers.length, host: pack(dtype, numbers), shared: false });

/**
 * One value of a computation: which op makes it, from which values. What a node means never changes;
 * only `value` is filled in once it has been computed, and then a node that no gradient can flow through lets go of its inputs.
 */
export class Node {
  /** None on a leaf: a node that holds numbers given from outside. */
  readonly op: AnyOp | undefined;
  inputs: readonly Node[];
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Whether a gradient is wanted here or further up. */
  readonly requires: boolean;
  /** The numbers, once they are known. */
  value: Memory | undefined;
  /** On a scalar leaf, its number: given anew at each run, and no part of the graph's structure. */
  readonly number: number | undefined;
  /** On a leaf, the handle through which it is trained. */
  owner: object | undefined = undefined;
  /** Scratch of whoever walks the graph: valid only while `mark` is the walk's own. */
  mark = 0;
  index = 0;

  constructor(op: AnyOp | undefined, inputs: readonly Node[], attrs: Attrs, shape: Shape, dtype: DType, requires: boolean, value?: Memory, number?: number) {
    this.op = op;
    this.inputs = inputs;
    this.attrs = attrs;
    this.shape = shape;
    this.dtype = dtype;
    this.requires = requires;
    this.value = value;
    this.number = number;
  }
}

const none: readonly Node[] = [];
const plain: Attrs = {};

/** A node that holds numbers given from outside. */
export const source = (value: Memory, shape: Shape, requires = false): Node => new Node(undefined, none, plain, shape, value.dtype, requires, value);

/** A scalar whose number may differ at each run of an otherwise equal graph (a learning rate, a seed). */
export const scalar = (number: number, dtype: DType): Node => new Node(undefined, none, plain, [], dtype, false, undefined, number);

/** A stand-in for numbers that are handed over when a compiled program runs. */
export const placeholder = (shape: Shape, dtype: DType, requires = false): Node => new Node(undefined, none, plain, shape, dtype, requires);

/** What a person may write where an op expects a value. */
export type Operand = Node | number;

/** The values an op sees at one use: each input under its own name, and `out`, its result. */
export type At<Names extends readonly string[]> = Readonly<Record<Names[number] | "out", Node>>;

/** One use of an op for many examples at once, as a batching rule sees it. */
export interface Examples {
  /** The inputs; those that vary have the examples along a new first axis. */
  readonly inputs: readonly Node[];
  /** Which inputs differ from example to example; at least one does, or `fresh` is set. */
  readonly varies: readonly boolean[];
  readonly count: number;
  /** Whether random numbers of the op's `stream` are to differ from example to example. */
  readonly fresh: boolean;
}

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
  | "factorization" // systems of equations, and matrices taken apart
  | "window" // pooling
  | "indexing" // gather, scatter
  | "random" // counter-based bits
  | "composite" // said wholly in smaller ops; an engine may have a faster way
  | "loop" // a body run step by step, with several results
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
  /**
   * The op on many examples at once, which then lie along a new first axis of the result; `node` is its use on one of them. Elementwise ops and reductions need none:
   * their kind has one. Nor does an op with parts, but a rule may keep it in one piece. Nothing returned: take the parts. An op that draws random numbers names the input `stream`.
   */
  readonly batch?: (examples: Examples, attrs: A, node: Node) => Node | undefined;
  /** The same op in smaller ops, for gradients and for engines that have no kernel of their own for it. */
  readonly decompose?: (at: At<Names>, attrs: A, node: Node) => Node;
  /** For ops of several results: what flows back to each input (to those `wanted`) when `flows` flow back to its parts. */
  readonly gradientOfParts?: (flows: readonly (Node | undefined)[], wanted: readonly boolean[], node: Node) => readonly (Node | undefined)[];
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
