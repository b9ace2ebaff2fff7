import { CambiumError } from "../base/error.ts";
import { same, type Shape, show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { placeholder } from "../graph/node.ts";
import { Layer, mismatch } from "../layers/layer.ts";
import { InputLayer } from "../layers/reshaping.ts";
import { type LayerConfig, revive } from "../layers/revive.ts";
import { Module } from "../module/module.ts";
import { asTensor, type TensorLike } from "../tensor/create.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import { inMode } from "../train/programs.ts";
import { Model } from "./model.ts";
import { type Row, table } from "./summary.ts";

export interface SequentialOptions {
  layers?: readonly Module[];
  /** Default: `sequential` and a number. */
  name?: string;
}

export interface SummaryOptions {
  /** Where the lines go. Default: `console.log`. */
  print?: (line: string) => void;
}

let count = 0;

/** Layers one after another: each gets what the one before made. */
export class Sequential extends Model {
  readonly className = "Sequential";
  readonly layers: Module[] = [];
  readonly name: string;
  #inputShape: Shape | undefined;
  #outputShapes: Shape[] = [];

  constructor({ layers = [], name }: SequentialOptions = {}) {
    super();
    const number = count++;
    this.name = name ?? (number === 0 ? "sequential" : `sequential_${number}`);
    for (const layer of layers) this.add(layer);
  }

  /**
   * Puts a layer, or any module, at the end; it is built at once when the sizes of its input are known.
   * @throws a `shape` error when it does not fit what comes before
   */
  add(layer: Module): this {
    if (!(layer instanceof Module))
      throw new CambiumError(
        "value",
        `${this.name}.add`,
        `layer ${this.layers.length} is ${typeof layer === "function" ? "a function" : layer === null ? "null" : typeof layer}, not a layer`,
        typeof layer === "function" ? "call it: layers.flatten()" : undefined,
      );
    if (this.layers.includes(layer))
      throw new CambiumError(
        "value",
        `${this.name}.add`,
        `${nameOf(layer, this.layers.indexOf(layer))} is in this model already; a layer may stand in one place`,
      );
    const name = layer instanceof Layer ? layer.name : undefined;
    if (name !== undefined && this.layers.some((other) => other instanceof Layer && other.name === name))
      throw new CambiumError("name", `${this.name}.add`, `there is a layer "${name}" already; names within a model differ`);
    this.layers.push(layer);
    try {
      if (this.layers.length === 1) {
        const first = inputShapeOf(layer);
        if (first) this.build(first);
      } else if (this.built) this.#outputShapes.push(build(layer, this.outputShape!));
    } catch (error) {
      this.layers.pop();
      throw error;
    }
    this.restructured();
    return this;
  }

  /** Takes the last layer away and returns it. */
  pop(): Module | undefined {
    this.restructured();
    this.#outputShapes.length = Math.min(this.#outputShapes.length, Math.max(this.layers.length - 1, 0));
    const last = this.layers.pop();
    if (this.layers.length === 0) this.#inputShape = undefined;
    return last;
  }

  /**
   * Makes all weights, for samples of the given sizes.
   * @throws a `shape` error that names the layer that does not fit
   */
  build(inputShape: Shape | undefined = inputShapeOf(this.layers[0])): this {
    if (!inputShape)
      throw new CambiumError("state", `${this.name}.build`, "the sizes of a sample are not known", "build([28, 28, 1]), or give the first layer an inputShape");
    if (this.layers.length === 0) throw new CambiumError("state", `${this.name}.build`, "the model has no layers", "model.add(layers.dense(10))");
    const shapes: Shape[] = [];
    let shape: Shape = inputShape;
    for (const layer of this.layers) shapes.push((shape = build(layer, shape)));
    this.#inputShape = [...inputShape];
    this.#outputShapes = shapes;
    return this;
  }

  get built(): boolean {
    return this.#inputShape !== undefined;
  }

  /** Sizes of one sample, once they are known. */
  get inputShape(): Shape | undefined {
    return this.#inputShape;
  }

  /** Sizes of one result, once they are known. */
  get outputShape(): Shape | undefined {
    return this.#outputShapes.at(-1);
  }

  override get takesIndices(): boolean {
    const first = this.layers.find((layer) => !(layer instanceof InputLayer));
    return first instanceof Sequential || first instanceof Layer ? first.takesIndices : false;
  }

  /** @shape `[batch, ...inputShape]` → `[batch, ...outputShape]` */
  override forward(x: Tensor): Tensor {
    if (this.layers.length === 0) throw new CambiumError("state", this.name, "the model has no layers", "model.add(layers.dense(10))");
    if (!(x instanceof Tensor))
      throw new CambiumError("value", this.name, `expected a tensor, got ${Array.isArray(x) ? "an array" : typeof x}`, "wrap it: tensor(x)");
    if (!this.built) this.build(x.shape.slice(1));
    let y = x;
    for (const layer of this.layers) y = layer.forward(y) as Tensor;
    return y;
  }

  protected override penalties(): Tensor[] {
    return this.modules().flatMap((module) => (module instanceof Layer ? module.penalties() : []));
  }

  /** The layer with that name, or at that place. */
  getLayer(which: string | number): Module {
    const found = typeof which === "number" ? this.layers.at(which) : this.layers.find((layer, i) => nameOf(layer, i) === which);
    if (found) return found;
    throw typeof which === "string"
      ? unknownName(`${this.name}.getLayer`, "layer", which, this.layers.map(nameOf))
      : new CambiumError("name", `${this.name}.getLayer`, `there is no layer ${which}; there are ${this.layers.length}`);
  }

  /** The weights as they are now, layer by layer, in Keras' order. */
  override getWeights(): Tensor[] {
    return this.layers.flatMap(weightsOf).map((weight) => weight.detach());
  }

  /** @throws a `state` error before the model is built, a `shape` error when a weight does not fit; then nothing has changed */
  override setWeights(weights: readonly TensorLike[]): void {
    this.#expectBuilt("setWeights");
    const own = this.layers.flatMap(weightsOf);
    if (weights.length !== own.length) throw new CambiumError("shape", `${this.name}.setWeights`, `got ${weights.length} weights, the model has ${own.length}`);
    const given = weights.map((weight, i) => asTensor(weight, { dtype: own[i]!.dtype }));
    own.forEach((weight, i) => {
      if (!same(weight.shape, given[i]!.shape))
        throw new CambiumError("shape", `${this.name}.setWeights`, `weight ${i} is ${show(weight.shape)}, got ${show(given[i]!.shape)}`);
    });
    assignAll(own.map((weight, i) => [weight, given[i]!] as const));
  }

  /** How many numbers the weights hold. */
  countParams(): number {
    this.#expectBuilt("countParams");
    return this.layers.flatMap(weightsOf).reduce((n, weight) => n + weight.size, 0);
  }

  /** Prints the layers, what they make, and how many weights they have. */
  summary({ print = console.log }: SummaryOptions = {}): void {
    this.#expectBuilt("summary");
    const rows = this.layers.map((layer, i): Row => {
      const weights = weightsOf(layer);
      return {
        name: nameOf(layer, i),
        type: layer instanceof Layer ? layer.className : layer.constructor.name,
        output: this.#outputShapes[i]!,
        trainable: weights.filter((weight) => weight.requiresGrad).reduce((n, weight) => n + weight.size, 0),
        frozen: weights.filter((weight) => !weight.requiresGrad).reduce((n, weight) => n + weight.size, 0),
      };
    });
    for (const line of table(this.name, rows)) print(line);
  }

  /** The architecture as plain data. */
  getConfig(): { name: string; inputShape: Shape | undefined; layers: LayerConfig[] } {
    return {
      name: this.name,
      inputShape: this.#inputShape,
      layers: this.layers.map((layer, i): LayerConfig => {
        if (layer instanceof Layer) return { className: layer.className, config: layer.getConfig() };
        if (layer instanceof Sequential) return { className: "Sequential", config: layer.getConfig() };
        throw new CambiumError(
          "value",
          `${this.name}.getConfig`,
          `${nameOf(layer, i)} is a module without a description that could be saved`,
          "keep the weights only: model.stateDict()",
        );
      }),
    };
  }

  /** The model that `getConfig` described, with new weights. */
  static fromConfig(where: string, { name, inputShape, layers }: { name?: string; inputShape?: Shape; layers: readonly LayerConfig[] }): Sequential {
    if (!Array.isArray(layers)) throw new CambiumError("file", where, "a model is described by its layers, and there are none");
    const made = layers.map((layer) => (layer.className === "Sequential" ? Sequential.fromConfig(where, layer.config as never) : revive(where, layer)));
    const model = new Sequential({ layers: made, name });
    if (inputShape && !model.built) model.build(inputShape);
    return model;
  }

  #expectBuilt(what: string): void {
    if (!this.built)
      throw new CambiumError(
        "state",
        `${this.name}.${what}`,
        "the model is not built: it does not know the sizes of a sample yet",
        "give its first layer an inputShape, call model.build([28, 28, 1]), or fit it",
      );
  }
}

