import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";
import { zeroGrad } from "../module/parameter.ts";
import { readState, type StateDict } from "../module/state.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import type { Rule } from "./rule.ts";
import { restored, type Settings, Stepper } from "./stepper.ts";

/** Parameters with options of their own; what is left out is as for the others. */
export type Group<Options> = { params: Iterable<Tensor> } & Partial<Options>;

/** A group at work: `lr` may be changed at any time. */
export type ActiveGroup<Options> = { readonly params: readonly Tensor[]; lr: number } & Options;

export interface BaseOptions {
  /** The size of the steps. */
  lr?: number;
}

/** What an optimizer remembers, and the options of its groups. */
export interface OptimizerState {
  readonly state: StateDict;
  readonly paramGroups: readonly Record<string, unknown>[];
}

/** Changes parameters by their gradients, in PyTorch's manner. */
export abstract class Optimizer<Options extends BaseOptions> {
  readonly paramGroups: ActiveGroup<Required<Options>>[] = [];
  readonly #steppers: Stepper[] = [];
  readonly #defaults: Required<Options>;

  constructor(parameters: Iterable<Tensor> | Iterable<Group<Options>>, options: Options, defaults: Required<Options>) {
    this.#defaults = { ...defaults, ...this.#checked(options, defaults) };
    const given = [...parameters] as (Tensor | Group<Options>)[];
    if (given.length === 0) throw new CambiumError("value", this.constructor.name, "got no parameters", "model.parameters()");
    if (given.every((one) => one instanceof Tensor)) this.addParamGroup({ params: given } as unknown as Group<Options>);
    else for (const group of given) this.addParamGroup(group as Group<Options>);
  }

  /** How this optimizer changes the parameters of a group. */
  protected abstract rule(options: Required<Options>): { rule: Rule; settings: Settings };

  addParamGroup({ params, ...options }: Group<Options>): void {
    const where = this.constructor.name;
    if (params === undefined || typeof (params as Iterable<Tensor>)[Symbol.iterator] !== "function")
      throw new CambiumError("value", where, "a group needs params, a list of tensors", "{ params: layer.parameters(), lr: 0.1 }");
    const list = [...params];
    for (const parameter of list) {
      if (!(parameter instanceof Tensor))
        throw new CambiumError("value", where, `a parameter is ${parameter === null ? "null" : typeof parameter}, not a tensor`);
      if (this.paramGroups.some((group) => group.params.includes(parameter)))
        throw new CambiumError("value", where, "a parameter is in two groups", "every parameter belongs to one");
    }
    const settings = { ...this.#defaults, ...this.#checked(options as unknown as Options, this.#defaults) };
    const { rule, settings: rest } = this.rule(settings);
    this.paramGroups.push({ ...settings, params: list } as unknown as ActiveGroup<Required<Options>>);
    this.#steppers.push(new Stepper(list, rule, rest));
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) zeroGrad(params);
  }

  /** Changes all parameters that have a gradient, with everything that is to be computed, in one engine call. */
  step(): void {
    assignAll(this.#steppers.flatMap((stepper, i) => stepper.changes(() => this.paramGroups[i]!.lr)));
  }

  /** What is remembered of the steps so far: a checkpoint keeps it beside the model's. */
  stateDict(): OptimizerState {
    return { state: readState(this.#memory()), paramGroups: this.paramGroups.map(({ params: _, ...options }) => ({ ...options })) };
  }

  /** @throws a `name` error when the state lacks something, a `shape` error when it does not fit; then nothing has changed */
  loadStateDict({ state, paramGroups }: OptimizerState): void {
    if (paramGroups.length !== this.paramGroups.length)
      throw new CambiumError(
        "value",
        `${this.constructor.name}.loadStateDict`,
        `the state has ${paramGroups.length} groups, this optimizer ${this.paramGroups.length}`,
      );
    assignAll(restored(`${this.constructor.name}.loadStateDict`, this.#memory(), state));
    paramGroups.forEach(({ lr }, i) => typeof lr === "number" && (this.paramGroups[i]!.lr = lr));
  }

  *#memory(): Generator<[name: string, tensor: Tensor]> {
    for (const [i, stepper] of this.#steppers.entries())
      for (const [name, tensor] of stepper.memory(stepper.parameters.map((_, j) => String(j)))) yield [`${i}.${name}`, tensor];
  }

  #checked(options: Options, known: object): Options {
    for (const [name, value] of Object.entries(options)) {
      if (!Object.hasOwn(known, name)) throw new CambiumError("name", this.constructor.name, `there is no option "${name}"`, suggest(name, Object.keys(known)));
      if (typeof value === "number" && !(value >= 0)) throw new CambiumError("value", this.constructor.name, `${name} is ${value}; it is a number from 0`);
    }
    return options;
  }
}
