/** Layers that make one tensor of several. */
import { CambiumError } from "../base/error.ts";
import { broadcastShapes, type Shape, show } from "../base/shape.ts";
import { maskOf } from "../module/mask.ts";
import { concat, ones } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";

/** Inputs of one rank, or smaller ones that broadcast: those get axes behind the batch, as in Keras. */
function levelled(tensors: readonly Tensor[]): Tensor[] {
  const rank = Math.max(...tensors.map((x) => x.rank));
  return tensors.map((x) => (x.rank === rank ? x : x.reshape([x.shape[0]!, ...new Array<number>(rank - x.rank).fill(1), ...x.shape.slice(1)])));
}

const folds = {
  Add: (a: Tensor, b: Tensor): Tensor => a.add(b),
  Subtract: (a: Tensor, b: Tensor): Tensor => a.sub(b),
  Multiply: (a: Tensor, b: Tensor): Tensor => a.mul(b),
  Average: (a: Tensor, b: Tensor): Tensor => a.add(b),
  Maximum: (a: Tensor, b: Tensor): Tensor => a.maximum(b),
  Minimum: (a: Tensor, b: Tensor): Tensor => a.minimum(b),
} as const;

/** The kinds of merging number by number. */
export type MergeKind = keyof typeof folds;

/** Several tensors made one, number by number; sizes broadcast. */
export class Merge extends Layer {
  readonly #kind: MergeKind;

  constructor(kind: MergeKind, options: LayerOptions = {}) {
    super(kind, options);
    this.#kind = kind;
  }

  override get takesMany(): boolean {
    return true;
  }

  protected override check(...inputs: Shape[]): void {
    const [least, most] = this.#kind === "Subtract" ? [2, 2] : [2, Number.POSITIVE_INFINITY];
    if (inputs.length < least || inputs.length > most)
      throw new CambiumError(
        "value",
        this.name,
        `takes ${most === 2 ? "two inputs" : "two inputs or more"}, got ${inputs.length}`,
        "give a list: apply([a, b])",
      );
    inputs.reduce((a, b) => broadcastShapes(this.name, a, b));
  }

