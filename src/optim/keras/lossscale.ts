import { CambiumError } from "../../base/error.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Bound, KerasOptimizer } from "./optimizer.ts";
import { type LossScaleOptions, Scaling } from "./scaling.ts";

/** An optimizer whose loss is scaled by as much as its gradients bear. */
export class LossScaleOptimizer extends KerasOptimizer {
  readonly innerOptimizer: KerasOptimizer;
  readonly #options: LossScaleOptions;

  constructor(inner: KerasOptimizer, options: LossScaleOptions = {}) {
    super("lossScaleOptimizer", {}, { learningRate: 0 }, inner.rule);
    const where = "optimizers.lossScaleOptimizer";
    const { initialScale = 2 ** 15, dynamicGrowthSteps = 2000 } = options;
    if (!(initialScale > 0)) throw new CambiumError("value", where, `initialScale is ${initialScale}; it is a number above 0`);
    if (!Number.isInteger(dynamicGrowthSteps) || dynamicGrowthSteps < 1)
      throw new CambiumError("value", where, `dynamicGrowthSteps is ${dynamicGrowthSteps}; it is a whole number from 1`);
    for (const name of ["lossScaleFactor", "gradientAccumulationSteps"])
      if (inner.config[name] !== undefined)
        throw new CambiumError("value", where, `the inner optimizer has a ${name}, ${inner.config[name]}, which does not go with a factor that changes`);
    this.innerOptimizer = inner;
    this.#options = options;
  }

  override get learningRate(): number {
    return this.innerOptimizer.learningRate;
  }

  override set learningRate(rate: number) {
    this.innerOptimizer.learningRate = rate;
  }

  override get config(): Record<string, unknown> {
    return { ...this.#options, innerOptimizer: { name: this.innerOptimizer.name, config: this.innerOptimizer.config } };
  }

  override bind(named: Iterable<[path: string, parameter: Tensor]>): Bound {
    return this.innerOptimizer.bind(named, new Scaling(this.#options));
  }
}
