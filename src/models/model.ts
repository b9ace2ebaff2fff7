import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import type { StateDict } from "../module/state.ts";
import type { Bound, KerasOptimizer } from "../optim/keras.ts";
import type { TensorLike } from "../tensor/create.ts";
import { setRandomState } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Trainee } from "../train/callback.ts";
import { type CompileOptions, resolve, type Resolved, type Training, written } from "../train/compile.ts";
import { type Data, toInputs } from "../train/feed.ts";
import type { History, Logs } from "../train/history.ts";
import type { BatchOptions, EvaluateOptions, FitOptions, PredictOptions } from "../train/options.ts";
import { Predictor } from "../train/predictor.ts";
import { Trainer } from "../train/trainer.ts";
import { type Savable, save, type Standing, toBytes } from "./save.ts";

/** A module that can be compiled, fitted, evaluated and saved. */
export abstract class Model extends Module implements Trainee, Savable {
  /** Set it, from a callback for instance, to end training after this batch. */
  stopTraining = false;
  abstract readonly className: string;
  abstract readonly name: string;
  #compiled: Resolved | undefined;
  /** The optimizer at work on this model's weights. */
  #bound: Bound | undefined;
  #trainer: Trainer | undefined;
  #predictor: Predictor | undefined;
  #epochs = 0;
  #resume: Standing | undefined;

  abstract override forward(x: Tensor): Tensor;

  /** Sizes of one sample, once they are known. */
  abstract get inputShape(): Shape | undefined;

  abstract get built(): boolean;
  abstract build(inputShape?: Shape): this;
  abstract getConfig(): object;
  abstract getWeights(): Tensor[];
  abstract setWeights(weights: readonly TensorLike[]): void;

  /** Whether inputs are whole numbers that are looked up. */
  get takesIndices(): boolean {
    return false;
  }

  /** What is added to the loss after a forward pass. */
  protected penalties(): readonly Tensor[] {
    return [];
  }

  /** To be called when parts were added or taken away: what was traced is of no use any more. */
  protected restructured(): void {
    this.#bound = undefined;
    this.#trainer = undefined;
    this.#predictor = undefined;
  }

  /**
   * Says how the model learns.
   * @throws a `name` error for an optimizer, loss or metric there is none of
   * @example
   * ```ts
   * model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
   * ```
   */
  compile(options: CompileOptions): void {
    this.compileAs(resolve(options));
  }

  /** Takes over how a saved model learnt. */
  compileAs(resolved: Resolved): void {
    this.#compiled = resolved;
    this.restructured();
  }

  /** The optimizer the model was compiled with. */
  get optimizer(): KerasOptimizer {
    return this.#expectCompiled("optimizer").optimizer;
  }

  /** The size of the optimizer's steps. */
  get learningRate(): number {
    return this.#expectCompiled("learningRate").optimizer.learningRate;
  }

  set learningRate(rate: number) {
    this.#expectCompiled("learningRate").optimizer.learningRate = rate;
  }

