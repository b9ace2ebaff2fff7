import { CambiumError } from "../base/error.ts";
import { fromSamples, fromBatches, type Batches, isBatches, type Source } from "./source.ts";
import type { Trainee } from "./callback.ts";
import { type Data, inOrder, type Samples } from "./feed.ts";
import { split, test, train } from "./fit.ts";
import type { History, Logs } from "./history.ts";
import { Intake } from "./intake.ts";
import { type BatchOptions, type EvaluateOptions, expectKnown, type FitOptions, fitOptions, whole } from "./options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Programs } from "./programs.ts";
import type { Several } from "./structure.ts";
import type { Task } from "./task.ts";

/** What a trainer has to know about a model, and what it keeps there. */
export interface Trained {
  /** Data for the inputs, as the tensors that batches are gathered from. */
  read(where: string, x: Several<Data>): Tensor[];
  /** Whether inputs are whole numbers to be looked up, so that bytes are nothing to wonder about. */
  takesIndices(): boolean;
  /** Epochs the module was trained for so far. */
  epochs(): number;
  epochDone(): void;
}

/** Trains a module and examines it. */
export class Trainer {
  readonly #trained: Trained;
  readonly #programs: Programs;
  readonly #intake: Intake;

  constructor(task: Task, trained: Trained) {
    this.#trained = trained;
    this.#programs = new Programs(task);
    this.#intake = new Intake(
      task,
      (where, x) => trained.read(where, x),
      () => trained.takesIndices(),
    );
  }

  async fit(trainee: Trainee, x: Several<Data> | Batches, y: Several<Data> | undefined, options: FitOptions = {}): Promise<History> {
    expectKnown("fit", options, fitOptions);
    const { batchSize = 32, shuffle = true, stepsPerEpoch } = options;
    whole("fit", "batchSize", batchSize);
    if (stepsPerEpoch !== undefined) whole("fit", "stepsPerEpoch", stepsPerEpoch);
    const run = {
      programs: this.#programs,
      trainee,
      options,
      epochsBefore: this.#trained.epochs(),
      epochDone: () => this.#trained.epochDone(),
    };
    if (isBatches(x)) {
      const stray = ["validationSplit", "sampleWeight", "classWeight"].find((name) => options[name as "classWeight"] !== undefined);
      if (stray || y !== undefined)
        throw new CambiumError(
          "value",
          "fit",
          `${stray ?? "y"} does not go with data that yields batches`,
          "yield [x, y, sampleWeight] and give validationData",
        );
      return train({ ...run, learn: this.#batches("fit", x, stepsPerEpoch), examine: await this.#examination(options) });
    }
    const all = await this.#intake.samples("fit", x, y!, options);
    let learn = all;
    let examine = await this.#examination(options);
    if (!examine && options.validationSplit !== undefined && options.validationSplit !== 0) {
      const [first, rest] = split("fit", all, options.validationSplit);
      learn = first;
      // What classes count for is a matter of learning, not of the examination.
      const weight = options.classWeight === undefined ? rest.weight : await this.#intake.weights("fit", all.y, options.sampleWeight, undefined);
      examine = fromSamples({ ...rest, weight }, options.validationBatchSize ?? batchSize, false);
    }
    await this.#intake.hintAtScale(learn);
    return train({ ...run, learn: fromSamples(learn, batchSize, shuffle), examine });
  }

  /** The data that `validationData` names. */
  async #examination({ validationData, validationBatchSize, batchSize = 32, validationSteps }: FitOptions): Promise<Source | undefined> {
    if (validationData === undefined) return undefined;
    if (isBatches(validationData)) return this.#batches("fit validationData", validationData, validationSteps);
    if (!Array.isArray(validationData) || validationData.length < 2)
      throw new CambiumError("value", "fit", "validationData is no pair", "validationData: [x, y]");
    const [x, y, sampleWeight] = validationData as readonly [Several<Data>, Several<Data>, Several<Data>?];
    return fromSamples(await this.#intake.samples("fit validationData", x, y, { sampleWeight }), validationBatchSize ?? batchSize, false);
  }

  #batches(where: string, batches: Batches, steps: number | undefined): Source {
    return fromBatches(where, batches, steps, async ([x, y, sampleWeight]) => {
      const samples = await this.#intake.samples(where, x, y, { sampleWeight }, false);
      await this.#intake.hintAtScale(samples);
      return samples;
    });
  }

  async evaluate(x: Several<Data> | Batches, y: Several<Data> | undefined, { batchSize = 32, sampleWeight, steps }: EvaluateOptions = {}): Promise<Logs> {
    whole("evaluate", "batchSize", batchSize);
    const source = isBatches(x)
      ? this.#batches("evaluate", x, steps)
      : fromSamples(await this.#intake.samples("evaluate", x, y!, { sampleWeight }), batchSize, false);
    return test(this.#programs, source, { steps });
  }

  async trainOnBatch(x: Several<Data>, y: Several<Data>, { sampleWeight, classWeight }: BatchOptions = {}): Promise<Logs> {
    const samples = await this.#intake.samples("trainOnBatch", x, y, { sampleWeight, classWeight }, false);
    await this.#intake.hintAtScale(samples);
    const programs = this.#programs;
    programs.beginTraining();
    programs.train(samples, all(samples));
    return programs.trained();
  }

  async testOnBatch(x: Several<Data>, y: Several<Data>, { sampleWeight }: BatchOptions = {}): Promise<Logs> {
    const samples = await this.#intake.samples("testOnBatch", x, y, { sampleWeight }, false);
    const programs = this.#programs;
    programs.beginTesting();
    programs.test(samples, all(samples));
    return programs.tested();
  }
}

const all = ({ count }: Samples): Int32Array => inOrder(0, count);
