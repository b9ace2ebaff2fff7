import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, type Shape, show, size } from "../base/shape.ts";
import { placeholder } from "../graph/node.ts";
import { maskOf, masked } from "../module/mask.ts";
import { Module } from "../module/module.ts";
import { constrain, parameter } from "../module/parameter.ts";
import { get as initializer } from "../nn/initializers.ts";
import { fansInOut, type Start } from "../nn/start.ts";
import { asTensor, type TensorLike } from "../tensor/create.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import { traced } from "../tensor/trace.ts";
import { type Constraint, constraint } from "./constraints.ts";
import { regularizer, type Regularizer } from "./regularizers.ts";
import { applied, areSymbolic, type CallOptions, inputsOf, notATensor, type Part, type SymbolicTensor } from "./symbolic.ts";

/** What every layer may be told. */
export interface LayerOptions {
  /** Sizes of one sample, without the batch: the first layer of a model needs it to be built before it meets data. */
  inputShape?: Shape;
  /** Default: what it is and a number, as `dense_1`. */
  name?: string;
  /** Whether training changes its weights. Default `true`. */
  trainable?: boolean;
}

/** Start values: a name ("heNormal"), or what `initializers.heNormal()` gives. */
export type Initializer = string | Start;

/** How one weight of a layer begins and is held back. */
export interface WeightOptions {
  initializer: Initializer;
  regularizer?: string | Regularizer | undefined;
  constraint?: string | Constraint | undefined;
}

/** The options for weights of the given names: how `kernel` begins, is held back, and is put right after each update. */
export type HeldBack<Names extends string> = { [N in Names as `${N}Initializer`]?: Initializer } & {
  [N in Names as `${N}Regularizer`]?: string | Regularizer;
} & {
  [N in Names as `${N}Constraint`]?: string | Constraint;
};

/** Layers that do the same to each step, so that what was masked stays so. Others drop the mask, or make one of their own. */
const keepsMask: ReadonlySet<string> = new Set([
  ...["Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense", "Dropout", "ELU", "GaussianDropout", "GaussianNoise"],
  ...["GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "PReLU", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D"],
  ...["TimeDistributed", "UnitNormalization"],
]);

const counts = new Map<string, number>();

/** `dense`, `dense_1`, `dense_2` …: names as Keras gives them. */
export function nextName(className: string): string {
  const base = snake(className);
  const count = counts.get(base) ?? 0;
  counts.set(base, count + 1);
  return count === 0 ? base : `${base}_${count}`;
}

const snake = (name: string): string => name.replace(/([a-z0-9])([A-Z])(?=[a-z])/g, "$1_$2").toLowerCase();

/** A module that is built when it learns the sizes of its input: from `inputShape`, from the layer before it, or from its first batch. */
export abstract class Layer extends Module implements Part {
  /** Keras' name of this kind of layer. */
  readonly className: string;
  readonly name: string;
  /** Sizes of one sample, where they were given. */
  readonly inputShape: Shape | undefined;
  /** Sizes of one result, once the layer is built; of the first, where there are several. */
  outputShape: Shape | undefined = undefined;
  readonly #options: LayerOptions;
  readonly #penalties: { weight: Tensor; regularizer: Regularizer }[] = [];
  #trainable: boolean;
  #activity: { regularizer: Regularizer; last: Tensor | undefined } | undefined;

  constructor(className: string, options: LayerOptions & { activityRegularizer?: string | Regularizer } = {}) {
    super();
    this.className = className;
    this.name = options.name ?? nextName(className);
    this.inputShape = shapeGiven(this.name, options.inputShape);
    this.#options = options;
    this.#trainable = options.trainable ?? true;
    const activity = regularizer(options.activityRegularizer);
    this.#activity = activity && { regularizer: activity, last: undefined };
  }

  /** Makes what depends on the sizes of a sample; of layers with several inputs, of one sample of each. */
  protected make(_input: Shape, ..._more: Shape[]): void {}

  /** Complains about samples this layer can do nothing with. */
  protected check(_input: Shape, ..._more: Shape[]): void {}

  /** What becomes of a batch, or of one batch for each input; the options of this use come last, if there are any. A list: several results. */
  protected abstract call(x: Tensor, ...more: any[]): Tensor | readonly Tensor[];

  /** Whether whole numbers are looked up instead of calculated with. */
  get takesIndices(): boolean {
    return false;
  }

  /** Whether the layer takes more than one input. */
  get takesMany(): boolean {
    return false;
  }

  get built(): boolean {
    return this.outputShape !== undefined;
  }

  /** Whether training changes its weights; takes effect on what is compiled afterwards. */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(on: boolean) {
    this.#trainable = on;
    this.requiresGrad(on);
  }

