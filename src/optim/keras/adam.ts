import { adam as adamRule, adamax as adamaxRule, lamb as lambRule, nadam as nadamRule, scheduleFree } from "../rules/adam.ts";
import { lion as lionRule } from "../rules/descent.ts";
import { KerasOptimizer, type OptimizerOptions } from "./optimizer.ts";

export interface MomentsOptions extends OptimizerOptions {
  /** How much of the mean gradient stays. Default 0.9. */
  beta1?: number;
  /** How much of the mean square stays. Default 0.999. */
  beta2?: number;
  /** Keeps the quotient finite. Default 1e-7. */
  epsilon?: number;
}

export interface AdamOptions extends MomentsOptions {
  /** Divides by the largest mean square so far. Default `false`. */
  amsgrad?: boolean;
}

function adamLike(name: string, options: AdamOptions): KerasOptimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false } = options;
  return new KerasOptimizer(
    name,
    options,
    { learningRate: 1e-3, beta1, beta2, epsilon, amsgrad },
    adamRule({ beta1, beta2, eps: epsilon, amsgrad, way: "keras" }),
  );
}

/** Steps by the mean gradient, measured by how large the gradient usually is. @source Keras `Adam`: learningRate 1e-3, epsilon 1e-7 */
export const adam = (options: AdamOptions = {}): KerasOptimizer => adamLike("adam", options);

/** Adam with weight decay. @source Keras `AdamW`: weightDecay 0.004 */
export const adamw = (options: AdamOptions = {}): KerasOptimizer => adamLike("adamw", { weightDecay: 0.004, ...options });

/** Adam by the largest gradient so far instead of the mean square. @source Keras `Adamax`: learningRate 1e-3 */
export function adamax(options: MomentsOptions = {}): KerasOptimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return new KerasOptimizer("adamax", options, { learningRate: 1e-3, beta1, beta2, epsilon }, adamaxRule({ beta1, beta2, eps: epsilon, way: "keras" }));
}

/** Adam that looks ahead, as Nesterov's momentum does. @source Keras `Nadam`: learningRate 1e-3 */
export function nadam(options: MomentsOptions = {}): KerasOptimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return new KerasOptimizer(
    "nadam",
    options,
    { learningRate: 1e-3, beta1, beta2, epsilon },
    nadamRule({ beta1, beta2, eps: epsilon, momentumDecay: 1, way: "keras" }),
  );
}

/** Adam with steps as long, weight by weight, as the weights are: for very large batches. @source Keras `Lamb`: learningRate 1e-3 */
export function lamb(options: MomentsOptions = {}): KerasOptimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return new KerasOptimizer("lamb", options, { learningRate: 1e-3, beta1, beta2, epsilon }, lambRule({ beta1, beta2, eps: epsilon }));
}

export interface LionOptions extends OptimizerOptions {
  /** How much of the mean gradient stays in the direction of a step. Default 0.9. */
  beta1?: number;
  /** How much of the mean gradient stays in memory. Default 0.99. */
  beta2?: number;
}

/** Steps of one size, in the direction that the mean gradient has. @source Keras `Lion`: learningRate 1e-3 */
export function lion(options: LionOptions = {}): KerasOptimizer {
  const { beta1 = 0.9, beta2 = 0.99 } = options;
  return new KerasOptimizer("lion", options, { learningRate: 1e-3, beta1, beta2 }, lionRule({ beta1, beta2 }));
}

export interface ScheduleFreeAdamWOptions extends MomentsOptions {
  /** Over how many steps the rate rises to its full size. Default 0. */
  warmupSteps?: number;
}

/** AdamW whose weights are themselves a running mean, so that no schedule is needed. @source Keras `ScheduleFreeAdamW`: learningRate 0.0025, epsilon 1e-8 */
export function scheduleFreeAdamw(options: ScheduleFreeAdamWOptions = {}): KerasOptimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, warmupSteps = 0 } = options;
  return new KerasOptimizer(
    "scheduleFreeAdamw",
    options,
    { learningRate: 0.0025, beta1, beta2, epsilon, warmupSteps },
    scheduleFree({ beta1, beta2, eps: epsilon, warmupSteps }),
  );
}
