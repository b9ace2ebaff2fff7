import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { placeholder } from "../graph/node.ts";
import { Layer, nextName, takeWeights } from "../layers/layer.ts";
import { applied, type CallOptions, type Part, type SymbolicTensor } from "../layers/symbolic.ts";
import { Module } from "../module/module.ts";
import type { StateDict } from "../module/state.ts";
import type { Bound, KerasOptimizer } from "../optim/keras/optimizer.ts";
import type { TensorLike } from "../tensor/create.ts";
import { setRandomState } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { traced } from "../tensor/trace.ts";
import type { Trainee } from "../train/callback.ts";
import { type CompileOptions, resolve, type Resolved, type Training, written } from "../train/compile.ts";
import { type Data, toInputs } from "../train/feed.ts";
import type { History, Logs } from "../train/history.ts";
import { type Entrance, toEntrances } from "../train/intake.ts";
import type { BatchOptions, EvaluateOptions, FitOptions, PredictOptions } from "../train/options.ts";
import { Predictor } from "../train/predictor.ts";
import { inMode } from "../train/programs.ts";
import { type Batches, isBatches, firstInputs } from "../train/source.ts";
import { listOf, namesOf, type Results, type Several } from "../train/structure.ts";
import { Trainer } from "../train/trainer.ts";
import { nameOf, rowOf, type SummaryOptions, table } from "./summary.ts";
import { readWeights, type Savable, save, saveWeights, type Standing, toBytes, readIfThere, statesOf } from "./save.ts";

/**
 * A module that can be compiled, fitted, evaluated and saved. Write one of your own by saying what it is made of, and what becomes of a batch.
 * @example
 * ```ts
 * class Classifier extends Model {
 *   hidden = layers.dense(128, { activation: "relu" });
 *   output = layers.dense(10, { activation: "softmax" });
 *   forward(x: Tensor): Tensor {
 *     return this.output.forward(this.hidden.forward(x));
 *   }
 * }
 * ```
 */
export abstract class Model extends Module implements Trainee, Savable, Part {
  /** Set it, from a callback for instance, to end training after this batch. */
  stopTraining = false;
  readonly name: string;
  #compiled: Resolved | undefined;
  /** The optimizer at work on this model's weights. */
  #bound: Bound | undefined;
  #trainer: Trainer | undefined;
  #predictor: Predictor | undefined;
  #epochs = 0;
  #resume: Standing | undefined;
  #shapes: readonly Shape[] | undefined;
  #results: readonly string[] | undefined;

  constructor({ name }: { name?: string } = {}) {
    super();
    this.name = name ?? nextName(new.target.name);
  }

  /** What becomes of a batch, or of one batch for each input; several results as a list or a record. */
  abstract override forward(...inputs: any[]): any;

  /** The kind of model, as it is written down. */
  get className(): string {
    return this.constructor.name;
  }

  /** Sizes of one sample, once they are known; of the first, where there are several inputs. */
  get inputShape(): Shape | undefined {
    return this.#shapes?.[0];
  }

  /** The inputs, by name, and what is known of their sizes. */
  get entrances(): readonly Entrance[] {
    return this.#shapes?.map((shape, i) => ({ name: `input_${i}`, shape })) ?? [{ name: "input", shape: undefined }];
  }

  /** Data for the inputs as tensors, of which a batch is a part: strings become numbers here, outside of the graph. */
  read(where: string, x: Several<Data>): Tensor[] {
    return toEntrances(where, x, this.entrances);
  }

  /** What becomes of batches of what was read. */
  run(...inputs: Tensor[]): Results {
    return this.forward(...inputs) as Results;
  }

  /** The names of the tensors that `read` gives. */
  protected get inlets(): readonly string[] {
    return this.entrances.map(({ name }) => name);
  }

  /** Sizes of a sample of each input, as the data say. */
  protected samplesOf(where: string, x: Several<Data>): Shape[] {
    const list = x instanceof Tensor || !isList(x) ? [x] : Array.isArray(x) ? x : Object.values(x);
    return list.map((data) => toInputs(where, "x", data as Data, undefined).shape.slice(1));
  }

  /** The names of the results. */
  get outputNames(): readonly string[] {
    return this.#results ?? ["output"];
  }

  get built(): boolean {
    return this.#shapes !== undefined;
  }

  /** Makes all weights, for samples of the given sizes, one shape an input. */
  build(...shapes: Shape[]): this {
    this.shapesFor(shapes, undefined);
    return this;
  }

  shapesFor(shapes: readonly Shape[], options: CallOptions | undefined): readonly Shape[] {
    const stand = shapes.map((shape) => new Tensor(placeholder([1, ...shape], this.takesIndices ? "int32" : "float32")));
    const { result: results } = traced(() => inMode(this, false, () => this.forward(...stand, ...(options ? [options] : [])) as Results));
    this.#shapes = shapes.map((shape) => [...shape]);
    this.#results = namesOf(results);
    return listOf(results).map((y) => y.shape.slice(1));
  }

