import { CambiumError } from "../base/error.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { l1l2 } from "./regularizers.ts";

/** A function as a layer. */
export class Lambda extends Layer {
  readonly #f: (x: Tensor) => Tensor;

  constructor(f: (x: Tensor) => Tensor, options: LayerOptions = {}) {
    super("Lambda", options);
    if (typeof f !== "function") throw new CambiumError("value", this.name, `expected a function from tensor to tensor, got ${typeof f}`);
    this.#f = f;
  }

  protected override call(x: Tensor): Tensor {
    const y = this.#f(x);
    if (y instanceof Tensor) return y;
    throw new CambiumError("value", this.name, `the function returned ${y === null ? "null" : typeof y}, not a tensor`);
  }

  /** @throws a `value` error: a function cannot be written down */
  override getConfig(): never {
    throw new CambiumError(
      "value",
      `${this.name}.getConfig`,
      "a lambda layer holds a function, which cannot be written down",
      "keep the weights only: model.stateDict()",
    );
  }
}

/**
 * A function of tensor operations as a layer. It has no weights, and a model with it cannot be saved whole: functions cannot be written down.
 * @shape as the function's
 * @source Keras `Lambda`
 */
export const lambda = (f: (x: Tensor) => Tensor, options?: LayerOptions): Lambda => new Lambda(f, options);

/** Its input, unchanged. */
export class Identity extends Layer {
  protected override call(x: Tensor): Tensor {
    return x;
  }
}

/** Its input, unchanged @source Keras `Identity` */
export const identity = (options: LayerOptions = {}): Identity => new Identity("Identity", options);

export interface ActivityRegularizationOptions extends LayerOptions {
  /** Factor of the sum of sizes. Default 0. */
  l1?: number;
  /** Factor of the sum of squares. Default 0. */
  l2?: number;
}

/** Its input, unchanged, at a price. */
export class ActivityRegularization extends Identity {
  constructor(options: ActivityRegularizationOptions = {}) {
    const { l1 = 0, l2 = 0, ...rest } = options;
    super("ActivityRegularization", { ...rest, l1, l2, activityRegularizer: l1l2({ l1, l2 }) } as LayerOptions);
  }

  override getConfig(): Record<string, unknown> {
    const { activityRegularizer: _, ...config } = super.getConfig();
    return config;
  }
}

/**
 * Its input, unchanged; what it holds is added to the loss, as a mean over the batch: `l1 · Σ|x| + l2 · Σx²`.
 * @shape `[batch, ...]` → the same
 * @source Keras `ActivityRegularization`
 */
export const activityRegularization = (options?: ActivityRegularizationOptions): ActivityRegularization => new ActivityRegularization(options);
