import { CambiumError } from "../base/error.ts";
import { same, type Shape } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { placeholder } from "../graph/node.ts";
import { Layer, mismatch } from "../layers/layer.ts";
import { Reader } from "../layers/reader.ts";
import { InputLayer } from "../layers/reshaping.ts";
import { type LayerConfig, revive } from "../layers/revive.ts";
import { SymbolicTensor } from "../layers/symbolic.ts";
import { Module } from "../module/module.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Words } from "../layers/words.ts";
import type { Data } from "../train/feed.ts";
import { type Entrance, toEntrances } from "../train/intake.ts";
import { inMode } from "../train/programs.ts";
import { partsOf, type Several } from "../train/structure.ts";
import { Model } from "./model.ts";
import { nameOf, rowOf, type SummaryOptions, table } from "./summary.ts";

export interface SequentialOptions {
  layers?: readonly (Module | SymbolicTensor)[];
  /** Default: `sequential` and a number. */
  name?: string;
}

/** Layers one after another: each gets what the one before made. */
export class Sequential extends Model {
  readonly layers: Module[] = [];
  #inputShape: Shape | undefined;
  #outputShapes: Shape[] = [];

  constructor({ layers = [], name }: SequentialOptions = {}) {
    super(name === undefined ? {} : { name });
    for (const layer of layers) this.add(layer);
  }

  override get className(): string {
    return "Sequential";
  }

  /**
   * Puts a layer, or any module, at the end; it is built at once when the sizes of its input are known.
   * @throws a `shape` error when it does not fit what comes before
   */
  add(given: Module | SymbolicTensor): this {
    const layer = given instanceof SymbolicTensor ? (given.from.part as unknown as Module) : given;
    if (given instanceof SymbolicTensor && !(layer instanceof InputLayer))
      throw new CambiumError(
        "value",
        `${this.name}.add`,
        `got the result of ${given.name}, not a layer`,
        "give the layer itself, or make a graph: model({ inputs, outputs })",
      );
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
    // What says that strings come in has said all there is to say; how they are read, the next layer knows.
    if (layer instanceof InputLayer && layer.isText) return this;
    if (layer instanceof Reader && this.layers.length > 0)
      throw new CambiumError("value", `${this.name}.add`, `${layer.name} reads strings, so it comes first, not behind ${nameOf(this.layers[0]!, 0)}`);
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
  override build(inputShape: Shape | undefined = inputShapeOf(this.layers[0])): this {
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

  override shapesFor([input]: readonly Shape[]): readonly Shape[] {
    if (this.built && !same(this.#inputShape!, input!)) throw mismatch(this.name, this.#inputShape!, [1, ...input!]);
    return [this.build(input).outputShape!];
  }

  override get entrances(): readonly Entrance[] {
    return [{ name: this.layers[0] instanceof InputLayer ? this.layers[0].name : "input", shape: this.#inputShape }];
  }

  get #reader(): Reader | undefined {
    return this.layers[0] instanceof Reader ? this.layers[0] : undefined;
  }

  override read(where: string, x: Several<Data>): Tensor[] {
    const reader = this.#reader;
    return reader ? [reader.read(partsOf<Words>(where, "x", x, ["input"])[0]!)] : toEntrances(where, x, this.entrances);
  }

  override run(x: Tensor): Tensor {
    const reader = this.#reader;
    return reader ? this.#through(reader.entered(x), 1) : this.forward(x);
  }

  protected override samplesOf(where: string, x: Several<Data>): Shape[] {
    return this.#reader ? this.read(where, x).map((read) => read.shape.slice(1)) : super.samplesOf(where, x);
  }

  override get outputNames(): readonly string[] {
    return ["output"];
  }

  override get built(): boolean {
    return this.#inputShape !== undefined;
  }

  /** Sizes of one sample, once they are known. */
  override get inputShape(): Shape | undefined {
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

  /** @shape `[batch, ...inputShape]` → `[batch, ...outputShape]`; where a layer that reads strings is first, strings */
  override forward(x: Tensor): Tensor {
    if (this.#reader) {
      if (!this.built) this.build(...this.samplesOf(this.name, x));
      return this.#through(this.#reader.forward(x) as Tensor, 1);
    }
    if (this.layers.length === 0) throw new CambiumError("state", this.name, "the model has no layers", "model.add(layers.dense(10))");
    if (!(x instanceof Tensor))
      throw new CambiumError("value", this.name, `expected a tensor, got ${Array.isArray(x) ? "an array" : typeof x}`, "wrap it: tensor(x)");
    if (!this.built) this.build(x.shape.slice(1));
    return this.#through(x, 0);
  }

  #through(x: Tensor, from: number): Tensor {
    return this.layers.slice(from).reduce((y, layer) => layer.forward(y) as Tensor, x);
  }

  /** The layer with that name, or at that place. */
  getLayer(which: string | number): Module {
    const found = typeof which === "number" ? this.layers.at(which) : this.layers.find((layer, i) => nameOf(layer, i) === which);
    if (found) return found;
    throw typeof which === "string"
      ? unknownName(`${this.name}.getLayer`, "layer", which, this.layers.map(nameOf))
      : new CambiumError("name", `${this.name}.getLayer`, `there is no layer ${which}; there are ${this.layers.length}`);
  }

  override summary({ print = console.log }: SummaryOptions = {}): void {
    this.expectBuilt("summary");
    for (const line of table(
      this.name,
      this.layers.map((layer, i) => rowOf(nameOf(layer, i), layer, this.#outputShapes[i])),
    ))
      print(line);
  }

  /** The architecture as plain data. */
  override getConfig(): { name: string; inputShape: Shape | undefined; layers: LayerConfig[] } {
    return {
      name: this.name,
      inputShape: this.#inputShape,
      layers: this.layers.map((layer, i): LayerConfig => {
        if (layer instanceof Layer || layer instanceof Model) return { className: layer.className, config: layer.getConfig() as Record<string, unknown> };
        throw new CambiumError(
          "value",
          `${this.name}.getConfig`,
          `${nameOf(layer, i)} is a module without a description that could be saved`,
          "keep the weights only: model.stateDict()",
        );
      }),
    };
  }

  /** The model that `getConfig` described, with new weights; `part` makes the layers, and models within it. */
  static fromConfig(
    where: string,
    { name, inputShape, layers }: { name?: string; inputShape?: Shape; layers: readonly LayerConfig[] },
    part: (where: string, described: LayerConfig) => Module = revive,
  ): Sequential {
    if (!Array.isArray(layers)) throw new CambiumError("file", where, "a model is described by its layers, and there are none");
    const made = layers.map((layer) => (layer.className === "Sequential" ? Sequential.fromConfig(where, layer.config as never, part) : part(where, layer)));
    const model = new Sequential({ layers: made, name });
    if (inputShape && !model.built) model.build(inputShape);
    return model;
  }
}

const inputShapeOf = (layer: Module | undefined): Shape | undefined =>
  layer instanceof Reader ? layer.readShape() : layer instanceof Layer || layer instanceof Sequential ? layer.inputShape : undefined;

/** Makes the weights of one part for samples of `input` and returns the sizes of what it makes of them. */
function build(part: Module, input: Shape): Shape {
  if (part instanceof Layer || part instanceof Model) return part.shapesFor([input], undefined)[0]!;
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
export function sequential(layers: readonly (Module | SymbolicTensor)[] | SequentialOptions = {}, options: Omit<SequentialOptions, "layers"> = {}): Sequential {
  return new Sequential(Array.isArray(layers) ? { ...options, layers: layers as readonly (Module | SymbolicTensor)[] } : (layers as SequentialOptions));
}
