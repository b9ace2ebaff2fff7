import type { DType, TypedArray } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { AnyOp } from "./op.ts";

/** Settings of one use of an op, e.g. which axes a sum runs over. Plain data, so a graph can be keyed, printed and saved. */
export type Attrs = Readonly<Record<string, unknown>>;

/** Numbers that exist somewhere: on the host, or in an engine's own memory. */
export interface Memory {
  readonly dtype: DType;
  readonly length: number;
  /** The numbers themselves, where the host can reach them without waiting. */
  readonly host: TypedArray | undefined;
  /** Set once a graph has seen this memory; from then on it is never written again. */
  shared: boolean;
}

/** Memory on the host. */
export const hostMemory = (dtype: DType, host: TypedArray): Memory => ({ dtype, length: host.length, host, shared: false });

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
