import type { Shape } from "../base/shape.ts";
import { expectCount } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Activation, activation, type ActivationName } from "./activations.ts";
import { type HeldBack, Layer, type LayerOptions, mismatch } from "./layer.ts";
import type { Regularizer } from "./regularizers.ts";

/** What layers with a kernel share: besides, how kernel and bias begin (`"glorotUniform"` and `"zeros"`) and are held back. */
export interface KernelOptions extends LayerOptions, HeldBack<"kernel" | "bias"> {
  /** Applied to the result. Default: none. */
  activation?: ActivationName | (string & {}) | Activation;
  /** Adds a bias. Default `true`. */
  useBias?: boolean;
  /** On the result, as a mean over the batch. */
  activityRegularizer?: string | Regularizer;
}

export interface DenseOptions extends KernelOptions {
  /** How many numbers come out. */
  units: number;
}

/** Every input joined to every unit. */
export class Dense extends Layer {
  /** [inputs, units] */
  kernel: Tensor | undefined = undefined;
  /** [units] */
  bias: Tensor | undefined = undefined;
  readonly #options: DenseOptions;
  readonly #activation: Activation;

  constructor(options: DenseOptions) {
    super("Dense", options);
    expectCount(this.name, "units", options.units);
    this.#options = options;
    this.#activation = activation(this.name, options.activation);
  }

  protected override make(input: Shape): void {
    const { units, useBias = true } = this.#options;
    this.kernel = this.named("kernel", [input.at(-1)!, units], "glorotUniform");
    if (useBias) this.bias = this.named("bias", [units], "zeros");
  }

  protected override check(input: Shape): void {
    const wanted = this.kernel?.shape[0] ?? input.at(-1);
    if (wanted === undefined || input.at(-1) !== wanted) throw mismatch(this.name, wanted === undefined ? [1] : [wanted], [1, ...input]);
  }

  protected override call(x: Tensor): Tensor {
    const y = x.matmul(this.kernel!);
    return this.#activation(this.bias ? y.add(this.bias) : y);
  }
}

/**
 * Every input joined to every unit: `activation(x · kernel + bias)`.
 *
 * @shape `[batch, ..., inputs]` → `[batch, ..., units]`
 * @throws a `name` error for an unknown activation, initializer or regularizer
 * @source Keras `Dense`, start values included
 * @example
 * ```ts
 * layers.dense(128, { activation: "relu" });
 * layers.dense({ units: 128, activation: "relu" });
 * ```
 */
export function dense(units: number, options?: Omit<DenseOptions, "units">): Dense;
export function dense(options: DenseOptions): Dense;
export function dense(units: number | DenseOptions, options: Omit<DenseOptions, "units"> = {}): Dense {
  return new Dense(typeof units === "object" ? units : { ...options, units });
}
