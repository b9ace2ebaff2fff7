import { CambiumError } from "../../base/error.ts";
import { nearest } from "../../base/text.ts";
import { zeroGrad } from "../../module/parameter.ts";
import type { StateDict } from "../../module/state.ts";
import { readState } from "../../module/state.ts";
import { assignAll, type Tensor } from "../../tensor/tensor.ts";
import { currentTrace } from "../../tensor/trace.ts";
import { Average } from "../average.ts";
import type { Rule } from "../rule.ts";
import { type Plan, restored, Stepper } from "../stepper.ts";
import { Gathering } from "./gathering.ts";
import type { Scaling } from "./scaling.ts";
import { type LearningRate, type RateSchedule, scheduleOf } from "./schedules.ts";

/** What every optimizer may be told. */
export interface OptimizerOptions {
  /** The size of the steps: a number, or a schedule. */
  learningRate?: LearningRate;
  /** How much of each weight is taken away at each step, times the learning rate. */
  weightDecay?: number;
  /** Patterns of the paths of weights of which nothing is taken away, as `["bias", "gamma"]`. */
  excludeFromWeightDecay?: readonly string[];
  /** The largest norm the gradient of each weight may have. */
  clipnorm?: number;
  /** The largest norm all gradients together may have. */
  globalClipnorm?: number;
  /** The largest size any number of a gradient may have. */
  clipvalue?: number;
  /** Whether running means of the weights are kept, which the weights become at the end of `fit`. Default `false`. */
  useEma?: boolean;
  /** How much of the running means stays at each step. Default 0.99. */
  emaMomentum?: number;
  /** After how many steps the weights take over their running means, again and again. Default: never. */
  emaOverwriteFrequency?: number;
  /** How many batches make one update, by the mean of their gradients. Default 1. */
  gradientAccumulationSteps?: number;
  /** What the loss is multiplied by, and its gradients divided by again: keeps small gradients above the smallest float16. */
  lossScaleFactor?: number;
}

/** An optimizer at work on the weights of one model. */
export interface Bound {
  zeroGrad(): void;
  /** Goes on by one batch: updates the weights, or only adds up gradients until it is time to. */
  step(): void;
  /** Whether the next batch ends in an update. */
  readonly due: boolean;
  /** The update. */
  update(): void;
  /** What is done after a batch without one. */
  gather(): void;
  /** To be called after each batch that did not go through `step`. */
  advance(): void;
  /** The loss as `backward` should get it. */
  scaled(loss: Tensor): Tensor;
  /** To be called when training ends: the weights take over their running means, where any are kept. */
  finish(): void;
  /** Puts the weights' running means in their place, and them in the means'; on the `last` time the means stay too. */
  swapAverages(last: boolean): void;
  /** What it remembers of the steps so far, by name. */
  stateDict(): StateDict;
  loadStateDict(state: Readonly<StateDict>): void;
}

/** The options that every optimizer knows, beside its own. */
const common = [
  "weightDecay",
  "excludeFromWeightDecay",
  "clipnorm",
  "globalClipnorm",
  "clipvalue",
  "useEma",
  "emaMomentum",
  "emaOverwriteFrequency",
  "gradientAccumulationSteps",
  "lossScaleFactor",
];

/** How weights are to be changed. The same optimizer may serve several models; each binding remembers its own steps. */
export class KerasOptimizer {
  readonly name: string;
  readonly #options: OptimizerOptions;
  /** How each parameter is changed. */
  readonly rule: Rule | ((path: string, parameter: Tensor) => Plan);
  readonly #schedule: RateSchedule | undefined;
  #rate: number;
  /** Steps taken by whoever was bound last: where a schedule is. */
  #steps: Tensor | undefined;