  /** The model at a place of another: what it will make of symbolic tensors. With a function, PyTorch's `apply`. */
  override apply(f: (module: Module) => void): this;
  override apply<R extends SymbolicTensor | SymbolicTensor[] = SymbolicTensor>(
    x: SymbolicTensor | readonly SymbolicTensor[],
    ...more: (SymbolicTensor | CallOptions)[]
  ): R;
  override apply(...given: unknown[]): unknown {
    return typeof given[0] === "function" ? super.apply(given[0] as (module: Module) => void) : applied(this, given);
  }

  /** The architecture as plain data. */
  getConfig(): object {
    throw new CambiumError(
      "value",
      `${this.name}.getConfig`,
      `${this.className} is a class of your own, which cannot be written down`,
      "keep the weights only: model.stateDict()",
    );
  }

  /** The weights as they are now, parameters and buffers of each layer in its order. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.detach());
  }

  /** @throws a `state` error before the model is built, a `shape` error when a weight does not fit; then nothing has changed */
  setWeights(weights: readonly TensorLike[]): void {
    this.expectBuilt("setWeights");
    takeWeights(`${this.name}.setWeights`, "the model", this.weights, weights);
  }

  /** All weights, each once, layer by layer; those of the model's own come last. */
  get weights(): Tensor[] {
    return [...new Set([...this.children().flatMap(weightsOf), ...this.parameters(), ...this.buffers()])];
  }

  /** How many numbers the weights hold. */
  countParams(): number {
    this.expectBuilt("countParams");
    return this.weights.reduce((n, weight) => n + weight.size, 0);
  }

  /** Prints the layers, what they make, and how many weights they have. */
  summary({ print = console.log }: SummaryOptions = {}): void {
    this.expectBuilt("summary");
    const rows = [...this.namedChildren()].map(([path, part]) => rowOf(nameOf(part, path), part));
    for (const line of table(this.name, rows)) print(line);
  }

  protected expectBuilt(what: string): void {
    if (!this.built)
      throw new CambiumError(
        "state",
        `${this.name}.${what}`,
        "the model is not built: it does not know the sizes of a sample yet",
        "give its first layer an inputShape, call model.build([28, 28, 1]), or fit it",
      );
  }

  /** Whether inputs are whole numbers that are looked up. */
  get takesIndices(): boolean {
    return false;
  }