  /**
   * Makes the weights for samples of the given sizes, unless there are some, and returns the sizes of the results.
   * @throws a `shape` error when the layer can do nothing with such samples
   */
  build(input: Shape, ...more: Shape[]): Shape {
    return this.shapesFor([input, ...more], undefined)[0]!;
  }

  /** As `build`, for all inputs and results. */
  shapesFor(inputs: readonly Shape[], options: CallOptions | undefined): readonly Shape[] {
    this.#make(inputs);
    const was = this.training;
    this.eval();
    try {
      const stand = inputs.map((shape) => new Tensor(placeholder([1, ...shape], this.takesIndices ? "int32" : "float32")));
      // Traced, so that what a layer keeps from batch to batch stays as it was.
      const shapes = listed(traced(() => this.#call(stand, options)).result).map((y) => y.shape.slice(1));
      this.outputShape = shapes[0]!;
      return shapes;
    } finally {
      this.train(was);
    }
  }

  #make(inputs: readonly Shape[]): void {
    if (inputs.length > 1 && !this.takesMany) throw new CambiumError("value", this.name, `takes one input, got ${inputs.length}`);
    this.#expect(inputs.map((shape) => [1, ...shape]));
    if (this.built) return;
    this.make(...(inputs as [Shape]));
    if (!this.#trainable) this.requiresGrad(false);
  }

  #call(inputs: readonly Tensor[], options: CallOptions | undefined): Tensor | readonly Tensor[] {
    return this.call(...(inputs as [Tensor]), ...(options ? [options] : []));
  }

  /** What becomes of a batch, or of one batch for each input (one after another, or as a list). On symbolic tensors as `apply`. */
  forward(x: Tensor | readonly Tensor[], ...more: (Tensor | CallOptions)[]): Tensor;
  forward(x: SymbolicTensor | readonly SymbolicTensor[], ...more: (SymbolicTensor | CallOptions)[]): SymbolicTensor;
  forward(...given: unknown[]): unknown {
    if (areSymbolic(given)) return applied(this, given);
    const { inputs, options } = inputsOf(given, isTensor);
    const ready = inputs.map((x) => {
      if (!(x instanceof Tensor)) throw notATensor(this.name, x);
      if (x.rank === 0)
        throw new CambiumError("shape", this.name, "expected a batch of samples, got a single number", "give it a batch axis: x.reshape([1, 1])");
      return this.takesIndices || isFloat(x.dtype) ? x : masked(x.to("float32"), maskOf(x));
    });
    if (ready.length === 0) throw notATensor(this.name, given[0]);
    if (this.built && (ready.length === 1 || this.takesMany)) this.#expect(ready.map((x) => x.shape));
    else
      this.shapesFor(
        ready.map((x) => x.shape.slice(1)),
        options,
      );
    const y = this.#call(ready, options);
    if (this.#activity)
      this.#activity.last = listed(y)
        .map((one) => this.#activity!.regularizer(one).div(one.shape[0]!))
        .reduce((a, b) => a.add(b));
    const mask = this.maskFor(...(ready as [Tensor]));
    if (mask && y instanceof Tensor) masked(y, mask);
    return y;
  }

  /** The mask that goes on with the result. */
  protected maskFor(x: Tensor, ..._more: Tensor[]): Tensor | undefined {
    return keepsMask.has(this.className) ? maskOf(x) : undefined;
  }

  /**
   * The layer at a place of a model: what it will make of symbolic tensors. With a function, PyTorch's `apply`: calls it with every module within this one.
   * @example
   * ```ts
   * const x = input({ shape: [32] });
   * const both = layers.add().apply([layers.dense(8).apply(x), layers.dense(8).apply(x)]);
   * ```
   */
  override apply(f: (module: Module) => void): this;
  override apply<R extends SymbolicTensor | SymbolicTensor[] = SymbolicTensor>(
    x: SymbolicTensor | readonly SymbolicTensor[],
    ...more: (SymbolicTensor | CallOptions)[]
  ): R;
  override apply(...given: unknown[]): unknown {
    return typeof given[0] === "function" ? super.apply(given[0] as (module: Module) => void) : applied(this, given);
  }

  /** A new trainable tensor: `[...kernel, in, out]` or a vector. */
  protected weight(shape: Shape, options: WeightOptions): Tensor {
    const weight = parameter(initializer(options.initializer)(shape, fansInOut(shape)));
    const held = regularizer(options.regularizer);
    if (held) this.#penalties.push({ weight, regularizer: held });
    const within = constraint(options.constraint);
    if (within) constrain(weight, within);
    return weight;
  }

  /** The weight that the options speak of as `name`; it begins with `initializer` unless they say otherwise. */
  protected named(name: string, shape: Shape, initializer: Initializer): Tensor {
    const options = this.#options as Readonly<Record<string, any>>;
    return this.weight(shape, {
      initializer: options[`${name}Initializer`] ?? initializer,
      regularizer: options[`${name}Regularizer`],
      constraint: options[`${name}Constraint`],
    });
  }

  /** What the regularizers of this layer add to the loss, after `forward`. */
  penalties(): Tensor[] {
    const penalties = this.#penalties.map(({ weight, regularizer }) => regularizer(weight));
    if (this.#activity?.last) penalties.push(this.#activity.last);
    return penalties;
  }

  /** The weights as they are now, in Keras' order: kernel, bias; gamma, beta, moving mean, moving variance. */
  getWeights(): Tensor[] {
    return this.#weights().map((weight) => weight.detach());
  }

  /** @throws a `state` error before the layer is built, a `shape` error when a weight does not fit */
  setWeights(weights: readonly TensorLike[]): void {
    const own = this.#weights();
    if (!this.built)
      throw new CambiumError("state", `${this.name}.setWeights`, "the layer has no weights yet", "build the model first: give its first layer an inputShape");
    takeWeights(`${this.name}.setWeights`, "this layer", own, weights);
  }

  /** How many numbers its weights hold. */
  countParams(): number {
    return this.#weights().reduce((n, weight) => n + weight.size, 0);
  }

  /** What the layer was made with, as plain data. Start values, which are spent once the layer is built, are kept by name only. */
  getConfig(): Record<string, unknown> {
    const config: Record<string, unknown> = { ...this.#options, name: this.name };
    for (const [key, value] of Object.entries(config)) {
      if (value === undefined || (typeof value === "function" && key.endsWith("Initializer"))) delete config[key];
      else if (typeof value === "function" && /(Regularizer|Constraint)$/.test(key) && "config" in value) config[key] = { ...(value.config as object) };
      else if (typeof value === "function")
        throw new CambiumError(
          "value",
          `${this.name}.getConfig`,
          `${key} is a function of your own, which cannot be written down`,
          "use one of the known names, or keep the weights only: model.stateDict()",
        );
    }
    return config;
  }

  #weights(): Tensor[] {
    return [...this.parameters(), ...this.buffers()];
  }

  #expect(batches: readonly Shape[]): void {
    const [first, ...more] = batches.map((batch): Shape => batch.slice(1)) as unknown as [Shape, ...Shape[]];
    if (this.inputShape && !same(this.inputShape, first)) throw mismatch(this.name, this.inputShape, batches[0]!);
    this.check(first, ...more);
  }
}

const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

const listed = (y: Tensor | readonly Tensor[]): readonly Tensor[] => (y instanceof Tensor ? [y] : y);

function shapeGiven(where: string, shape: Shape | undefined): Shape | undefined {
  if (shape === undefined) return undefined;
  if (!Array.isArray(shape) || shape.some((d) => !Number.isInteger(d) || d < 1))
    throw new CambiumError(
      "shape",
      where,
      `inputShape is ${JSON.stringify(shape)}; it lists the sizes of one sample, whole numbers from 1, without the batch`,
      "inputShape: [28, 28, 1]",
    );
  return [...shape];
}

/** What to throw when a batch does not hold the samples a layer was made for. */
export function mismatch(where: string, wanted: Shape, batch: Shape): CambiumError {
  const sample = batch.slice(1);
  const hint = same(batch, wanted)
    ? `the batch axis is missing: x.reshape([1, ${wanted.join(", ")}])`
    : size(sample) === size(wanted)
      ? `the sizes agree: x.reshape([-1, ${wanted.join(", ")}]) makes such samples, or say inputShape: ${show(sample)}`
      : `give it samples of ${show(wanted)}, or say inputShape: ${show(sample)}`;
  return new CambiumError("shape", where, `expects samples of ${show(wanted)}, got ${show(sample)} (a batch of ${show(batch)})`, hint);
}

/** Lets weights take over given numbers; `whose` they are. @throws a `shape` error when one does not fit; then nothing has changed */
export function takeWeights(where: string, whose: string, own: readonly Tensor[], weights: readonly TensorLike[]): void {
  if (weights.length !== own.length)
    throw new CambiumError(
      "shape",
      where,
      `got ${weights.length} weights, ${whose} has ${own.length}${own.length > 8 ? "" : `: ${own.map((w) => show(w.shape)).join(", ") || "none"}`}`,
    );
  const given = weights.map((weight, i) => asTensor(weight, { dtype: own[i]!.dtype }));
  own.forEach((weight, i) => {
    if (!same(weight.shape, given[i]!.shape)) throw new CambiumError("shape", where, `weight ${i} is ${show(weight.shape)}, got ${show(given[i]!.shape)}`);
  });
  assignAll(own.map((weight, i) => [weight, given[i]!] as const));
}
