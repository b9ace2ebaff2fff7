/** PyTorch's optimizers, with its defaults. */
import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BaseOptions, type Group, Optimizer } from "./optimizer.ts";
import type { Rule } from "./rule.ts";
import { adagrad, adam, descent, rmsprop } from "./rules.ts";
import type { Settings } from "./stepper.ts";

export interface SGDOptions extends BaseOptions {
  /** Default 0. */
  momentum?: number;
  /** How much of each gradient but the first is left out of the momentum. Default 0. */
  dampening?: number;
  /** Default `false`. */
  nesterov?: boolean;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay?: number;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps down the gradient, with momentum if wanted. @source PyTorch `optim.SGD`: lr 1e-3 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<SGDOptions>>, options: SGDOptions = {}) {
    super(parameters, options, { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, maximize: false });
  }

  protected rule({ momentum, dampening, nesterov, weightDecay, maximize }: Required<SGDOptions>): { rule: Rule; settings: Settings } {
    if (nesterov && (momentum === 0 || dampening !== 0)) throw new CambiumError("value", "SGD", "nesterov needs a momentum, and no dampening");
    return { rule: descent({ momentum, dampening, nesterov, way: "torch" }), settings: { weightDecay, maximize } };
  }
}

export interface AdamOptions extends BaseOptions {
  /** How much of the mean gradient and of the mean square stays. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Keeps the quotient finite. Default 1e-8. */
  eps?: number;
  /** Adam: added to the gradient, times the parameter. AdamW: taken off the parameter, times the rate. */
  weightDecay?: number;
  /** Divides by the largest mean square so far. Default `false`. */
  amsgrad?: boolean;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps by the mean gradient, measured by how large the gradient usually is. @source PyTorch `optim.Adam`: lr 1e-3, eps 1e-8 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdamOptions>>, options: AdamOptions = {}) {
    super(parameters, options, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false, maximize: false });
  }

  protected rule(options: Required<AdamOptions>): { rule: Rule; settings: Settings } {
    return { rule: adamOf(options), settings: { weightDecay: options.weightDecay, maximize: options.maximize } };
  }
}

/** Adam with weight decay that does not pass through the moments. @source PyTorch `optim.AdamW`: weightDecay 0.01 */
export class AdamW extends Optimizer<AdamOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdamOptions>>, options: AdamOptions = {}) {
    super(parameters, options, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, amsgrad: false, maximize: false });
  }

  protected rule(options: Required<AdamOptions>): { rule: Rule; settings: Settings } {
    return { rule: adamOf(options), settings: { weightDecay: options.weightDecay, decoupled: true, maximize: options.maximize } };
  }
}

const adamOf = ({ betas: [beta1, beta2], eps, amsgrad }: Required<AdamOptions>): Rule => adam({ beta1, beta2, eps, amsgrad, way: "torch" });

export interface RMSpropOptions extends BaseOptions {
  /** How much of the mean square stays. Default 0.99. */
  alpha?: number;
  /** Keeps the quotient finite. Default 1e-8. */
  eps?: number;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay?: number;
  /** Default 0. */
  momentum?: number;
  /** Measures gradients by their variance instead of their square. Default `false`. */
  centered?: boolean;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps by the gradient, measured by how large it usually is. @source PyTorch `optim.RMSprop`: lr 1e-2 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<RMSpropOptions>>, options: RMSpropOptions = {}) {
    super(parameters, options, { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false, maximize: false });
  }

  protected rule({ alpha, eps, momentum, centered, weightDecay, maximize }: Required<RMSpropOptions>): { rule: Rule; settings: Settings } {
    return { rule: rmsprop({ rho: alpha, eps, momentum, centered, way: "torch" }), settings: { weightDecay, maximize } };
  }
}

export interface AdagradOptions extends BaseOptions {
  /** How fast the rate falls with the number of steps. Default 0. */
  lrDecay?: number;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay?: number;
  /** What the sum of squares starts from. Default 0. */
  initialAccumulatorValue?: number;
  /** Keeps the quotient finite. Default 1e-10. */
  eps?: number;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps by the gradient, measured by all gradients so far. @source PyTorch `optim.Adagrad`: lr 1e-2 */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdagradOptions>>, options: AdagradOptions = {}) {
    super(parameters, options, { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, maximize: false });
  }

  protected rule({ lrDecay, initialAccumulatorValue, eps, weightDecay, maximize }: Required<AdagradOptions>): { rule: Rule; settings: Settings } {
    return { rule: adagrad({ initial: initialAccumulatorValue, eps, rateDecay: lrDecay, way: "torch" }), settings: { weightDecay, maximize } };
  }
}
