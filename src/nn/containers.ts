import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";

function expectModule(where: string, name: string, value: unknown): Module {
  if (value instanceof Module) return value;
  throw new CambiumError(
    "value",
    where,
    `${name} is ${typeof value === "function" ? "a function" : value === null ? "null" : typeof value}, not a module`,
    typeof value === "function" ? "did you forget `new`, as in new nn.ReLU()?" : undefined,
  );
}

/** A module that holds others under names of its own, in order. */
abstract class Container extends Module {
  #parts: Map<string, Module> = new Map();

  override *namedChildren(): Generator<[name: string, child: Module]> {
    yield* this.#parts;
  }

  get length(): number {
    return this.#parts.size;
  }

  /** The part with that name; for lists, also counted from the end. */
  protected part(name: string): Module {
    const found = this.#parts.get(name);
    if (!found) throw new CambiumError("name", this.constructor.name, `there is no part "${name}"; there are ${[...this.#parts.keys()].join(", ") || "none"}`);
    return found;
  }

  protected put(name: string, module: unknown): void {
    this.#parts.set(name, expectModule(this.constructor.name, name, module));
  }

  protected remove(name: string): void {
    this.#parts.delete(name);
  }

  protected get names(): string[] {
    return [...this.#parts.keys()];
  }
}

/**
 * Modules one after another: each gets what the one before made.
 * @example
 * ```ts
 * const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 * ```
 */
export class Sequential extends Container {
  constructor(...modules: Module[] | [Readonly<Record<string, Module>>]) {
    super();
    const [first] = modules;
    const named =
      modules.length === 1 && first && !(first instanceof Module) && typeof first === "object"
        ? Object.entries(first)
        : modules.map((module, i) => [String(i), module] as const);
    for (const [name, module] of named) this.put(name, module);
  }

  forward(x: any): any {
    for (const [, module] of this.namedChildren()) x = module.forward(x);
    return x;
  }

  /** The module at `index`; negative counts from the end. */
  at(index: number): Module {
    return this.part(this.names.at(index) ?? String(index));
  }

  /** Adds a module at the end. */
  append(module: Module): this {
    this.put(String(this.length), module);
    return this;
  }

  *[Symbol.iterator](): Generator<Module> {
    for (const [, module] of this.namedChildren()) yield module;
  }
}

/** A list of modules whose parameters count as its owner's. */
export class ModuleList extends Container {
  constructor(modules: Iterable<Module> = []) {
    super();
    for (const module of modules) this.append(module);
  }

  forward(): never {
    throw new CambiumError("state", "ModuleList", "a list has no forward of its own", "go through it: for (const module of list) x = module.forward(x)");
  }

  at(index: number): Module {
    return this.part(this.names.at(index) ?? String(index));
  }

  append(module: Module): this {
    this.put(String(this.length), module);
    return this;
  }

  *[Symbol.iterator](): Generator<Module> {
    for (const [, module] of this.namedChildren()) yield module;
  }

  override toString(): string {
    const texts = this.children().map(String);
    const lines: string[] = [];
    for (let i = 0; i < texts.length; ) {
      let end = i + 1;
      while (end < texts.length && texts[end] === texts[i]) end++;
      lines.push(`  (${end - i === 1 ? i : `${i}-${end - 1}`}): ${end - i === 1 ? "" : `${end - i} x `}${texts[i]!.replaceAll("\n", "\n  ")}`);
      i = end;
    }
    return lines.length === 0 ? "ModuleList()" : `ModuleList(\n${lines.join("\n")}\n)`;
  }
}

/** Modules under names, whose parameters count as its owner's. */
export class ModuleDict extends Container {
  constructor(modules: Readonly<Record<string, Module>> = {}) {
    super();
    for (const [name, module] of Object.entries(modules)) this.put(name, module);
  }

  forward(): never {
    throw new CambiumError("state", "ModuleDict", "a dictionary has no forward of its own", "take a part: dict.get(name).forward(x)");
  }

  get(name: string): Module {
    return this.part(name);
  }

  set(name: string, module: Module): this {
    this.put(name, module);
    return this;
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  delete(name: string): void {
    this.remove(name);
  }

  keys(): string[] {
    return this.names;
  }
}
