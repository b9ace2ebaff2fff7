import { CambiumError } from "../base/error.ts";
import { type Shape, same } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { type Layer, mismatch } from "../layers/layer.ts";
import { Reader } from "../layers/reader.ts";
import { InputLayer } from "../layers/reshaping.ts";
import { type LayerConfig, revive } from "../layers/revive.ts";
import { Application, applied, type CallOptions, isSymbolic, type SymbolicTensor } from "../layers/symbolic.ts";
import type { Module } from "../module/module.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Words } from "../layers/words.ts";
import { type Data, expectEqualLengths, toInputs } from "../train/feed.ts";
import type { Entrance } from "../train/intake.ts";
import { formedAs, listOf, partsOf, type Results, type Several } from "../train/structure.ts";
import { Model } from "./model.ts";
import { Sequential } from "./sequential.ts";
import { rowOf, type SummaryOptions, table } from "./summary.ts";

export interface FunctionalOptions {
  /** What `input()` gave; several as a list, or as a record whose names are those of the inputs. */
  inputs: Several<SymbolicTensor>;
  /** What is to come out, in the form in which it is to come out. */
  outputs: Several<SymbolicTensor>;
  /** Default: `functional` and a number. */
  name?: string;
}

/** A symbolic tensor in a file: which layer's which use makes it, and which of its results it is. */
type Place = readonly [layer: string, use: number, result: number];

interface LayerDescription extends LayerConfig {
  readonly name: string;
  readonly uses: readonly { readonly inputs: readonly Place[]; readonly options?: CallOptions }[];
}

interface FunctionalConfig {
  readonly name: string;
  readonly layers: readonly LayerDescription[];
  readonly inputs: Several<Place>;
  readonly outputs: Several<Place>;
}

/** A graph of layers: any number of inputs and outputs, branches that part and meet, layers that stand in several places. */
export class Functional extends Model {
  /** Each layer once, in an order in which they can be computed. */
  readonly layers: Module[];
  /** The symbolic tensors it begins and ends with. */
  readonly inputs: Several<SymbolicTensor>;
  readonly outputs: Several<SymbolicTensor>;
  readonly #uses: readonly Application[];
  readonly #entrances: readonly (Entrance & { readonly shape: Shape })[];
  readonly #outputNames: readonly string[];
  /** Uses of layers that read what no tensor holds, and the inputs that are tensors. */
  readonly #readings: readonly Application[];
  readonly #plain: readonly SymbolicTensor[];

