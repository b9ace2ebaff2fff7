import { CambiumError } from "../../base/error.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type BaseOptions, type Group, Optimizer } from "../optimizer.ts";
import type { Dial } from "../rule.ts";
import { asgd, descent, rprop } from "../rules/descent.ts";
import type { Plan } from "../stepper.ts";

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

  protected override get names(): Readonly<Record<string, string>> {
    return { velocity: "momentumBuffer" };
  }

  protected plan({ momentum, dampening, nesterov, weightDecay, maximize }: Required<SGDOptions>, dial: Dial = momentum): Plan {
    if (nesterov && (momentum === 0 || dampening !== 0)) throw new CambiumError("value", "SGD", "nesterov needs a momentum, and no dampening");
    return { rule: descent({ momentum: dial, dampening, nesterov, way: "torch" }), settings: { weightDecay, maximize } };
  }
}

export interface ASGDOptions extends BaseOptions {
  /** How much of each parameter is taken away, times the rate. Default 1e-4. */
  lambd?: number;
  /** The power with which the rate falls. Default 0.75. */
  alpha?: number;
  /** The step from which parameters are averaged. Default 1e6. */
  t0?: number;
  /** Added to the gradient, times the parameter. Default 0. */
  weightDecay?: number;
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps down the gradient, with the mean of the parameters beside, as `ax` in the state. @source PyTorch `optim.ASGD`: lr 1e-2 */
export class ASGD extends Optimizer<ASGDOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<ASGDOptions>>, options: ASGDOptions = {}) {
    super(parameters, options, { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return { average: "ax" };
  }

  protected plan({ lambd, alpha, t0, weightDecay, maximize }: Required<ASGDOptions>): Plan {
    return { rule: asgd({ lambd, alpha, t0 }), settings: { weightDecay, maximize } };
  }
}

export interface RpropOptions extends BaseOptions {
  /** What a step size is multiplied by when the gradient's sign changes, and when it stays. Default [0.5, 1.2]. */
  etas?: readonly [number, number];
  /** The least and the most a step may be. Default [1e-6, 50]. */
  stepSizes?: readonly [number, number];
  /** Climbs instead. Default `false`. */
  maximize?: boolean;
}

/** Steps by the gradient's sign alone, for whole batches. @source PyTorch `optim.Rprop`: lr 1e-2, the first step size */
export class Rprop extends Optimizer<RpropOptions> {
  constructor(parameters: Iterable<Tensor> | Iterable<Group<RpropOptions>>, options: RpropOptions = {}) {
    super(parameters, options, { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false });
  }

  protected override get names(): Readonly<Record<string, string>> {
    return { previous: "prev", size: "stepSize" };
  }

  protected plan({ etas, stepSizes, maximize }: Required<RpropOptions>): Plan {
    if (!(etas[0] > 0 && etas[0] < 1 && etas[1] > 1))
      throw new CambiumError("value", "Rprop", `etas are [${etas.join(", ")}]; one is below 1, the other above`);
    return { rule: rprop({ etas, stepSizes }), settings: { maximize } };
  }
}
