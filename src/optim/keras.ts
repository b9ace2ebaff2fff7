/** Keras' optimizers: made with options, bound to parameters by whoever trains. */
import { CambiumError } from "../base/error.ts";
import { bare, nearest, unknownName } from "../base/text.ts";
import { zeroGrad } from "../module/parameter.ts";
import type { StateDict } from "../module/state.ts";
import { readState } from "../module/state.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import type { Rule } from "./rule.ts";
import { adagrad as adagradRule, adam as adamRule, descent, rmsprop as rmspropRule } from "./rules.ts";
import { restored, Stepper } from "./stepper.ts";

/** What every optimizer may be told. */
export interface OptimizerOptions {
  /** The size of the steps. */
  learningRate?: number;
  /** How much of each weight is taken away at each step, times the learning rate. */
  weightDecay?: number;
  /** The largest norm the gradient of each weight may have. */
  clipnorm?: number;
  /** The largest norm all gradients together may have. */
  globalClipnorm?: number;
  /** The largest size any number of a gradient may have. */
  clipvalue?: number;
}

/** An optimizer at work on the weights of one model. */
export interface Bound {
  zeroGrad(): void;
  step(): void;
  /** What it remembers of the steps so far, by name. */
  stateDict(): StateDict;
  loadStateDict(state: Readonly<StateDict>): void;
}

/** How weights are to be changed. The same optimizer may serve several models; each binding remembers its own steps. */
export class KerasOptimizer {
  readonly name: string;
  readonly #options: OptimizerOptions;
  readonly #rule: Rule;
  /** The size of the steps; may be changed at any time. */
  learningRate: number;

  constructor(name: string, options: OptimizerOptions, defaults: Readonly<Record<string, unknown>>, rule: Rule) {
    this.name = name;
    const known = [...Object.keys(defaults), "weightDecay", "clipnorm", "globalClipnorm", "clipvalue"];
    for (const [key, value] of Object.entries(options)) {
      const near = nearest(key, known);
      if (!known.includes(key))
        throw new CambiumError("name", `optimizers.${name}`, `there is no option "${key}"; there are ${known.join(", ")}`, near && `did you mean "${near}"?`);
      if (value !== undefined && typeof value !== "boolean" && (typeof value !== "number" || !(value >= 0)))
        throw new CambiumError("value", `optimizers.${name}`, `${key} is ${String(value)}; it is a number from 0`);
    }
    this.#options = options;
    this.#rule = rule;
    this.learningRate = options.learningRate ?? (defaults["learningRate"] as number);
  }

  /** Its options, with the learning rate of now: what a saved model keeps. */
  get config(): Record<string, unknown> {
    return { ...this.#options, learningRate: this.learningRate };
  }

  /** Puts the optimizer to work on parameters, named by their paths. */
  bind(named: Iterable<[path: string, parameter: Tensor]>): Bound {
    const entries = [...named];
    const names = entries.map(([path]) => path);
    const stepper = new Stepper(
      entries.map(([, parameter]) => parameter),
      this.#rule,
      { weightDecay: this.#options.weightDecay ?? 0, decoupled: true },
    );
    return {
      zeroGrad: () => zeroGrad(stepper.parameters),
      step: () => assignAll(stepper.changes(() => this.learningRate, this.#clipped(stepper.parameters.map(({ grad }) => grad)))),
      stateDict: () => readState(stepper.memory(names)),
      loadStateDict: (state) => assignAll(restored(`optimizers.${this.name}`, stepper.memory(names), state)),
    };
  }

  #clipped(gradients: (Tensor | undefined)[]): (Tensor | undefined)[] {
    const { clipnorm, globalClipnorm, clipvalue } = this.#options;
    const squares = (g: Tensor): Tensor => g.square().sum();
    const within = (g: Tensor, norm: Tensor, most: number): Tensor => g.mul(norm.maximum(most).reciprocal().mul(most));
    if (clipnorm !== undefined) return gradients.map((g) => g && within(g, squares(g).sqrt(), clipnorm));
    if (globalClipnorm !== undefined) {
      const given = gradients.filter((g) => g !== undefined);
      if (given.length === 0) return gradients;
      const norm = given
        .map(squares)
        .reduce((a, b) => a.add(b))
        .sqrt();
      return gradients.map((g) => g && within(g, norm, globalClipnorm));
    }
    if (clipvalue !== undefined) return gradients.map((g) => g?.clamp(-clipvalue, clipvalue));
    return gradients;
  }
}

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

export interface AdamOptions extends OptimizerOptions {
  /** How much of the mean gradient stays. Default 0.9. */
  beta1?: number;
  /** How much of the mean square stays. Default 0.999. */
  beta2?: number;
  /** Keeps the quotient finite. Default 1e-7. */
  epsilon?: number;
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

const makers = { adagrad, adam, adamw, rmsprop, sgd } as const;

/** The optimizers by name. */
export const optimizers: { adagrad: typeof adagrad; adam: typeof adam; adamw: typeof adamw; rmsprop: typeof rmsprop; sgd: typeof sgd } = makers;

/**
 * The optimizer a name stands for, with its defaults or the given options; optimizers pass through.
 * @throws a `name` error that names the nearest known optimizer
 */
export function get(given: string | KerasOptimizer, options?: object): KerasOptimizer {
  if (given instanceof KerasOptimizer) return given;
  if (typeof given !== "string")
    throw new CambiumError(
      "value",
      "optimizers",
      `expected a name or an optimizer, got ${given === null ? "null" : typeof given}`,
      "optimizers.adam({ learningRate: 1e-3 })",
    );
  const name = bare(given);
  if (!Object.hasOwn(makers, name)) throw unknownName("optimizers", "optimizer", given, Object.keys(makers));
  return makers[name as keyof typeof makers](options);
}
