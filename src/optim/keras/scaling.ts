import { full, zeros } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Change } from "../stepper.ts";

export interface LossScaleOptions {
  /** What the loss is multiplied by at first. Default 2¹⁵. */
  initialScale?: number;
  /** After how many updates without a gradient out of reach the factor is doubled. Default 2000. */
  dynamicGrowthSteps?: number;
}

/** What the loss is multiplied by, so that small gradients stay above the smallest float16: it grows until a gradient is out of reach, and then falls back. */
export class Scaling {
  readonly #scale: Tensor;
  readonly #steps: Tensor = zeros([]);
  readonly #growth: number;

  constructor({ initialScale = 2 ** 15, dynamicGrowthSteps = 2000 }: LossScaleOptions) {
    this.#scale = full([], initialScale);
    this.#growth = dynamicGrowthSteps;
  }

  scaled(loss: Tensor): Tensor {
    return loss.mul(this.#scale);
  }

  /** Gradients of the loss itself. */
  unscaled(gradients: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
    return gradients.map((grad) => grad?.div(this.#scale));
  }

  /** The changes, where all gradients are numbers; else everything stays, and the factor is halved. */
  guarded(changes: readonly Change[], gradients: readonly (Tensor | undefined)[]): Change[] {
    const finite = gradients
      .flatMap((grad) => (grad ? [grad.isFinite().to("float32").min()] : []))
      .reduce((a, b) => a.minimum(b), full([], 1))
      .greater(0);
    const due = this.#steps.equal(this.#growth - 1);
    return [
      ...changes.map(([tensor, next]): Change => [tensor, finite.where(next, tensor)]),
      [this.#scale, finite.where(due.where(this.#scale.mul(2), this.#scale), this.#scale.mul(0.5))],
      [this.#steps, finite.where(due.where(0, this.#steps.add(1)), 0)],
    ];
  }

  *memory(): Generator<[name: string, tensor: Tensor]> {
    yield ["dynamicScale", this.#scale];
    yield ["stepCounter", this.#steps];
  }
}
