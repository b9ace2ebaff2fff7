import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { scalar } from "../graph/node.ts";
import { constrained } from "../module/parameter.ts";
import { full, zeros } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { breadth, type Rule } from "./rule.ts";

/** What an optimizer does besides its rule. */
export interface Settings {
  /** How much of each parameter is taken away at each step. */
  weightDecay?: number | Tensor;
  /** Whether decay is taken off the parameter itself (times the rate) instead of being added to its gradient. */
  decoupled?: boolean;
  /** Climbs instead. */
  maximize?: boolean;
}

/** How one parameter is changed. */
export interface Plan {
  readonly rule: Rule;
  readonly settings: Settings;
}

/** What a tensor is to become. */
export type Change = [tensor: Tensor, next: Tensor];

/** Where the size of the steps comes from: read on the host at each run, or worked out from the number of steps before. */
export type Rate = (() => number) | { readonly at: (steps: Tensor) => Tensor };

/** A number that may change from step to step, without a program having to be compiled anew. */
export function reading(read: () => number, dtype: "float32" | "float64" = "float32"): Tensor {
  const node = scalar(read(), dtype);
  node.owner = read;
  return new Tensor(node);
}

/** Rules at work on parameters, with what they remember of them. */
export class Stepper {
  readonly parameters: readonly Tensor[];
  readonly #plans: Plan[];
  readonly #count: Tensor = zeros([]);
  readonly #slots: readonly Record<string, Tensor>[];
  readonly #shared: Record<string, Tensor> = {};

  constructor(parameters: readonly Tensor[], plan: Plan | ((parameter: Tensor, place: number) => Plan)) {
    this.parameters = parameters;
    this.#plans = parameters.map((parameter, i) => (typeof plan === "function" ? plan(parameter, i) : plan));
    for (const { rule } of this.#plans) for (const [name, start] of Object.entries(rule.shared ?? {})) this.#shared[name] ??= full([], start);
    this.#slots = parameters.map(() => ({}));
    this.#remember();
  }

  /** Makes the memory that the rules want and there is not yet. */
  #remember(): void {
    this.parameters.forEach((parameter, i) => {
      const { slots } = this.#plans[i]!.rule;
      for (const [name, start] of Object.entries(typeof slots === "function" ? slots(parameter) : slots))
        this.#slots[i]![name] ??= start instanceof Tensor ? start : full(parameter.shape, start, { dtype: parameter.dtype });
    });
  }

  /** Goes on by another rule; what it remembers under the same names stays. */
  replan(plan: Plan): void {
    this.#plans.fill(plan);
    this.#remember();
  }

  /** What every tensor is to become after a step of the given size; parameters without a gradient stay. */
  changes(rate: Rate, gradients: readonly (Tensor | undefined)[] = this.parameters.map(({ grad }) => grad)): Change[] {
    const changes: Change[] = [];
    const counts = "at" in rate || this.#plans.some(({ rule }) => rule.counts);
    const count = counts ? this.#count.add(1) : this.#count;
    if (counts) changes.push([this.#count, count]);
    const setups = new Map<Rule, Map<string, Setup>>();
    const shared = new Map<Tensor, Tensor>();
    this.parameters.forEach((parameter, i) => {
      const given = gradients[i];
      if (!given) return;
      const { rule, settings } = this.#plans[i]!;
      const kinds = setups.get(rule) ?? new Map<string, Setup>();
      setups.set(rule, kinds);
      let setup = kinds.get(breadth(parameter));
      if (!setup) kinds.set(breadth(parameter), (setup = this.#setup(rule, rate, count, parameter, shared)));
      const { weightDecay = 0, decoupled = false, maximize = false } = settings;
      const upward = maximize ? given.neg() : given;
      const gradient = weightDecay !== 0 && !decoupled ? upward.add(parameter.mul(weightDecay)) : upward;
      const start = weightDecay !== 0 && decoupled ? parameter.sub(parameter.mul(setup.rate.mul(weightDecay))) : parameter;
      const slots = this.#slots[i]!;
      const next = rule.step({ parameter: start, before: parameter, gradient, slots, ...setup });
      changes.push([parameter, constrained(parameter, next.parameter.to(parameter.dtype))]);
      for (const [name, value] of Object.entries(next.slots)) changes.push([slots[name]!, value.to(slots[name]!.dtype)]);
    });
    changes.push(...shared);
    return changes;
  }

  #setup(rule: Rule, rate: Rate, count: Tensor, like: Tensor, changed: Map<Tensor, Tensor>): Setup {
    const dtype = breadth(like);
    const by = "at" in rate ? rate.at(count.sub(1)).to(dtype) : reading(rate, dtype);
    const counted = count.to(dtype);
    const common = rule.common?.(by, counted, this.#shared) ?? {};
    for (const name of Object.keys(rule.shared ?? {})) changed.set(this.#shared[name]!, common[name]!);
    return { rate: by, count: counted, common };
  }

  /** Steps so far, where anything goes by them. */
  get count(): Tensor {
    return this.#count;
  }

  /** What is remembered of all parameters together. */
  get shared(): Readonly<Record<string, Tensor>> {
    return this.#shared;
  }

  /** What is remembered of each parameter. */
  get slots(): readonly Readonly<Record<string, Tensor>>[] {
    return this.#slots;
  }

  /** Whether any rule goes by the number of steps. */
  get counts(): boolean {
    return this.#plans.some(({ rule }) => rule.counts);
  }

  /** All that is remembered, under the names of the parameters. */
  *memory(names: readonly string[], counts: boolean = this.counts): Generator<[name: string, tensor: Tensor]> {
    if (counts) yield ["count", this.#count];
    yield* Object.entries(this.#shared);
    for (const [i, slots] of this.#slots.entries()) for (const [name, tensor] of Object.entries(slots)) yield [`${names[i]}.${name}`, tensor];
  }
}

/** What the parameters of one rule and dtype have in common in a step. */
interface Setup {
  readonly rate: Tensor;
  readonly count: Tensor;
  readonly common: Readonly<Record<string, Tensor>>;
}

/** What tensors have to become for a memory to hold what `state` says. */
export function restored(where: string, memory: Iterable<[name: string, tensor: Tensor]>, state: Readonly<Record<string, Tensor>>): Change[] {
  return [...memory].map(([name, tensor]) => {
    const value = state[name];
    if (!value) throw new CambiumError("name", where, `the state lacks "${name}"`, "it seems to belong to another optimizer, or to other parameters");
    if (!same(value.shape, tensor.shape))
      throw new CambiumError("shape", where, `"${name}" is ${show(tensor.shape)} here and ${show(value.shape)} in the state`);
    return [tensor, value.to(tensor.dtype)];
  });
}
