import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { suggest } from "../base/text.ts";
import { zeroGrad } from "../module/parameter.ts";
import { assignAll, Tensor } from "../tensor/tensor.ts";
import { readState } from "../module/state.ts";
import type { Dial } from "./rule.ts";
import { type Change, type Plan, reading, Stepper } from "./stepper.ts";

/** Parameters with options of their own; what is left out is as for the others. */
export type Group<Options> = { params: Iterable<Tensor> } & Partial<Options>;

/** A group at work: `lr` and the other options may be changed at any time. */
export type ActiveGroup<Options> = { readonly params: readonly Tensor[]; lr: number } & Options;

export interface BaseOptions {
  /** The size of the steps. */
  lr?: number;
}

/** What an optimizer remembers, as PyTorch has it: tensors by the place of the parameter (counted through all groups) and name, and the options of the groups. */
export interface OptimizerState {
  readonly state: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
  readonly paramGroups: readonly Readonly<Record<string, unknown>>[];
}

/** What schedules and wrappers need of an optimizer. */
export interface Stepping {
  readonly paramGroups: readonly { readonly params: readonly Tensor[]; lr: number }[];
  /** @internal What a step would change. */
  changes(): Change[];
  zeroGrad(): void;
  step(): void;
}

/** Changes parameters by their gradients, in PyTorch's manner. */
export abstract class Optimizer<Options extends BaseOptions> implements Stepping {
  readonly paramGroups: ActiveGroup<Required<Options>>[] = [];
  readonly #steppers: Stepper[] = [];
  /** The options that the rules at work were made with. */
  readonly #made: Required<Options>[] = [];
  readonly #defaults: Required<Options>;

  constructor(parameters: Iterable<Tensor> | Iterable<Group<Options>>, options: Options, defaults: Required<Options>) {
    this.#defaults = { ...defaults, ...this.#checked(options, defaults) };
    const given = [...parameters] as (Tensor | Group<Options>)[];
    if (given.length === 0) throw new CambiumError("value", this.constructor.name, "got no parameters", "model.parameters()");
    if (given.every((one) => one instanceof Tensor)) this.addParamGroup({ params: given } as unknown as Group<Options>);
    else for (const group of given) this.addParamGroup(group as Group<Options>);
  }

  /** How this optimizer changes the parameters of a group. `momentum` is that of the options where it changes from step to step. */
  protected abstract plan(options: Required<Options>, momentum?: Dial): Plan;

  /** PyTorch's names for what the rule remembers. */
  protected get names(): Readonly<Record<string, string>> {
    return {};
  }

  /** The options that may be below 0. */
  protected get signed(): readonly string[] {
    return [];
  }

  /** Refuses parameters that this optimizer cannot change. */
  protected expectFit(_parameter: Tensor): void {}

  addParamGroup({ params, ...options }: Group<Options>): void {
    const where = this.constructor.name;
    if (params === undefined || typeof (params as Iterable<Tensor>)[Symbol.iterator] !== "function")
      throw new CambiumError("value", where, "a group needs params, a list of tensors", "{ params: layer.parameters(), lr: 0.1 }");
    const list = [...params];
    for (const [i, parameter] of list.entries()) {
      if (!(parameter instanceof Tensor))
        throw new CambiumError("value", where, `a parameter is ${parameter === null ? "null" : typeof parameter}, not a tensor`);
      if (list.indexOf(parameter) !== i) throw new CambiumError("value", where, "a group holds the same parameter twice", "every parameter belongs to it once");
      if (this.paramGroups.some((group) => group.params.includes(parameter)))
        throw new CambiumError("value", where, "a parameter is in two groups", "every parameter belongs to one");
      this.expectFit(parameter);
    }
    const settings = { ...this.#defaults, ...this.#checked(options as unknown as Options, this.#defaults) };
    const plan = this.plan(settings);
    this.paramGroups.push({ ...settings, params: list } as unknown as ActiveGroup<Required<Options>>);
    this.#made.push(settings);
    this.#steppers.push(new Stepper(list, plan));
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) zeroGrad(params);
  }

