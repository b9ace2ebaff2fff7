/** Keras' learning rate schedules: rates as functions of the number of steps, part of the program that takes the steps. */
import { CambiumError } from "../../base/error.ts";
import { unknownName } from "../../base/text.ts";
import { tensor } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** A learning rate that goes by the number of steps. Called with a number it gives the rate of that step, counted from 0. */
export interface RateSchedule {
  (step: number): number;
  /** The rate as a tensor, after a number of steps that is one too. */
  readonly at: (steps: Tensor) => Tensor;
  /** Its name in cambium's spelling, and its options: what a saved model keeps. */
  readonly config: { readonly schedule: string; readonly options: object };
}

const schedule = (name: string, options: object, at: (steps: Tensor) => Tensor): RateSchedule =>
  Object.assign(
    Object.defineProperty((step: number) => at(tensor(step)).item(), "name", { value: name }),
    { at, config: { schedule: name, options } },
  );

/** Fails unless `options` has numbers under `names`; steps must be above 0. */
function expectNumbers(where: string, options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name];
    if (typeof value !== "number" || Number.isNaN(value) || (/Steps$/.test(name) && !(value > 0)))
      throw new CambiumError("value", `schedules.${where}`, `${name} is ${String(value)}; it is a number${/Steps$/.test(name) ? " above 0" : ""}`);
  }
}

export interface DecayOptions {
  initialLearningRate: number;
  /** In how many steps the rate falls by `decayRate`. */
  decaySteps: number;
  decayRate: number;
  /** Whether the rate falls at every `decaySteps` steps instead of at each. Default `false`. */
  staircase?: boolean;
}

const progress = (steps: Tensor, { decaySteps, staircase = false }: DecayOptions): Tensor => {
  const p = steps.div(decaySteps);
  return staircase ? p.floor() : p;
};

/** `initialLearningRate · decayRate^(steps / decaySteps)` @source Keras `ExponentialDecay` */
export function exponentialDecay(options: DecayOptions): RateSchedule {
  expectNumbers("exponentialDecay", options, ["initialLearningRate", "decaySteps", "decayRate"]);
  const rate = tensor(options.decayRate);
  return schedule("exponentialDecay", options, (steps) => rate.pow(progress(steps, options)).mul(options.initialLearningRate));
}

/** `initialLearningRate / (1 + decayRate · steps / decaySteps)` @source Keras `InverseTimeDecay` */
export function inverseTimeDecay(options: DecayOptions): RateSchedule {
  expectNumbers("inverseTimeDecay", options, ["initialLearningRate", "decaySteps", "decayRate"]);
  return schedule("inverseTimeDecay", options, (steps) => progress(steps, options).mul(options.decayRate).add(1).reciprocal().mul(options.initialLearningRate));
}

export interface PiecewiseConstantOptions {
  /** The last step of each value but the last. */
  boundaries: readonly number[];
  /** One more than boundaries. */
  values: readonly number[];
}

/** One rate up to a boundary, then another. @source Keras `PiecewiseConstantDecay` */
export function piecewiseConstantDecay(options: PiecewiseConstantOptions): RateSchedule {
  const { boundaries, values } = options;
  if (!Array.isArray(boundaries) || !Array.isArray(values) || values.length !== boundaries.length + 1)
    throw new CambiumError(
      "value",
      "schedules.piecewiseConstantDecay",
      `there are ${values?.length} values for ${boundaries?.length} boundaries`,
      "values are one more than boundaries",
    );
  return schedule(
    "piecewiseConstantDecay",
    options,
    (steps) => boundaries.reduceRight((later: Tensor | number, boundary, i) => steps.lessEqual(boundary).where(values[i]!, later), values.at(-1)!) as Tensor,
  );
}

export interface PolynomialDecayOptions {
  initialLearningRate: number;
  decaySteps: number;
  /** Default 1e-4. */
  endLearningRate?: number;
  /** Default 1: a straight line. */
  power?: number;
  /** Whether the rate starts anew, over ever longer ways, instead of staying at its end. Default `false`. */
  cycle?: boolean;
}

