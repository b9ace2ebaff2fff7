import type { Tensor } from "../../tensor/tensor.ts";
import { type BaseOptions, type Group, Optimizer } from "../optimizer.ts";
import type { Dial } from "../rule.ts";
import { adadelta, adagrad, rmsprop } from "../rules/squares.ts";
import type { Plan } from "../stepper.ts";

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

  protected override get names(): Readonly<Record<string, string>> {
    return { square: "squareAvg", mean: "gradAvg", velocity: "momentumBuffer" };
  }

  protected plan({ alpha, eps, momentum, centered, weightDecay, maximize }: Required<RMSpropOptions>, dial: Dial = momentum): Plan {
    return { rule: rmsprop({ rho: alpha, eps, momentum: dial, centered, way: "torch" }), settings: { weightDecay, maximize } };
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

  protected plan({ lrDecay, initialAccumulatorValue, eps, weightDecay, maximize }: Required<AdagradOptions>): Plan {
    return { rule: adagrad({ initial: initialAccumulatorValue, eps, rateDecay: lrDecay, way: "torch" }), settings: { weightDecay, maximize } };
  }
}

export interface AdadeltaOptions extends BaseOptions {
  /** How much of the mean squares stays. Default 0.9. */
  rho?: number;
  /** Keeps the quotient finite. Default 1e-6. */
  eps?: number;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay?: number;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps as large as steps usually are, measured by how large gradients usually are. @source PyTorch `optim.Adadelta`: lr 1 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<AdadeltaOptions>>, options: AdadeltaOptions = {}) {
    super(parameters, options, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return { square: "squareAvg", delta: "accDelta" };
  }

  protected plan({ rho, eps, weightDecay, maximize }: Required<AdadeltaOptions>): Plan {
    return { rule: adadelta({ rho, eps }), settings: { weightDecay, maximize } };
  }
}