  constructor({ inputs, outputs, name }: FunctionalOptions) {
    super(name === undefined ? {} : { name });
    this.inputs = inputs;
    this.outputs = outputs;
    const [begin, end] = [symbolics(this.name, "inputs", inputs), symbolics(this.name, "outputs", outputs)];
    this.#uses = usesBetween(this.name, begin, end);
    this.layers = [...new Set([...begin.map((x) => x.from.part), ...this.#uses.map(({ part }) => part)])] as unknown as Module[];
    this.#readings = this.#uses.filter(({ part }) => part instanceof Reader);
    for (const { part, inputs: from } of this.#readings) {
      const inner = from.find((x) => !begin.includes(x));
      if (inner) throw new CambiumError("value", this.name, `${part.name} reads strings, so it comes behind an input, not behind ${inner.name}`);
    }
    const others = new Set([...this.#uses.filter((use) => !this.#readings.includes(use)).flatMap((use) => use.inputs), ...end]);
    this.#plain = begin.filter((x) => others.has(x) || !this.#readings.some((use) => use.inputs.includes(x)));
    const names = this.layers.map((layer) => (layer as unknown as Layer).name);
    const twice = names.find((one, i) => names.indexOf(one) !== i);
    if (twice !== undefined) throw new CambiumError("name", this.name, `two layers are called "${twice}"; names within a model differ`);
    const named = (given: Several<SymbolicTensor>, list: readonly SymbolicTensor[]): string[] =>
      isSymbolic(given) || Array.isArray(given) ? apart(list.map((x) => x.name)) : Object.keys(given);
    const called = named(inputs, begin);
    this.#entrances = begin.map(({ shape }, i) => ({ name: called[i]!, shape }));
    this.#outputNames = named(outputs, end);
  }

  override get className(): string {
    return "Functional";
  }

  override get entrances(): readonly Entrance[] {
    return this.#entrances;
  }

  override get outputNames(): readonly string[] {
    return this.#outputNames;
  }

  override get inputShape(): Shape {
    return this.#entrances[0]!.shape;
  }

  /** Sizes of one result; of the first, where there are several. */
  get outputShape(): Shape {
    return symbolics(this.name, "outputs", this.outputs)[0]!.shape;
  }

  override get built(): boolean {
    return true;
  }

  /** The model knows its sizes; this only checks them. */
  override build(...shapes: Shape[]): this {
    if (shapes.length > 0) this.shapesFor(shapes);
    return this;
  }

  override shapesFor(shapes: readonly Shape[]): readonly Shape[] {
    const entrances = this.#entrances;
    if (shapes.length !== entrances.length)
      throw new CambiumError("value", this.name, `takes ${entrances.length} inputs, ${entrances.map(({ name }) => name).join(", ")}; got ${shapes.length}`);
    shapes.forEach((shape, i) => {
      if (!same(shape, entrances[i]!.shape)) throw mismatch(entrances.length > 1 ? entrances[i]!.name : this.name, entrances[i]!.shape, [1, ...shape]);
    });
    return symbolics(this.name, "outputs", this.outputs).map((y) => y.shape);
  }

  override get takesIndices(): boolean {
    const begin = new Set(symbolics(this.name, "inputs", this.inputs));
    return this.#uses.some(({ part, inputs }) => (part as Partial<Layer>).takesIndices === true && inputs.some((x) => begin.has(x)));
  }

  /** What becomes of a batch for each input, given one after another, as a list, or by name; in the form of `outputs`. On symbolic tensors as `apply`. */
  override forward(...given: any[]): any {
    const first = given.length === 1 ? given[0] : given;
    if (isSymbolic(given[0]) || (Array.isArray(first) && isSymbolic(first[0]))) return applied(this, given);
    const batches = partsOf<Tensor>(
      this.name,
      "its input",
      first,
      this.#entrances.map(({ name }) => name),
    );
    if (this.#readings.length > 0) return this.run(...this.#taken(this.name, batches));
    const values = new Map<SymbolicTensor, Tensor>();
    symbolics(this.name, "inputs", this.inputs).forEach((x, i) => {
      const batch = batches[i];
      if (!(batch instanceof Tensor))
        throw new CambiumError(
          "value",
          this.name,
          `expected a tensor for ${this.#entrances[i]!.name}, got ${Array.isArray(batch) ? "an array" : typeof batch}`,
          "wrap it: tensor(x)",
        );
      if (!same(batch.shape.slice(1), x.shape)) throw mismatch(this.#entrances.length > 1 ? this.#entrances[i]!.name : this.name, x.shape, batch.shape);
      values.set(x, batch);
    });
    return this.#through(values);
  }

  /** Data for the inputs, by what each is for. */
  #taken(where: string, given: readonly unknown[]): Tensor[] {
    const begin = symbolics(this.name, "inputs", this.inputs);
    const of = (x: SymbolicTensor): Words => given[begin.indexOf(x)] as Words;
    const taken = [
      ...this.#plain.map((x) => toInputs(where, x.name, of(x) as Data, x.shape)),
      ...this.#readings.map(({ part, inputs }) => (part as unknown as Reader).read(...inputs.map(of))),
    ];
    taken.forEach((read, i) => {
      if (i > 0) expectEqualLengths(where, { name: this.inlets[0]!, of: taken[0]! }, { name: this.inlets[i]!, of: read });
    });
    return taken;
  }

  override read(where: string, x: Several<Data>): Tensor[] {
    if (this.#readings.length === 0) return super.read(where, x);
    const names = this.#entrances.map(({ name }) => name);
    return this.#taken(where, partsOf<Data>(where, "x", x, names));
  }

  protected override get inlets(): readonly string[] {
    if (this.#readings.length === 0) return super.inlets;
    return [...this.#plain, ...this.#readings.map(({ part }) => part)].map(({ name }) => name);
  }

  override run(...inputs: Tensor[]): Results {
    if (this.#readings.length === 0) return this.forward(...inputs) as Results;
    const values = new Map(this.#plain.map((x, i) => [x, inputs[i]!]));
    this.#readings.forEach(({ part, outputs }, i) => values.set(outputs[0]!, (part as unknown as Reader).entered(inputs[this.#plain.length + i]!)));
    return this.#through(values);
  }

  /** Goes through the uses that are not made yet. */
  #through(values: Map<SymbolicTensor, Tensor>): Results {
    for (const { part, inputs, options, outputs } of this.#uses) {
      if (values.has(outputs[0]!)) continue;
      const made = (part as unknown as Module).forward(...inputs.map((x) => values.get(x)!), ...(options ? [options] : [])) as Results;
      listOf(made).forEach((y, i) => values.set(outputs[i]!, y));
    }
    const list = symbolics(this.name, "outputs", this.outputs).map((y) => values.get(y)!);
    if (isSymbolic(this.outputs)) return list[0]!;
    return Array.isArray(this.outputs) ? list : formedAs(Object.fromEntries(this.#outputNames.map((name) => [name, list[0]!])), list);
  }

  /** The layer with that name, or at that place. */
  getLayer(which: string | number): Module {
    const names = this.layers.map((layer) => (layer as unknown as Layer).name);
    const at = typeof which === "number" ? (which < 0 ? which + this.layers.length : which) : names.indexOf(which);
    const layer = this.layers[at];
    if (!layer)
      throw typeof which === "string"
        ? unknownName(`${this.name}.getLayer`, "layer", which, names)
        : new CambiumError("name", `${this.name}.getLayer`, `there is no layer ${which}; there are ${this.layers.length}`);
    return layer;
  }

  /** What a layer of this model makes, to build another model on: `model({ inputs: base.inputs, outputs: base.outputOf("dense") })`. */
  outputOf(which: string | number): SymbolicTensor {
    const layer = this.getLayer(which) as unknown;
    const found = [...symbolics(this.name, "inputs", this.inputs), ...this.#uses.flatMap(({ outputs }) => outputs)].find(
      (x) => (x.from.part as unknown) === layer,
    );
    return found!;
  }

  override summary({ print = console.log }: SummaryOptions = {}): void {
    const rows = this.layers.map((layer) => {
      const uses = this.#uses.filter(({ part }) => (part as unknown) === layer);
      const output = uses[0]?.outputs[0]?.shape ?? (layer as unknown as Layer).outputShape ?? (layer as unknown as Layer).inputShape;
      return rowOf((layer as unknown as Layer).name, layer, output, [...new Set(uses.flatMap(({ inputs }) => inputs.map((x) => x.name)))]);
    });
    for (const line of table(this.name, rows)) print(line);
  }

  override getConfig(): FunctionalConfig {
    const uses = new Map<Application, Place>();
    const layers = this.layers.map((layer): LayerDescription => {
      const part = layer as unknown as Layer | Model;
      const mine = this.#uses.filter((use) => (use.part as unknown) === layer);
      mine.forEach((use, i) => uses.set(use, [part.name, i, 0]));
      for (const x of symbolics(this.name, "inputs", this.inputs)) if ((x.from.part as unknown) === layer) uses.set(x.from, [part.name, 0, 0]);
      return { name: part.name, className: part.className, config: part.getConfig() as Record<string, unknown>, uses: mine as never };
    });
    const place = (x: SymbolicTensor): Place => [uses.get(x.from)![0], uses.get(x.from)![1], x.index];
    return {
      name: this.name,
      layers: layers.map(({ uses, ...layer }) => ({
        ...layer,
        uses: (uses as unknown as readonly Application[]).map(({ inputs, options }) => ({ inputs: inputs.map(place), ...(options && { options }) })),
      })),
      inputs: mapped(this.inputs, place),
      outputs: mapped(this.outputs, place),
    };
  }

  /** The model that `getConfig` described, with new weights. */
  static fromConfig(where: string, { name, layers, inputs, outputs }: FunctionalConfig): Functional {
    const parts = new Map(layers.map((layer) => [layer.name, revivePart(where, layer)]));
    const made = new Map<string, readonly SymbolicTensor[]>();
    const found = ([layer, use, result]: Place): SymbolicTensor => {
      const list = made.get(`${layer} ${use}`);
      if (!list?.[result]) throw new CambiumError("file", where, `uses result ${result} of use ${use} of layer "${layer}", which there is not`);
      return list[result];
    };
    const beginnings = new Set(flat(inputs).map(([layer]) => layer));
    const waiting = layers.flatMap(({ name, uses }) => uses.map((use, i) => ({ name, i, use })));
    for (const name of beginnings) {
      const part = parts.get(name);
      if (!(part instanceof InputLayer)) throw new CambiumError("file", where, `begins with "${name}", which is no input`);
      made.set(`${name} 0`, new Application(part, [], undefined, [part.inputShape!]).outputs);
    }
    while (waiting.length > 0) {
      const next = waiting.findIndex(({ use }) => use.inputs.every(([layer, i]) => made.has(`${layer} ${i}`)));
      if (next < 0) throw new CambiumError("file", where, `layer "${waiting[0]!.name}" uses what no layer makes`);
      const [{ name, i, use }] = waiting.splice(next, 1) as [(typeof waiting)[number]];
      const y = applied(parts.get(name)!, [use.inputs.map(found), ...(use.options ? [use.options] : [])]);
      made.set(`${name} ${i}`, Array.isArray(y) ? y : [y]);
    }
    return new Functional({ name, inputs: mapped(inputs, found), outputs: mapped(outputs, found) });
  }
}

/** The layer or model that plain data describes. */
export function revivePart(where: string, described: LayerConfig): Layer | Model {
  if (described.className === "Sequential") return Sequential.fromConfig(where, described.config as never, revivePart);
  if (described.className === "Functional") return Functional.fromConfig(where, described.config as never);
  return revive(where, described);
}

const isPlace = (x: unknown): x is Place => Array.isArray(x) && typeof x[0] === "string";
const isOne = (x: unknown): boolean => isSymbolic(x) || isPlace(x);

const flat = <T>(given: Several<T>): readonly T[] =>
  isOne(given) ? [given as T] : Array.isArray(given) ? (given as readonly T[]) : Object.values(given as Record<string, T>);

function mapped<T, U>(given: Several<T>, f: (x: T) => U): Several<U> {
  if (isOne(given)) return f(given as T);
  return Array.isArray(given) ? (given as T[]).map(f) : Object.fromEntries(Object.entries(given as Record<string, T>).map(([name, x]) => [name, f(x)]));
}

function symbolics(where: string, what: string, given: Several<SymbolicTensor>): readonly SymbolicTensor[] {
  const list = typeof given === "object" && given !== null ? flat(given) : [given as SymbolicTensor];
  const stray = list.find((x) => !isSymbolic(x));
  if (list.length === 0 || stray !== undefined || list.includes(undefined as never))
    throw new CambiumError(
      "value",
      where,
      `${what} ${list.length === 0 ? "is empty" : `holds ${String(stray)}, which is no symbolic tensor`}`,
      "begin with input({ shape: [784] }) and apply layers to it",
    );
  return list;
}

/** Names that differ: what comes twice gets a number. */
const apart = (names: readonly string[]): string[] =>
  names.map((name, i) => (names.indexOf(name) === i ? name : `${name}_${names.slice(0, i).filter((other) => other === name).length}`));

/** The uses of layers between inputs and outputs, in an order in which they can be computed. */
function usesBetween(where: string, inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Application[] {
  const begin = new Set(inputs);
  const order = new Set<Application>();
  const open = new Set<Application>();
  // A stack of our own: a deep model must not exhaust the engine's.
  const stack: SymbolicTensor[] = [...outputs].reverse();
  while (stack.length > 0) {
    const x = stack.at(-1)!;
    const use = x.from;
    if (begin.has(x) || order.has(use)) stack.pop();
    else if (open.has(use)) {
      order.add(use);
      stack.pop();
    } else {
      if (use.inputs.length === 0)
        throw new CambiumError("value", where, `outputs depend on input "${x.name}", which is not among the model's inputs`, "list it in inputs");
      open.add(use);
      stack.push(...[...use.inputs].reverse().filter((input) => !begin.has(input) && !order.has(input.from)));
    }
  }
  return [...order];
}

/**
 * A model of layers that were applied to symbolic tensors.
 *
 * @throws a `value` error for inputs that are not listed, a `name` error for two layers of one name
 * @source Keras `Model(inputs, outputs)`
 * @example
 * ```ts
 * const x = input({ shape: [64] });
 * const y = layers.add().apply([layers.dense(64, { activation: "relu" }).apply(x), x]);
 * const residual = model({ inputs: x, outputs: layers.dense(10).apply(y) });
 * ```
 */
export const model = (options: FunctionalOptions): Functional => new Functional(options);