  /** What is added to the loss after a forward pass: what the layers' regularizers say. */
  protected penalties(): readonly Tensor[] {
    return this.modules().flatMap((module) => (module instanceof Layer ? module.penalties() : []));
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
   * Inputs and labels of a model with several are lists, or records by name. Data may also come batch by batch, from anything that yields `[x, y]`.
   * @shape x `[samples, ...inputShape]`, y `[samples]` or `[samples, ...]`
   * @throws a `state` error before `compile`, a `data` error for data that is empty, of unequal lengths, or not of numbers
   * @source Keras `Model.fit`: the loss of an epoch is the mean over its samples, penalties included; `validationSplit` takes the last part
   */
  fit(batches: Batches, options?: FitOptions): Promise<History>;
  fit(x: Several<Data>, y: Several<Data>, options?: FitOptions): Promise<History>;
  async fit(x: Several<Data> | Batches, ...rest: unknown[]): Promise<History> {
    const [y, options = {}] = (isBatches(x) ? [undefined, rest[0] ?? rest[1]] : rest) as [Several<Data> | undefined, FitOptions?];
    const trainer = await this.#ready("fit", x);
    if (this.#resume && (options.initialEpoch ?? 0) > 0) setRandomState(this.#resume.random);
    this.#resume = undefined;
    return trainer.fit(this, x, y, options);
  }

  /** Loss and metrics over all samples, in the order in which `compile` got them. */
  evaluate(batches: Batches, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(batches: Batches, options?: EvaluateOptions): Promise<number[]>;
  evaluate(x: Several<Data>, y: Several<Data>, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(x: Several<Data>, y: Several<Data>, options?: EvaluateOptions): Promise<number[]>;
  async evaluate(x: Several<Data> | Batches, ...rest: unknown[]): Promise<number[] | Logs> {
    const [y, options = {}] = (isBatches(x) ? [undefined, rest[0] ?? rest[1]] : rest) as [Several<Data> | undefined, EvaluateOptions?];
    return listed(await (await this.#ready("evaluate", x)).evaluate(x, y, options), options.returnDict);
  }

  /** What the model makes of all samples, computed batch by batch. */
  async predict<R extends Results = Tensor>(x: Several<Data>, options: PredictOptions = {}): Promise<R> {
    return this.#ask("predict", x, options) as Promise<R>;
  }

  /** What the model makes of one batch. */
  async predictOnBatch<R extends Results = Tensor>(x: Several<Data>): Promise<R> {
    return this.#ask("predictOnBatch", x, { batchSize: Number.MAX_SAFE_INTEGER }) as Promise<R>;
  }

  /** One step on one batch; loss and metrics of the batch, from before the step. */
  trainOnBatch(x: Several<Data>, y: Several<Data>, options: BatchOptions & { returnDict: true }): Promise<Logs>;
  trainOnBatch(x: Several<Data>, y: Several<Data>, options?: BatchOptions): Promise<number[]>;
  async trainOnBatch(x: Several<Data>, y: Several<Data>, options: BatchOptions = {}): Promise<number[] | Logs> {
    return listed(await (await this.#ready("trainOnBatch", x)).trainOnBatch(x, y, options), options.returnDict);
  }

  /** Loss and metrics of one batch. */
  testOnBatch(x: Several<Data>, y: Several<Data>, options: BatchOptions & { returnDict: true }): Promise<Logs>;
  testOnBatch(x: Several<Data>, y: Several<Data>, options?: BatchOptions): Promise<number[]>;
  async testOnBatch(x: Several<Data>, y: Several<Data>, options: BatchOptions = {}): Promise<number[] | Logs> {
    return listed(await (await this.#ready("testOnBatch", x)).testOnBatch(x, y, options), options.returnDict);
  }

  /**
   * Writes architecture, weights, and what resuming needs: the optimizer's state, the epoch, the random state.
   * A crash leaves what was there before.
   * @throws a `file` error where nothing can be written, a `value` error for parts that cannot be written down
   */
  save(path: string): Promise<void> {
    return save(this, path);
  }

  /** Writes the weights alone, as one safetensors file under the names of `stateDict()`. */
  async saveWeights(path: string): Promise<void> {
    this.expectBuilt("saveWeights");
    await saveWeights(this, path);
  }

  /** Takes over the weights that `saveWeights` wrote. @throws a `file` error when the file is missing or damaged, a `state` error when they are not this model's */
  async loadWeights(path: string): Promise<void> {
    this.expectBuilt("loadWeights");
    this.loadStateDict(await readWeights(path));
  }

  /** Puts the running means of the weights in their place, and them in the means'. */
  swapAverages(last: boolean): void {
    this.#bind("swapAverages").swapAverages(last);
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
    return this.#compiled && written(this.#compiled, this.outputNames);
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

  async restore(path: string): Promise<void> {
    const stored = await readIfThere(path);
    if (!stored) return;
    const { model, optimizer } = statesOf(stored);
    this.loadStateDict(model);
    const { training } = stored.description;
    if (!training) return;
    this.resumeFrom(training, optimizer);
    this.#resume = undefined;
    setRandomState(training.random);
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
  async #buildFor(where: string, x: Several<Data> | Batches): Promise<void> {
    if (this.built) return;
    const given = isBatches(x) ? await firstInputs(where, x) : x;
    this.build(...this.samplesOf(where, given));
  }

  #bind(what: string): Bound {
    return (this.#bound ??= this.#expectCompiled(what).optimizer.bind([...this.namedParameters()].filter(([, parameter]) => parameter.requiresGrad)));
  }

  async #ready(what: string, x: Several<Data> | Batches): Promise<Trainer> {
    const { goals } = this.#expectCompiled(what);
    await this.#buildFor(what, x);
    this.#trainer ??= new Trainer(
      {
        module: this,
        run: (...x) => this.run(...x),
        inputs: this.inlets,
        goals: goals(this.outputNames),
        optimizer: this.#bind(what),
        penalties: () => this.penalties(),
      },
      { read: (where, x) => this.read(where, x), takesIndices: () => this.takesIndices, epochs: () => this.#epochs, epochDone: () => void this.#epochs++ },
    );
    return this.#trainer;
  }

  async #ask(what: string, x: Several<Data>, options: PredictOptions): Promise<Results> {
    await this.#buildFor(what, x);
    this.#predictor ??= new Predictor(this, (...x) => this.run(...x));
    return this.#predictor.predict(what, this.read(what, x), options);
  }
}

/** Whether data for several inputs is given, not nested numbers. */
const isList = (x: unknown): x is readonly unknown[] | Record<string, unknown> =>
  Array.isArray(x) ? x.some((one) => one instanceof Tensor) : !ArrayBuffer.isView(x) && typeof x === "object";

/** The weights of a part of a model: of a layer parameters, then buffers. */
export const weightsOf = (part: Module): Tensor[] => (part instanceof Model ? part.weights : [...part.parameters(), ...part.buffers()]);

const listed = (logs: Logs, named: boolean | undefined): number[] | Logs => (named ? logs : Object.values(logs));