  /** `signed`: options that may be below 0. */
  constructor(
    name: string,
    options: OptimizerOptions,
    defaults: Readonly<Record<string, unknown>>,
    rule: Rule | ((path: string, parameter: Tensor) => Plan),
    signed: readonly string[] = [],
  ) {
    this.name = name;
    const where = `optimizers.${name}`;
    const known = [...Object.keys(defaults), ...common];
    this.#schedule = options.learningRate === undefined ? undefined : scheduleOf(where, options.learningRate);
    for (const [key, value] of Object.entries(options)) {
      const near = nearest(key, known);
      if (!known.includes(key))
        throw new CambiumError("name", where, `there is no option "${key}"; there are ${known.join(", ")}`, near && `did you mean "${near}"?`);
      if (key === "excludeFromWeightDecay" && value !== undefined) {
        if (!Array.isArray(value) || !value.every((one) => typeof one === "string"))
          throw new CambiumError("value", where, `excludeFromWeightDecay is ${JSON.stringify(value)}; it is a list of patterns`, '["bias"]');
        continue;
      }
      if (value === undefined || signed.includes(key) || typeof value === "boolean" || (key === "learningRate" && this.#schedule)) continue;
      if (typeof value !== "number" || !(value >= 0)) throw new CambiumError("value", where, `${key} is ${String(value)}; it is a number from 0`);
    }
    if (options.emaOverwriteFrequency !== undefined && !(Number.isInteger(options.emaOverwriteFrequency) && options.emaOverwriteFrequency > 0))
      throw new CambiumError("value", where, `emaOverwriteFrequency is ${options.emaOverwriteFrequency}; it is a whole number from 1`);
    const every = options.gradientAccumulationSteps ?? 1;
    if (!(Number.isInteger(every) && every > 0)) throw new CambiumError("value", where, `gradientAccumulationSteps is ${every}; it is a whole number from 1`);
    if (every > 1 && options.emaOverwriteFrequency !== undefined)
      throw new CambiumError("value", where, "emaOverwriteFrequency and gradientAccumulationSteps are both given; weights cannot be taken over amid an update");
    this.#options = options;
    this.rule = rule;
    this.#rate = this.#schedule ? 0 : ((options.learningRate as number | undefined) ?? (defaults["learningRate"] as number));
  }

  /** The size of the steps: the next one's, where there is a schedule. */
  get learningRate(): number {
    return this.#schedule ? this.#schedule((this.#steps?.item() ?? 0) * (this.#options.gradientAccumulationSteps ?? 1)) : this.#rate;
  }

  /** @throws a `state` error where a schedule says what it is */
  set learningRate(rate: number) {
    if (this.#schedule)
      throw new CambiumError(
        "state",
        `optimizers.${this.name}`,
        `the learning rate goes by the schedule "${this.#schedule.name}" and cannot be set to ${rate}`,
        "make the optimizer with a number to set it yourself",
      );
    this.#rate = rate;
  }

  /** Its options, with the learning rate of now, or the schedule: what a saved model keeps. */
  get config(): Record<string, unknown> {
    return { ...this.#options, learningRate: this.#schedule?.config ?? this.#rate };
  }

  /** Puts the optimizer to work on parameters, named by their paths; `scaling`: what the loss is multiplied by, where that changes. */
  bind(named: Iterable<[path: string, parameter: Tensor]>, scaling?: Scaling): Bound {
    const entries = [...named];
    const names = entries.map(([path]) => path);
    const { weightDecay = 0, useEma = false, emaMomentum = 0.99, emaOverwriteFrequency, lossScaleFactor, gradientAccumulationSteps: every = 1 } = this.#options;
    const { rule } = this;
    const plan: Plan | ((parameter: Tensor, place: number) => Plan) =
      typeof rule === "function" ? (parameter, i) => rule(names[i]!, parameter) : { rule, settings: { weightDecay, decoupled: true } };
    const patterns = (this.#options.excludeFromWeightDecay ?? []).map((pattern) => new RegExp(pattern));
    const kept = (path: string): boolean => patterns.some((pattern) => pattern.test(path));
    const stepper = new Stepper(
      entries.map(([, parameter]) => parameter),
      (parameter, i) => {
        const own = typeof plan === "function" ? plan(parameter, i) : plan;
        return kept(names[i]!) ? { ...own, settings: { ...own.settings, weightDecay: 0 } } : own;
      },
    );
    const average = useEma ? new Average(stepper.parameters, emaMomentum, emaOverwriteFrequency, every) : undefined;
    const gathering = every > 1 ? new Gathering(stepper.parameters, every) : undefined;
    const schedule = this.#schedule;
    // A schedule goes by batches, of which an update has several.
    const rate =
      schedule && every > 1 ? { at: (steps: Tensor): Tensor => schedule.at(steps.mul(every).add(every - 1)) } : (schedule ?? ((): number => this.#rate));
    const counts = this.#schedule !== undefined || stepper.counts;
    if (this.#schedule) this.#steps = stepper.count;
    const memory = (): [string, Tensor][] => [
      ...stepper.memory(names, counts),
      ...(average?.memory(names) ?? []),
      ...(gathering?.memory(names) ?? []),
      ...(scaling?.memory() ?? []),
    ];
    const update = (): void => {
      const given = gathering?.means() ?? stepper.parameters.map(({ grad }) => grad);
      const gradients = scaling?.unscaled(given) ?? given.map((grad) => (grad && lossScaleFactor !== undefined ? grad.div(lossScaleFactor) : grad));
      const changes = stepper.changes(rate, this.#clipped(gradients));
      const all = [...(average ? average.after(changes) : changes), ...(gathering?.emptied() ?? [])];
      assignAll(scaling?.guarded(all, given) ?? all);
    };
    const gather = (): void => {
      const still = average?.after(stepper.parameters.map((parameter) => [parameter, parameter])).filter(([tensor, next]) => tensor !== next);
      assignAll([...gathering!.added(), ...(still ?? [])]);
    };
    return {
      zeroGrad: () => zeroGrad(stepper.parameters),
      get due() {
        return gathering?.due ?? true;
      },
      update,
      gather,
      advance: () => gathering?.advance(),
      step: () => {
        if (gathering && currentTrace())
          throw new CambiumError(
            "state",
            `optimizers.${this.name}`,
            "gradients of several batches cannot be counted in a compiled function",
            "step outside of it",
          );
        if (gathering?.due ?? true) update();
        else gather();
        gathering?.advance();
      },
      scaled: (loss) => scaling?.scaled(loss) ?? (lossScaleFactor === undefined ? loss : loss.mul(lossScaleFactor)),
      finish: () => average && assignAll(average.taken()),
      swapAverages: (last) => {
        if (!average)
          throw new CambiumError("state", `optimizers.${this.name}`, "keeps no running means of the weights to swap with", "make it with useEma: true");
        assignAll(average.swapped(last));
      },
      stateDict: () => {
        gathering?.write();
        return readState(memory());
      },
      loadStateDict: (state) => {
        assignAll(restored(`optimizers.${this.name}`, memory(), state));
        gathering?.read();
      },
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