/** Down to `endLearningRate` along a power. @source Keras `PolynomialDecay` */
export function polynomialDecay(options: PolynomialDecayOptions): RateSchedule {
  expectNumbers("polynomialDecay", options, ["initialLearningRate", "decaySteps"]);
  const { initialLearningRate, decaySteps, endLearningRate = 1e-4, power = 1, cycle = false } = options;
  return schedule("polynomialDecay", options, (steps) => {
    const p = cycle ? steps.div(steps.div(decaySteps).ceil().maximum(1).mul(decaySteps)) : steps.minimum(decaySteps).div(decaySteps);
    const left = p.neg().add(1);
    return (power === 1 ? left : left.pow(power)).mul(initialLearningRate - endLearningRate).add(endLearningRate);
  });
}

export interface CosineDecayOptions {
  initialLearningRate: number;
  decaySteps: number;
  /** The share of the rate that stays in the end. Default 0. */
  alpha?: number;
  /** What the rate rises to first, in a straight line. Default: it does not. */
  warmupTarget?: number;
  /** In how many steps. Default 0. */
  warmupSteps?: number;
}

const wave = (p: Tensor): Tensor => p.mul(Math.PI).cos().add(1).mul(0.5);

/** Down along a cosine, after a rise if wanted. @source Keras `CosineDecay`; Loshchilov and Hutter, "SGDR" (2017) */
export function cosineDecay(options: CosineDecayOptions): RateSchedule {
  expectNumbers("cosineDecay", options, ["initialLearningRate", "decaySteps"]);
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = options;
  const fall = (steps: Tensor, from: number): Tensor =>
    wave(steps.minimum(decaySteps).div(decaySteps))
      .mul(1 - alpha)
      .add(alpha)
      .mul(from);
  return schedule("cosineDecay", options, (steps) => {
    if (warmupTarget === undefined || warmupTarget === null) return fall(steps, initialLearningRate);
    if (warmupSteps === 0) return fall(steps, warmupTarget);
    const rise = steps
      .div(warmupSteps)
      .mul(warmupTarget - initialLearningRate)
      .add(initialLearningRate);
    return steps.less(warmupSteps).where(rise, fall(steps.sub(warmupSteps), warmupTarget));
  });
}

export interface CosineDecayRestartsOptions {
  initialLearningRate: number;
  firstDecaySteps: number;
  /** How many times as long each way is as the one before. Default 2. */
  tMul?: number;
  /** How many times as high each start is as the one before. Default 1. */
  mMul?: number;
  /** The share of the rate that stays in the end. Default 0. */
  alpha?: number;
}

/** Down along a cosine, again and again. @source Keras `CosineDecayRestarts`; Loshchilov and Hutter, "SGDR" (2017) */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): RateSchedule {
  expectNumbers("cosineDecayRestarts", options, ["initialLearningRate", "firstDecaySteps"]);
  const { initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options;
  return schedule("cosineDecayRestarts", options, (steps) => {
    const done = steps.div(firstDecaySteps);
    let ways: Tensor;
    let left: Tensor;
    if (tMul === 1) {
      ways = done.floor();
      left = done.sub(ways);
    } else {
      ways = done
        .mul(tMul - 1)
        .add(1)
        .log()
        .div(Math.log(tMul))
        .floor();
      const length = ways.mul(Math.log(tMul)).exp();
      left = done.sub(length.sub(1).div(tMul - 1)).div(length);
    }
    const height = mMul === 1 ? wave(left) : wave(left).mul(ways.mul(Math.log(mMul)).exp());
    return height
      .mul(1 - alpha)
      .add(alpha)
      .mul(initialLearningRate);
  });
}

/** The schedules by name. */
export const schedules: {
  cosineDecay: typeof cosineDecay;
  cosineDecayRestarts: typeof cosineDecayRestarts;
  exponentialDecay: typeof exponentialDecay;
  inverseTimeDecay: typeof inverseTimeDecay;
  piecewiseConstantDecay: typeof piecewiseConstantDecay;
  polynomialDecay: typeof polynomialDecay;
} = { cosineDecay, cosineDecayRestarts, exponentialDecay, inverseTimeDecay, piecewiseConstantDecay, polynomialDecay };

/** A learning rate given as a number, a schedule, or what a saved model kept of one. */
export type LearningRate = number | RateSchedule | RateSchedule["config"];

/** The schedule that is meant, if one is. */
export function scheduleOf(where: string, given: LearningRate): RateSchedule | undefined {
  if (typeof given === "function" && "at" in given) return given;
  if (typeof given !== "object" || given === null) return undefined;
  const { schedule: name, options } = given;
  if (!Object.hasOwn(schedules, name)) throw unknownName(where, "schedule", String(name), Object.keys(schedules));
  return schedules[name as keyof typeof schedules](options as never);
}
