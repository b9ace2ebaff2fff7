import { descent } from "../rules/descent.ts";
import { adadelta as adadeltaRule, adagrad as adagradRule, ftrl as ftrlRule, rmsprop as rmspropRule } from "../rules/squares.ts";
import { KerasOptimizer, type OptimizerOptions } from "./optimizer.ts";

export interface SGDOptions extends OptimizerOptions {
  /** Default 0. */
  momentum?: number;
  /** Default `false`. */
  nesterov?: boolean;
}

/** Steps down the gradient, with momentum if wanted. @source Keras `SGD`: learningRate 0.01 */
export function sgd(options: SGDOptions = {}): KerasOptimizer {
  const { momentum = 0, nesterov = false } = options;
  return new KerasOptimizer("sgd", options, { learningRate: 0.01, momentum, nesterov }, descent({ momentum, nesterov, way: "keras" }));
}

export interface RMSpropOptions extends OptimizerOptions {
  /** How much of the mean square stays. Default 0.9. */
  rho?: number;
  /** Default 0. */
  momentum?: number;
  /** Keeps the quotient finite. Default 1e-7. */
  epsilon?: number;
  /** Measures gradients by their variance instead of their square. Default `false`. */
  centered?: boolean;
}

/** Steps by the gradient, measured by how large it usually is. @source Keras `RMSprop`: learningRate 1e-3 */
export function rmsprop(options: RMSpropOptions = {}): KerasOptimizer {
  const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
  return new KerasOptimizer(
    "rmsprop",
    options,
    { learningRate: 1e-3, rho, momentum, epsilon, centered },
    rmspropRule({ rho, momentum, eps: epsilon, centered, way: "keras" }),
  );
}

export interface AdagradOptions extends OptimizerOptions {
  /** What the sum of squares starts from. Default 0.1. */
  initialAccumulatorValue?: number;
  /** Keeps the quotient finite. Default 1e-7. */
  epsilon?: number;
}

/** Steps by the gradient, measured by all gradients so far. @source Keras `Adagrad`: learningRate 1e-3 */
export function adagrad(options: AdagradOptions = {}): KerasOptimizer {
  const { initialAccumulatorValue = 0.1, epsilon = 1e-7 } = options;
  return new KerasOptimizer(
    "adagrad",
    options,
    { learningRate: 1e-3, initialAccumulatorValue, epsilon },
    adagradRule({ initial: initialAccumulatorValue, eps: epsilon, way: "keras" }),
  );
}

export interface AdadeltaOptions extends OptimizerOptions {
  /** How much of the mean squares stays. Default 0.95. */
  rho?: number;
  /** Keeps the quotient finite. Default 1e-7. */
  epsilon?: number;
}

/** Steps as large as steps usually are, measured by how large gradients usually are. @source Keras `Adadelta`: learningRate 1e-3 */
export function adadelta(options: AdadeltaOptions = {}): KerasOptimizer {
  const { rho = 0.95, epsilon = 1e-7 } = options;
  return new KerasOptimizer("adadelta", options, { learningRate: 1e-3, rho, epsilon }, adadeltaRule({ rho, eps: epsilon }));
}

export interface FtrlOptions extends OptimizerOptions {
  /** The power with which the rate falls with the squares so far. Default −0.5. */
  learningRatePower?: number;
  /** What the sum of squares starts from. Default 0.1. */
  initialAccumulatorValue?: number;
  /** How strongly weights are drawn to exactly 0. Default 0. */
  l1RegularizationStrength?: number;
  /** Default 0. */
  l2RegularizationStrength?: number;
  /** Added to the gradient, times twice the weight. Default 0. */
  l2ShrinkageRegularizationStrength?: number;
  /** Default 0. */
  beta?: number;
}

/** Follows the regularized leader: for sparse linear models. @source Keras `Ftrl`: learningRate 1e-3 */
export function ftrl(options: FtrlOptions = {}): KerasOptimizer {
  const {
    learningRatePower = -0.5,
    initialAccumulatorValue = 0.1,
    l1RegularizationStrength = 0,
    l2RegularizationStrength = 0,
    l2ShrinkageRegularizationStrength = 0,
    beta = 0,
  } = options;
  return new KerasOptimizer(
    "ftrl",
    options,
    {
      learningRate: 1e-3,
      learningRatePower,
      initialAccumulatorValue,
      l1RegularizationStrength,
      l2RegularizationStrength,
      l2ShrinkageRegularizationStrength,
      beta,
    },
    ftrlRule({
      power: learningRatePower,
      initial: initialAccumulatorValue,
      l1: l1RegularizationStrength,
      l2: l2RegularizationStrength,
      shrinkage: l2ShrinkageRegularizationStrength,
      beta,
    }),
    ["learningRatePower"],
  );
}