const inputShapeOf = (layer: Module | undefined): Shape | undefined => (layer instanceof Layer || layer instanceof Sequential ? layer.inputShape : undefined);

const nameOf = (layer: Module, i: number): string => (layer as { name?: string }).name ?? `${layer.constructor.name}_${i}`;

const weightsOf = (layer: Module): Tensor[] => (layer instanceof Sequential ? layer.layers.flatMap(weightsOf) : [...layer.parameters(), ...layer.buffers()]);

/** Makes the weights of one part for samples of `input` and returns the sizes of what it makes of them. */
function build(part: Module, input: Shape): Shape {
  if (part instanceof Layer) return part.build(input);
  if (part instanceof Sequential) {
    if (part.built && !same(part.inputShape!, input)) throw mismatch(part.name, part.inputShape!, [1, ...input]);
    return part.build(input).outputShape!;
  }
  return inMode(part, false, () => part.forward(new Tensor(placeholder([1, ...input], "float32"))) as Tensor).shape.slice(1);
}

/**
 * A model of layers one after another.
 *
 * @throws a `shape` error when layers do not fit together, as far as the sizes of samples are known
 * @source Keras `Sequential`
 * @example
 * ```ts
 * const model = sequential([
 *   layers.dense(128, { activation: "relu", inputShape: [784] }),
 *   layers.dense(10, { activation: "softmax" }),
 * ]);
 * ```
 */
export function sequential(layers: readonly Module[] | SequentialOptions = {}, options: Omit<SequentialOptions, "layers"> = {}): Sequential {
  return new Sequential(Array.isArray(layers) ? { ...options, layers: layers as readonly Module[] } : (layers as SequentialOptions));
}
