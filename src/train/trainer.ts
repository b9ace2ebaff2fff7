import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { placeholder } from "../graph/node.ts";
import type { LossFunction } from "../losses/function.ts";
import { checkLabels, checkNumbers } from "../losses/labels.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Trainee } from "./callback.ts";
import { type Data, expectEqualLengths, expectNumbers, inOrder, largestByte, type Samples, toInputs, toRows, weightsOf } from "./feed.ts";
import { split, test, train } from "./fit.ts";
import type { History, Logs } from "./history.ts";
import { type BatchOptions, type EvaluateOptions, expectKnown, type FitOptions, fitOptions } from "./options.ts";
import { inMode, Programs } from "./programs.ts";
import type { Task } from "./task.ts";

/** What a trainer has to know about a model, and what it keeps there. */
export interface Trained {
  /** Sizes of one input, where they are known. */
  inputShape(): Shape | undefined;
  /** Whether inputs are whole numbers to be looked up, so that bytes are nothing to wonder about. */
  takesIndices(): boolean;
  /** Epochs the module was trained for so far. */
  epochs(): number;
  epochDone(): void;
}

/** Trains a module and examines it. */
export class Trainer {
  readonly #task: Task;
  readonly #trained: Trained;
  readonly #programs: Programs;
  #hinted = false;
  /** The kinds of batch that loss and model were tried on. */
  readonly #tried: Map<string, Shape> = new Map();

  constructor(task: Task, trained: Trained) {
    this.#task = task;
    this.#trained = trained;
    this.#programs = new Programs(task);
  }

  async fit(trainee: Trainee, x: Data, y: Data, options: FitOptions = {}): Promise<History> {
    expectKnown("fit", options, fitOptions);
    const all = await this.#samples("fit", x, y, options);
    const { validationData, validationSplit } = options;
    let [learn, examine]: [Samples, Samples | undefined] = [all, undefined];
    if (validationData !== undefined) {
      if (!Array.isArray(validationData) || validationData.length < 2)
        throw new CambiumError("value", "fit", "validationData is no pair", "validationData: [x, y]");
      examine = await this.#samples("fit validationData", validationData[0], validationData[1], { sampleWeight: validationData[2] });
    } else if (validationSplit !== undefined && validationSplit !== 0) {
      [learn, examine] = split("fit", all, validationSplit);
      // What classes count for is a matter of learning, not of the examination.
      if (options.classWeight !== undefined) examine = { ...examine, weight: await weightsOf("fit", all.y!, options.sampleWeight, undefined) };
    }
    await this.#hintAtScale(learn);
    return train({
      programs: this.#programs,
      trainee,
      learn,
      examine,
      options,
      epochsBefore: this.#trained.epochs(),
      epochDone: () => this.#trained.epochDone(),
    });
  }

  async evaluate(x: Data, y: Data, { batchSize = 32, sampleWeight, steps = Infinity }: EvaluateOptions = {}): Promise<Logs> {
    return test(this.#programs, await this.#samples("evaluate", x, y, { sampleWeight }), batchSize, steps);
  }

  async trainOnBatch(x: Data, y: Data, { sampleWeight, classWeight }: BatchOptions = {}): Promise<Logs> {
    const samples = await this.#samples("trainOnBatch", x, y, { sampleWeight, classWeight }, false);
    await this.#hintAtScale(samples);
    const programs = this.#programs;
    programs.beginTraining();
    programs.train(samples, inOrder(0, samples.count));
    return programs.trained();
  }

  async testOnBatch(x: Data, y: Data, { sampleWeight }: BatchOptions = {}): Promise<Logs> {
    const samples = await this.#samples("testOnBatch", x, y, { sampleWeight }, false);
    const programs = this.#programs;
    programs.beginTesting();
    programs.test(samples, inOrder(0, samples.count));
    return programs.tested();
  }

  /** Data made ready and looked through; single batches without a look at every input, which would cost as much as the step. */
  async #samples(where: string, x: Data, y: Data, { sampleWeight, classWeight }: BatchOptions, thorough = true): Promise<Samples> {
    if (y === undefined || y === null) throw new CambiumError("data", where, "y, the labels, is missing", `model.${where.split(" ")[0]}(x, y)`);
    const inputs = toInputs(where, x, this.#trained.inputShape());
    const labels = toRows(where, "y", y);
    expectEqualLengths(where, { name: "x", of: inputs }, { name: "y", of: labels });
    if (thorough) await expectNumbers(where, "x", inputs);
    const output = this.#try(where, inputs, labels);
    const data = await labels.data();
    if ((this.#task.loss as Partial<LossFunction>).labels === "classes") checkLabels(data, output.at(-1)!, where);
    else checkNumbers(data, where);
    return { x: inputs, y: labels, weight: await weightsOf(where, labels, sampleWeight, classWeight), from: 0, count: inputs.shape[0]! };
  }

  /** Tries model and loss on stand-ins for the samples, so that what does not fit is said here, and returns the shape of the prediction. */
  #try(where: string, x: Tensor, y: Tensor): Shape {
    const kind = `${x.dtype} ${show(x.shape.slice(1))} ${y.dtype} ${show(y.shape.slice(1))}`;
    const known = this.#tried.get(kind);
    if (known) return known;
    const { loss, module } = this.#task;
    // At least two, so that a batch axis lost on the way shows; a stand-in costs nothing, however many there are.
    const rows = Math.max(2, x.shape[0]!);
    const sample = new Tensor(placeholder([rows, ...x.shape.slice(1)], x.dtype === "int32" ? "int32" : "float32"));
    const prediction = inMode(module, false, () => module.forward(sample) as Tensor);
    if (prediction.shape[0] !== rows)
      throw new CambiumError(
        "shape",
        where,
        `the model makes ${show(prediction.shape)} of a batch of ${show(sample.shape)}; the first axis, the samples, must stay`,
      );
    loss(new Tensor(placeholder([rows, ...y.shape.slice(1)], y.dtype)), prediction);
    this.#tried.set(kind, prediction.shape);
    return prediction.shape;
  }

  /** Says once that bytes were given where small numbers work better. */
  async #hintAtScale({ x }: Samples): Promise<void> {
    if (this.#hinted || this.#trained.takesIndices() || x.rank < 2 || x.size / x.shape[0]! < 16) return;
    this.#hinted = true;
    const largest = await largestByte(x);
    if (largest === undefined || largest < 64) return;
    console.warn(`fit: x holds bytes, 0 to ${largest}; networks learn faster from small numbers\n  hint: divide them by 255: x.div(255)`);
  }
}