  /** Changes all parameters that have a gradient, with everything that is to be computed, in one engine call. */
  step(): void {
    assignAll(this.changes());
  }

  /** @internal What a step would change. */
  changes(): Change[] {
    return this.#steppers.flatMap((stepper, i) => {
      this.#renew(i);
      return stepper.changes(() => this.paramGroups[i]!.lr);
    });
  }

  /** Takes over options of a group that were changed since its rule was made. */
  #renew(i: number): void {
    const group = this.paramGroups[i]!;
    const made = this.#made[i]!;
    const names = Object.keys(made) as (keyof Required<Options> & string)[];
    if (names.every((name) => name === "lr" || group[name] === made[name])) return;
    const options = Object.fromEntries(names.map((name) => [name, group[name]])) as Required<Options>;
    const momentumOf = (of: object): number | undefined => {
      const { momentum, betas } = of as { momentum?: number; betas?: readonly number[] };
      return momentum ?? betas?.[0];
    };
    // A momentum that a schedule moves is handed over at each run; what else was changed is part of the program, as before.
    const moved = momentumOf(options) !== momentumOf(made);
    this.#steppers[i]!.replan(this.plan(options, moved ? reading(() => momentumOf(group)!) : undefined));
    if (!moved) this.#made[i] = options;
  }

  /** What is remembered of the steps so far: a checkpoint keeps it beside the model's. */
  stateDict(): OptimizerState {
    const state: Record<string, Record<string, Tensor>> = {};
    for (const [place, name, tensor] of this.#memory()) (state[place] ??= {})[name] = readState([[name, tensor]])[name]!;
    let place = 0;
    const paramGroups = this.paramGroups.map(({ params, ...options }) => ({ ...options, params: params.map(() => place++) }));
    return { state, paramGroups };
  }

  /** @throws a `name` error when the state lacks something, a `shape` error when it does not fit; then nothing has changed */
  loadStateDict({ state, paramGroups }: OptimizerState): void {
    const where = `${this.constructor.name}.loadStateDict`;
    if (!Array.isArray(paramGroups) || typeof state !== "object" || state === null)
      throw new CambiumError("value", where, "expected { state, paramGroups }, what stateDict() gives");
    if (paramGroups.length !== this.paramGroups.length)
      throw new CambiumError("value", where, `the state has ${paramGroups.length} groups, this optimizer ${this.paramGroups.length}`);
    const changes: Change[] = [];
    for (const [place, name, tensor] of this.#memory()) {
      const value = state[place]?.[name];
      if (!(value instanceof Tensor))
        throw new CambiumError("name", where, `the state lacks "${place}.${name}"`, "it seems to belong to another optimizer, or to other parameters");
      if (!same(value.shape, tensor.shape))
        throw new CambiumError("shape", where, `"${place}.${name}" is ${show(tensor.shape)} here and ${show(value.shape)} in the state`);
      changes.push([tensor, value.to(tensor.dtype)]);
    }
    assignAll(changes);
    for (const [i, { params: _, ...options }] of paramGroups.entries())
      for (const [name, value] of Object.entries(options)) if (name in this.paramGroups[i]!) (this.paramGroups[i] as Record<string, unknown>)[name] = value;
  }

  /** What is remembered, by parameter and name. Steps and other single numbers of a group are those of each of its parameters. */
  *#memory(): Generator<[place: number, name: string, tensor: Tensor]> {
    let place = 0;
    for (const stepper of this.#steppers)
      for (const slots of stepper.slots) {
        if (stepper.counts) yield [place, "step", stepper.count];
        for (const [name, tensor] of [...Object.entries(stepper.shared), ...Object.entries(slots)]) yield [place, this.names[name] ?? name, tensor];
        place++;
      }
  }

  #checked(options: Options, known: object): Options {
    for (const [name, value] of Object.entries(options)) {
      if (!Object.hasOwn(known, name)) throw new CambiumError("name", this.constructor.name, `there is no option "${name}"`, suggest(name, Object.keys(known)));
      if (typeof value === "number" && !(value >= 0) && !this.signed.includes(name))
        throw new CambiumError("value", this.constructor.name, `${name} is ${value}; it is a number from 0`);
    }
    return options;
  }
}
