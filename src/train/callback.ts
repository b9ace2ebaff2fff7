import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Logs } from "./history.ts";

/** What callbacks may do with the model that is being trained. */
export interface Trainee {
  /** Set it to end training after this batch. */
  stopTraining: boolean;
  /** The size of the optimizer's steps. */
  learningRate: number;
  getWeights(): Tensor[];
  setWeights(weights: readonly Tensor[]): void;
  save(path: string): Promise<void>;
  /** Takes up where the run stood that was saved at `path`, if there is such a file: `fit` leaves out the epochs that are done. */
  restore(path: string): Promise<void>;
  /** Writes the weights alone. */
  saveWeights(path: string): Promise<void>;
  /** Puts the weights' running means, which an optimizer with `useEma` keeps, in their place, and them in the means'; on the `last` time the means stay too. */
  swapAverages(last: boolean): void;
  /** How many epochs the model was trained for. */
  readonly epochsTrained: number;
}

/** What `fit` was asked to do. */
export interface Plan {
  readonly epochs: number;
  /** Batches an epoch, and samples; undefined where data comes as it comes. */
  readonly steps: number | undefined;
  readonly samples: number | undefined;
  readonly verbose: 0 | 1 | 2;
}

/** How far training is, when it rests. */
export interface Rest {
  readonly epoch: number;
  /** Batches of the epoch that are done and to do; undefined: nobody knows how many. */
  readonly done: number;
  readonly steps: number | undefined;
  /** Since the epoch began. @unit s */
  readonly seconds: number;
  /** Samples a second, learning only. */
  readonly speed: number;
  /** Whether the epoch is over and the model is being examined. */
  readonly examining: boolean;
  /** The means of the epoch so far; reading them costs as much as a batch hook does. */
  logs(): Promise<Logs>;
}

type Told = void | Promise<void>;

/**
 * Something that is told how training goes. All of it is optional; what returns a promise is waited for.
 * Batch hooks cost a read of the running loss a batch, epoch hooks nothing.
 */
export interface Hooks {
  onTrainBegin?(): Told;
  onTrainEnd?(logs: Logs): Told;
  onEpochBegin?(epoch: number, logs: Logs): Told;
  /** What it writes into `logs` stands in the history too. */
  onEpochEnd?(epoch: number, logs: Logs): Told;
  /** Before and after the model is examined at the end of an epoch. */
  onTestBegin?(): Told;
  onTestEnd?(logs: Logs): Told;
  onBatchBegin?(batch: number, logs: Logs): Told;
  /** `logs` has the means of the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs): Told;
  /**
   * Between two batches, every 12 ms or, where one takes longer, after each: the rest of the program has had its turn. Costs nothing by itself, so it is the place
   * to show progress from, and, by a promise that is waited for, to hold training.
   */
  onRest?(rest: Rest): Told;
}

/** A base for callbacks that need the model. */
export abstract class Callback implements Hooks {
  #model: Trainee | undefined;
  #plan: Plan | undefined;

  onTrainBegin?(): Told;
  onTrainEnd?(logs: Logs): Told;
  onEpochBegin?(epoch: number, logs: Logs): Told;
  onEpochEnd?(epoch: number, logs: Logs): Told;
  onTestBegin?(): Told;
  onTestEnd?(logs: Logs): Told;
  onBatchBegin?(batch: number, logs: Logs): Told;
  onBatchEnd?(batch: number, logs: Logs): Told;
  onRest?(rest: Rest): Told;

  /** Called by `fit` before anything else. */
  attach(model: Trainee, plan: Plan): void {
    this.#model = model;
    this.#plan = plan;
  }

  /** The model being trained. */
  get model(): Trainee {
    return this.#model ?? this.#early("model");
  }

  /** What `fit` was asked to do. */
  get plan(): Plan {
    return this.#plan ?? this.#early("plan");
  }

  #early(what: string): never {
    throw new CambiumError(
      "state",
      `${this.constructor.name}.${what}`,
      "is not known before training begins",
      "pass the callback to fit: { callbacks: [callback] }",
    );
  }
}

/** Several callbacks as one. */
export class Callbacks {
  readonly #all: readonly Hooks[];
  /** Whether anybody wants to know about every batch. */
  readonly batches: boolean;

  constructor(all: readonly Hooks[], model: Trainee, plan: Plan) {
    for (const one of all)
      if (typeof one !== "object" || one === null)
        throw new CambiumError(
          "value",
          "fit",
          `callbacks holds ${typeof one === "function" ? `the class ${(one as { name: string }).name}` : String(one)}, which is no callback`,
          typeof one === "function" ? "make one: new ...(), or call it" : undefined,
        );
    this.#all = all;
    this.batches = all.some((one) => one.onBatchBegin || one.onBatchEnd);
    for (const one of all) if (one instanceof Callback) one.attach(model, plan);
  }

  async trainBegin(): Promise<void> {
    for (const one of this.#all) await one.onTrainBegin?.();
  }

  async trainEnd(logs: Logs): Promise<void> {
    for (const one of this.#all) await one.onTrainEnd?.(logs);
  }

  async epochBegin(epoch: number): Promise<void> {
    for (const one of this.#all) await one.onEpochBegin?.(epoch, {});
  }

  async epochEnd(epoch: number, logs: Logs): Promise<void> {
    for (const one of this.#all) await one.onEpochEnd?.(epoch, logs);
  }

  async testBegin(): Promise<void> {
    for (const one of this.#all) await one.onTestBegin?.();
  }

  async testEnd(logs: Logs): Promise<void> {
    for (const one of this.#all) await one.onTestEnd?.(logs);
  }

  async batchBegin(batch: number): Promise<void> {
    for (const one of this.#all) await one.onBatchBegin?.(batch, {});
  }

  async rest(rest: Rest): Promise<void> {
    for (const one of this.#all) await one.onRest?.(rest);
  }

  async batchEnd(batch: number, logs: Logs): Promise<void> {
    for (const one of this.#all) await one.onBatchEnd?.(batch, logs);
  }
}