  /**
   * Trains on all samples, `epochs` times.
   * @shape x `[samples, ...inputShape]`, y `[samples]` or `[samples, ...]`
   * @throws a `state` error before `compile`, a `data` error for data that is empty, of unequal lengths, or not of numbers
   * @source Keras `Model.fit`: the loss of an epoch is the mean over its samples, penalties included; `validationSplit` takes the last part
   */
  async fit(x: Data, y: Data, options: FitOptions = {}): Promise<History> {
    const trainer = this.#ready("fit", x);
    if (this.#resume && (options.initialEpoch ?? 0) > 0) setRandomState(this.#resume.random);
    this.#resume = undefined;
    return trainer.fit(this, x, y, options);
  }

  /** Loss and metrics over all samples, in the order in which `compile` got them. */
  evaluate(x: Data, y: Data, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(x: Data, y: Data, options?: EvaluateOptions): Promise<number[]>;
  async evaluate(x: Data, y: Data, options: EvaluateOptions = {}): Promise<number[] | Logs> {
    return listed(await this.#ready("evaluate", x).evaluate(x, y, options), options.returnDict);
  }

  /** What the model makes of all samples, computed batch by batch. */
  async predict(x: Data, options: PredictOptions = {}): Promise<Tensor> {
    return this.#ask("predict", x, options);
  }

  /** What the model makes of one batch. */
  async predictOnBatch(x: Data): Promise<Tensor> {
    return this.#ask("predictOnBatch", x, { batchSize: Number.MAX_SAFE_INTEGER });
  }

  /** One step on one batch; loss and metrics of the batch, from before the step. */
  trainOnBatch(x: Data, y: Data, options: BatchOptions & { returnDict: true }): Promise<Logs>;
  trainOnBatch(x: Data, y: Data, options?: BatchOptions): Promise<number[]>;
  async trainOnBatch(x: Data, y: Data, options: BatchOptions = {}): Promise<number[] | Logs> {
    return listed(await this.#ready("trainOnBatch", x).trainOnBatch(x, y, options), options.returnDict);
  }

  /** Loss and metrics of one batch. */
  testOnBatch(x: Data, y: Data, options: BatchOptions & { returnDict: true }): Promise<Logs>;
  testOnBatch(x: Data, y: Data, options?: BatchOptions): Promise<number[]>;
  async testOnBatch(x: Data, y: Data, options: BatchOptions = {}): Promise<number[] | Logs> {
    return listed(await this.#ready("testOnBatch", x).testOnBatch(x, y, options), options.returnDict);
  }

  /**
   * Writes architecture, weights, and what resuming needs: the optimizer's state, the epoch, the random state.
   * A crash leaves what was there before.
   * @throws a `file` error where nothing can be written, a `value` error for parts that cannot be written down
   */
  save(path: string): Promise<void> {
    return save(this, path);
  }

  /** The model as the bytes of one file, for places without files. */
  toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return toBytes(this);
  }

  /** How many epochs the model was trained for. */
  get epochsTrained(): number {
    return this.#epochs;
  }

  /** How the model learns, as plain data; undefined before `compile`. */
  compileConfig(): Training | undefined {
    return this.#compiled && written(this.#compiled);
  }

  /** What the optimizer remembers of the steps so far, by name. */
  optimizerState(): StateDict {
    return this.#bound?.stateDict() ?? {};
  }

  /** Takes up where a saved run stood: a `fit` with `initialEpoch` goes on from there. */
  resumeFrom(standing: Standing, memory: Readonly<StateDict>): void {
    this.#resume = standing;
    this.#epochs = standing.epochs;
    if (Object.keys(memory).length > 0) this.#bind("resumeFrom").loadStateDict(memory);
  }

  #expectCompiled(what: string): Resolved {
    if (!this.#compiled)
      throw new CambiumError(
        "state",
        `${this.name}.${what}`,
        "the model is not compiled: it does not know how to learn yet",
        'model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] })',
      );
    return this.#compiled;
  }

  /** Makes the weights, if that was not possible before, for samples like those of `x`. */
  #buildFor(where: string, x: Data): void {
    if (!this.built) this.build(toInputs(where, x, undefined).shape.slice(1));
  }

  #bind(what: string): Bound {
    return (this.#bound ??= this.#expectCompiled(what).optimizer.bind([...this.namedParameters()].filter(([, parameter]) => parameter.requiresGrad)));
  }

  #ready(what: string, x: Data): Trainer {
    const { loss, metrics } = this.#expectCompiled(what);
    this.#buildFor(what, x);
    this.#trainer ??= new Trainer(
      { module: this, loss, metrics, optimizer: this.#bind(what), penalties: () => this.penalties() },
      { inputShape: () => this.inputShape, takesIndices: () => this.takesIndices, epochs: () => this.#epochs, epochDone: () => void this.#epochs++ },
    );
    return this.#trainer;
  }

  #ask(what: string, x: Data, options: PredictOptions): Promise<Tensor> {
    this.#buildFor(what, x);
    this.#predictor ??= new Predictor(this);
    return this.#predictor.predict(what, x, this.inputShape, options);
  }
}

const listed = (logs: Logs, named: boolean | undefined): number[] | Logs => (named ? logs : Object.values(logs));