  protected override call(...inputs: [Tensor, ...Tensor[]]): Tensor {
    const total = levelled(inputs).reduce(folds[this.#kind]);
    return this.#kind === "Average" ? total.div(inputs.length) : total;
  }

  /** A step counts if it does in any input; where one has no mask, all of them do. */
  protected override maskFor(...inputs: Tensor[]): Tensor | undefined {
    const masks = inputs.map(maskOf);
    return masks.includes(undefined) ? undefined : (masks as Tensor[]).reduce((a, b) => a.logicalOr(b));
  }
}

/** The sum of its inputs. @shape several `[batch, ...]` → `[batch, ...]` @source Keras `Add` */
export const add = (options?: LayerOptions): Merge => new Merge("Add", options);

/** The first input less the second. @shape two `[batch, ...]` → `[batch, ...]` @source Keras `Subtract` */
export const subtract = (options?: LayerOptions): Merge => new Merge("Subtract", options);

/** The product of its inputs, number by number. @shape several `[batch, ...]` → `[batch, ...]` @source Keras `Multiply` */
export const multiply = (options?: LayerOptions): Merge => new Merge("Multiply", options);

/** The mean of its inputs. @shape several `[batch, ...]` → `[batch, ...]` @source Keras `Average` */
export const average = (options?: LayerOptions): Merge => new Merge("Average", options);

/** The largest of its inputs, number by number. @shape several `[batch, ...]` → `[batch, ...]` @source Keras `Maximum` */
export const maximum = (options?: LayerOptions): Merge => new Merge("Maximum", options);

/** The smallest of its inputs, number by number. @shape several `[batch, ...]` → `[batch, ...]` @source Keras `Minimum` */
export const minimum = (options?: LayerOptions): Merge => new Merge("Minimum", options);

export interface ConcatenateOptions extends LayerOptions {
  /** The axis along which inputs follow each other, the batch being axis 0. Default −1. */
  axis?: number;
}

/** Several tensors one after another. */
export class Concatenate extends Layer {
  readonly #axis: number;

  constructor(options: ConcatenateOptions = {}) {
    super("Concatenate", options);
    this.#axis = options.axis ?? -1;
  }

  override get takesMany(): boolean {
    return true;
  }

  protected override check(...inputs: Shape[]): void {
    const [first] = inputs as [Shape];
    const axis = this.#axis < 0 ? first.length + this.#axis : this.#axis - 1;
    if (axis < 0 || axis >= first.length)
      throw new CambiumError("shape", this.name, `axis ${this.#axis} is no axis of samples of ${show(first)}; axis 0 is the batch`);
    const misfit = inputs.find((shape) => shape.length !== first.length || shape.some((d, i) => i !== axis && d !== first[i]));
    if (misfit)
      throw new CambiumError(
        "shape",
        this.name,
        `samples of ${show(first)} and ${show(misfit)} do not fit along axis ${this.#axis}; all other sizes must be equal`,
      );
  }

  protected override call(...inputs: [Tensor, ...Tensor[]]): Tensor {
    return concat(inputs, this.#axis);
  }

  /** Steps one after another bring their masks with them; side by side, one counts if it does in any input. */
  protected override maskFor(...inputs: Tensor[]): Tensor | undefined {
    const given = inputs.map(maskOf);
    const rank = given.find((mask) => mask)?.rank;
    if (rank === undefined) return undefined;
    const masks = inputs.map((x, i) => given[i] ?? ones(x.shape.slice(0, rank), { dtype: "bool" }));
    const axis = this.#axis < 0 ? inputs[0]!.rank + this.#axis : this.#axis;
    return axis < rank ? concat(masks, axis) : masks.reduce((a, b) => a.logicalOr(b));
  }
}

/** Its inputs one after another along an axis. @shape several `[batch, ..., n]` → `[batch, ..., sum of n]` @source Keras `Concatenate` */
export const concatenate = (options?: ConcatenateOptions): Concatenate => new Concatenate(options);

export interface DotOptions extends LayerOptions {
  /** The axis that is summed over, or one for each input; the batch is axis 0. */
  axes: number | readonly [number, number];
  /** Whether both are scaled to length 1 first: then it is the cosine. Default `false`. */
  normalize?: boolean;
}

/** The product of two tensors, summed over one axis of each. */
export class Dot extends Layer {
  readonly #axes: readonly [number, number];
  readonly #normalize: boolean;

  constructor(options: DotOptions) {
    super("Dot", options);
    const { axes } = options;
    this.#axes = typeof axes === "number" ? [axes, axes] : axes;
    this.#normalize = options.normalize ?? false;
  }

  override get takesMany(): boolean {
    return true;
  }

  protected override check(...inputs: Shape[]): void {
    if (inputs.length !== 2) throw new CambiumError("value", this.name, `takes two inputs, got ${inputs.length}`, "give a list: apply([a, b])");
    const [n, m] = inputs.map((shape, i) => shape.at(this.#place(i, shape)));
    if (n !== m || n === undefined)
      throw new CambiumError(
        "shape",
        this.name,
        `samples of ${show(inputs[0]!)} and ${show(inputs[1]!)} have ${n ?? "no"} and ${m ?? "no"} numbers along axes ${show(this.#axes)}`,
      );
  }

  /** The axis of input `i` among those of a sample. */
  #place(i: number, shape: Shape): number {
    const axis = this.#axes[i]!;
    return axis < 0 ? shape.length + axis : axis - 1;
  }

  protected override call(a: Tensor, b: Tensor): Tensor {
    const [left, right] = [a, b].map((x, i) => {
      const axis = this.#place(i, x.shape.slice(1)) + 1;
      // As Keras' unit length: nothing is divided by less than 1e-6.
      const unit = this.#normalize ? x.div(x.square().sum(axis, { keep: true }).maximum(1e-12).sqrt()) : x;
      const moved = unit.moveAxis(axis, -1);
      return moved.reshape([x.shape[0]!, -1, x.shape[axis]!]);
    }) as [Tensor, Tensor];
    const rest = (x: Tensor, i: number): Shape => x.shape.slice(1).filter((_, axis) => axis !== this.#place(i, x.shape.slice(1)));
    const shape = [...rest(a, 0), ...rest(b, 1)];
    return left.matmul(right.transpose()).reshape([a.shape[0]!, ...(shape.length > 0 ? shape : [1])]);
  }
}

/**
 * The product of two tensors, summed over one axis of each.
 * @shape `[batch, ..., n]`, `[batch, ..., n]` → `[batch, ...rest of both]`
 * @source Keras `Dot`
 */
export const dot = (options: DotOptions): Dot => new Dot(options);
