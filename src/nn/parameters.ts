/** Lists and dictionaries of parameters, for modules that have as many as they are told. */
import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Tensors under names of their own, in order. */
abstract class Parameters extends Module {
  readonly #held: Map<string, Tensor> = new Map();

  override *namedTensors(): Generator<[name: string, tensor: Tensor]> {
    yield* this.#held;
  }

  get length(): number {
    return this.#held.size;
  }

  forward(): never {
    throw new CambiumError(
      "state",
      this.constructor.name,
      "it holds parameters and has no forward of its own",
      "use them in the forward of the module that owns it",
    );
  }

  protected put(name: string, tensor: unknown): void {
    if (!(tensor instanceof Tensor))
      throw new CambiumError("value", this.constructor.name, `${name} is ${tensor === null ? "null" : typeof tensor}, not a tensor`, "wrap it: tensor(x)");
    this.#held.set(name, parameter(tensor));
  }

  protected held(name: string): Tensor {
    const found = this.#held.get(name);
    if (!found) throw new CambiumError("name", this.constructor.name, `there is no parameter "${name}"; there are ${this.names.join(", ") || "none"}`);
    return found;
  }

  protected get names(): string[] {
    return [...this.#held.keys()];
  }

  protected override describe(): string {
    return [...this.#held].map(([name, { shape, dtype }]) => `${name}: ${dtype} [${shape.join(", ")}]`).join(", ");
  }
}

/** Parameters in a list; they count as its owner's. @source PyTorch `nn.ParameterList` */
export class ParameterList extends Parameters {
  constructor(parameters: Iterable<Tensor> = []) {
    super();
    for (const parameter of parameters) this.append(parameter);
  }

  /** The parameter at `index`; negative counts from the end. */
  at(index: number): Tensor {
    return this.held(this.names.at(index) ?? String(index));
  }

  append(parameter: Tensor): this {
    this.put(String(this.length), parameter);
    return this;
  }

  *[Symbol.iterator](): Generator<Tensor> {
    for (const [, parameter] of this.namedTensors()) yield parameter;
  }
}

/** Parameters under names; they count as its owner's. @source PyTorch `nn.ParameterDict` */
export class ParameterDict extends Parameters {
  constructor(parameters: Readonly<Record<string, Tensor>> = {}) {
    super();
    for (const [name, parameter] of Object.entries(parameters)) this.set(name, parameter);
  }

  get(name: string): Tensor {
    return this.held(name);
  }

  set(name: string, parameter: Tensor): this {
    this.put(name, parameter);
    return this;
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  keys(): string[] {
    return this.names;
  }
}
