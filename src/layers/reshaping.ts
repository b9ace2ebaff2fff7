import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Activation as Curve, activation as curveOf, type ActivationName } from "./activations.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { Application, type SymbolicTensor } from "./symbolic.ts";

/** Each sample in one row. */
export class Flatten extends Layer {
  constructor(options: LayerOptions = {}) {
    super("Flatten", options);
  }

  protected override call(x: Tensor): Tensor {
    return x.rank === 2 ? x : x.reshape([x.shape[0]!, size(x.shape.slice(1))]);
  }
}

/**
 * Each sample in one row.
 * @shape `[batch, a, b, ...]` → `[batch, a · b · ...]`
 * @source Keras `Flatten`
 */
export const flatten = (options?: LayerOptions): Flatten => new Flatten(options);

export interface ReshapeOptions extends LayerOptions {
  /** Sizes of a sample afterwards; one may be −1 and is worked out. */
  targetShape: Shape;
}

/** Each sample in another shape. */
export class Reshape extends Layer {
  readonly #target: Shape;

  constructor(options: ReshapeOptions) {
    super("Reshape", options);
    if (!Array.isArray(options.targetShape))
      throw new CambiumError(
        "shape",
        this.name,
        `targetShape is ${JSON.stringify(options.targetShape)}; it lists the sizes of a sample`,
        "layers.reshape([28, 28, 1])",
      );
    this.#target = options.targetShape;
  }

  protected override check(input: Shape): void {
    const known = size(this.#target.filter((d) => d !== -1));
    const open = this.#target.includes(-1);
    if (open ? size(input) % known !== 0 : size(input) !== known)
      throw new CambiumError("shape", this.name, `samples of ${show(input)} hold ${size(input)} numbers, which do not make ${show(this.#target)}`);
  }

  protected override call(x: Tensor): Tensor {
    const known = size(this.#target.filter((d) => d !== -1));
    return x.reshape([x.shape[0]!, ...this.#target.map((d) => (d === -1 ? x.size / x.shape[0]! / known : d))]);
  }
}

/**
 * Each sample in another shape.
 * @shape `[batch, ...]` → `[batch, ...targetShape]`
 * @source Keras `Reshape`
 */
export function reshape(targetShape: Shape, options?: LayerOptions): Reshape;
export function reshape(options: ReshapeOptions): Reshape;
export function reshape(targetShape: Shape | ReshapeOptions, options: LayerOptions = {}): Reshape {
  return new Reshape(Array.isArray(targetShape) ? { ...options, targetShape } : (targetShape as ReshapeOptions));
}

export interface InputOptions extends LayerOptions {
  /** Sizes of one sample. */
  shape?: Shape;
  /** `"string"`: strings come in, which the next layer reads. Numbers are float32, or what layers that look them up need. */
  dtype?: "string" | "float32" | "int32";
}

/** Says what samples look like, and changes nothing. */
export class InputLayer extends Layer {
  /** Whether strings come in here, which the next layer reads. */
  readonly isText: boolean;

  constructor(options: InputOptions = {}) {
    super("InputLayer", { ...options, inputShape: options.inputShape ?? options.shape });
    if (!this.inputShape) throw new CambiumError("value", this.name, "needs the shape of a sample", "layers.inputLayer({ inputShape: [28, 28, 1] })");
    this.isText = options.dtype === "string";
  }

  protected override call(x: Tensor): Tensor {
    return x;
  }
}

/**
 * Says what samples look like, and changes nothing.
 * @shape `[batch, ...shape]` → the same
 * @source Keras `Input`
 */
export const inputLayer = (options: InputOptions): InputLayer => new InputLayer(options);

/**
 * Where a model begins: a symbolic tensor that layers are applied to; a `sequential` takes it as its first layer.
 * @example
 * ```ts
 * const x = input({ shape: [784] });
 * const y = layers.dense(10, { activation: "softmax" }).apply(x);
 * const classifier = model({ inputs: x, outputs: y });
 * ```
 * @source Keras `Input`
 */
export function input(shape: Shape | InputOptions): SymbolicTensor {
  const layer = new InputLayer(Array.isArray(shape) ? { inputShape: shape } : (shape as InputOptions));
  return new Application(layer, [], undefined, [layer.inputShape!]).outputs[0]!;
}

export interface ActivationOptions extends LayerOptions {
  activation: ActivationName | (string & {}) | Curve;
}

/** A bend as a layer of its own. */
export class Activation extends Layer {
  readonly #curve: Curve;

  constructor(options: ActivationOptions) {
    super("Activation", options);
    this.#curve = curveOf(this.name, options.activation);
  }

  protected override call(x: Tensor): Tensor {
    return this.#curve(x);
  }
}

/**
 * An activation as a layer of its own.
 * @shape `[batch, ...]` → the same
 * @throws a `name` error for an unknown name
 * @source Keras `Activation`
 */
export function activation(name: ActivationOptions["activation"], options?: LayerOptions): Activation;
export function activation(options: ActivationOptions): Activation;
export function activation(name: ActivationOptions["activation"] | ActivationOptions, options: LayerOptions = {}): Activation {
  return new Activation(typeof name === "object" ? name : { ...options, activation: name });
}
