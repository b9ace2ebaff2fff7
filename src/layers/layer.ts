import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, type Shape, show, size } from "../base/shape.ts";
import { placeholder } from "../graph/node.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { get as initializer } from "../nn/initializers.ts";
import { fansInOut, type Start } from "../nn/start.ts";
import { asTensor, type TensorLike } from "../tensor/create.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import { regularizer, type Regularizer } from "./regularizers.ts";

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
}

const counts = new Map<string, number>();

/** `dense`, `dense_1`, `dense_2` …: names as Keras gives them. */
function nextName(className: string): string {
  const base = snake(className);
  const count = counts.get(base) ?? 0;
  counts.set(base, count + 1);
  return count === 0 ? base : `${base}_${count}`;
}

const snake = (name: string): string => name.replace(/([a-z0-9])([A-Z])(?=[a-z])/g, "$1_$2").toLowerCase();

/** A module that is built when it learns the sizes of its input: from `inputShape`, from the layer before it, or from its first batch. */
export abstract class Layer extends Module {
  /** Keras' name of this kind of layer. */
  readonly className: string;
  readonly name: string;
  /** Sizes of one sample, where they were given. */
  readonly inputShape: Shape | undefined;
  /** Sizes of one result, once the layer is built. */
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

  /** Makes what depends on the sizes of a sample. */
  protected make(_input: Shape): void {}

  /** Complains about samples this layer can do nothing with. */
  protected check(_input: Shape): void {}

  /** What becomes of a batch. */
  protected abstract call(x: Tensor): Tensor;

  /** Whether whole numbers are looked up instead of calculated with. */
  get takesIndices(): boolean {
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
  build(input: Shape): Shape {
    this.#expect([1, ...input]);
    if (!this.built) {
      this.make(input);
      if (!this.#trainable) this.requiresGrad(false);
    }
    const was = this.training;
    this.eval();
    try {
      const y = this.call(new Tensor(placeholder([1, ...input], this.takesIndices ? "int32" : "float32")));
      this.outputShape = y.shape.slice(1);
    } finally {
      this.train(was);
    }
    return this.outputShape;
  }

  forward(x: Tensor): Tensor {
    if (!(x instanceof Tensor))
      throw new CambiumError("value", this.name, `expected a tensor, got ${Array.isArray(x) ? "an array" : typeof x}`, "wrap it: tensor(x)");
    if (x.rank === 0) throw new CambiumError("shape", this.name, "expected a batch of samples, got a single number", "give it a batch axis: x.reshape([1, 1])");
    if (this.built) this.#expect(x.shape);
    else this.build(x.shape.slice(1));
    const y = this.call(this.takesIndices || isFloat(x.dtype) ? x : x.to("float32"));
    if (this.#activity) this.#activity.last = this.#activity.regularizer(y).div(x.shape[0]!);
    return y;
  }

  /** A new trainable tensor: `[...kernel, in, out]` or a vector. */
  protected weight(shape: Shape, options: WeightOptions): Tensor {
    const weight = parameter(initializer(options.initializer)(shape, fansInOut(shape)));
    const held = regularizer(options.regularizer);
    if (held) this.#penalties.push({ weight, regularizer: held });
    return weight;
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
    if (weights.length !== own.length)
      throw new CambiumError(
        "shape",
        `${this.name}.setWeights`,
        `got ${weights.length} weights, this layer has ${own.length}: ${own.map((w) => show(w.shape)).join(", ") || "none"}`,
      );
    const given = weights.map((weight, i) => asTensor(weight, { dtype: own[i]!.dtype }));
    own.forEach((weight, i) => {
      if (!same(weight.shape, given[i]!.shape))
        throw new CambiumError("shape", `${this.name}.setWeights`, `weight ${i} is ${show(weight.shape)}, got ${show(given[i]!.shape)}`);
    });
    assignAll(own.map((weight, i) => [weight, given[i]!] as const));
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
      else if (typeof value === "function" && key.endsWith("Regularizer")) config[key] = { ...(value as Regularizer).config };
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

  #expect(batch: Shape): void {
    const sample = batch.slice(1);
    if (this.inputShape && !same(this.inputShape, sample)) throw mismatch(this.name, this.inputShape, batch);
    this.check(sample);
  }
}

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
