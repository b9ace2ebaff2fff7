/** A body as code: what is the same everywhere is made once, what is the same along a row once a row, and the rest four numbers at a time. */
import type { Body, Instruction, View } from "../../compiler/program.ts";
import type { DType } from "../../base/dtype.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { type Context, desk } from "./context.ts";
import { Lanes, type Vector } from "./lanes.ts";
import { asDouble, asFloat, asInteger, cast, load, type Register, store, truth, type Width } from "./numbers.ts";
import { isSimple, operate } from "./operations.ts";
import { randomWords, uniform } from "./random.ts";

const folds = new Set(["sum", "max", "min", "prod", "argMax", "argMin"]);
export const isFold = (op: string): boolean => folds.has(op);

/** How much a register depends on: on nothing, on the row, or on the number's place along the row. */
type Level = 0 | 1 | 2;

/** Registers at one place; those of lower levels are shared by all places. */
interface Place {
  readonly registers: (Register | undefined)[];
  /** Registers in the form in which the body calculates. */
  readonly operands: (Register | undefined)[];
  readonly width: Width;
  /** Numbers from where the pointers are. */
  readonly at: number;
}

/** A pointer that moves with the loops, and how far it goes for a step along each axis, in bytes. */
interface Pointer {
  readonly local: Local<"i32">;
  readonly steps: readonly number[];
}

export class BodyWriter {
  readonly f: FunctionBuilder;
  readonly body: Body;
  readonly #context: Context;
  readonly #table: Local<"i32">;
  readonly #dims: readonly number[];
  /** The axis along which four numbers are done at once. */
  readonly #along: number;
  readonly #levels: Level[] = [];
  /** In which pass over a row each register is known; folds make the next pass necessary. */
  readonly #passes: number[] = [];
  readonly #shared: { registers: (Register | undefined)[]; operands: (Register | undefined)[] } = { registers: [], operands: [] };
  readonly #pointers = new Map<View, Pointer>();
  /** Where numbers are kept from one pass over a row for later ones, by register: bytes into scratch memory for each number of a row. */
  readonly #kept = new Map<number, number>();
  #keptPointer: Pointer | undefined;
  /** The position along each axis, set by the loops. */
  readonly indices: (Local<"i32"> | undefined)[];

  constructor(context: Context, f: FunctionBuilder, table: Local<"i32">, body: Body, dims: readonly number[], along: number = dims.length - 1) {
    this.#context = context;
    this.f = f;
    this.#table = table;
    this.body = body;
    this.#dims = dims;
    this.#along = along;
    this.indices = dims.map(() => undefined);
    this.#sort();
  }

  get #wide(): boolean {
    return this.body.type === "float64";
  }

  #step(view: { readonly strides: readonly number[] }, axis: number): number {
    return this.#dims[axis] === 1 ? 0 : view.strides[axis]!;
  }

  #levelOf(view: { readonly strides: readonly number[] }): Level {
    if (this.#step(view, this.#along) !== 0) return 2;
    return this.#dims.some((_, axis) => this.#step(view, axis) !== 0) ? 1 : 0;
  }

  #sort(): void {
    const { given, loads, code } = this.body;
    for (let i = 0; i < given; i++) this.#levels.push(2);
    for (const view of loads) this.#levels.push(this.#levelOf(view));
    for (let i = this.#levels.length; i > 0; i--) this.#passes.push(0);
    for (const { op, args, attrs } of code) {
      const most = Math.max(0, ...args.map((a) => this.#levels[a]!)) as Level;
      const pass = Math.max(0, ...args.map((a) => this.#passes[a]!));
      const fold = isFold(op) && args.length === 1;
      const own: Level = op === "index" ? this.#levelOf({ strides: this.#dims.map((_, i) => (i === attrs!.axis ? 1 : 0)) }) : attrs?.strides ? 2 : most;
      this.#levels.push(fold ? 1 : (Math.max(most, own) as Level));
      this.#passes.push(fold ? pass + 1 : pass);
    }
  }

  instruction(register: number): Instruction | undefined {
    return this.body.code[register - this.body.given - this.body.loads.length];
  }
  level(register: number): Level {
    return this.#levels[register]!;
  }
  pass(register: number): number {
    return this.#passes[register]!;
  }

  /** Points all pointers at the beginning, and makes what is the same everywhere. Written once, before all loops. */
  begin(): void {
    const { f } = this;
    for (const view of [...this.body.loads, ...this.body.stores]) {
      if (view.value < 0) continue;
      const size = this.#context.sizeOf(view.value);
      const { home } = this.#context.values[view.value]!;
      const summed = home.at === "partial" && (this.body.loads as readonly View[]).includes(view);
      const base = summed ? f.plus(f.i32.load(f.get(this.#table), desk.partials), home.offset) : this.#context.address(f, this.#table, view.value);
      this.#pointers.set(view, { local: f.hold("i32", f.plus(base, view.offset * size)), steps: this.#dims.map((_, axis) => this.#step(view, axis) * size) });
    }
    this.#make(0, 0);
  }

  /** Makes what is the same along the row the pointers are on. */
  row(pass = 0): void {
    this.#make(1, pass);
  }

  #make(level: Level, pass: number): void {
    for (let r = this.body.given; r < this.#levels.length; r++) {
      const code = this.instruction(r);
      if (this.#levels[r] !== level || this.#passes[r] !== pass || (code && isFold(code.op) && code.args.length === 1)) continue;
      this.#shared.registers[r] = undefined;
      this.#shared.operands[r] = undefined;
      this.#operand({ ...this.#shared, width: 4, at: 0 }, r);
    }
  }

  /** Says what a fold over a row has given. */
  know(register: number, result: Register): void {
    this.#shared.registers[register] = result;
    this.#shared.operands[register] = undefined;
  }

  /** A place `at` numbers after the pointers; `given` are the first registers. */
  place(width: Width, at: number, given: readonly Register[] = []): Place {
    return { registers: [...given, ...this.#shared.registers.slice(given.length)], operands: this.#shared.operands.slice(), width, at };
  }

  /** A register at a place, made there if it is not yet known. */
  register(place: Place, r: number): Register {
    const known = place.registers[r];
    if (known) return known;
    const made = this.#register(place, r);
    place.registers[r] = made;
    return made;
  }

  #register(place: Place, r: number): Register {
    const { f, body } = this;
    const view = body.loads[r - body.given];
    if (view) return this.#load(view, place);
    const kept = this.#kept.get(r);
    if (kept !== undefined) {
      const { local } = this.#keptPointer!;
      return load(f, this.#wide ? "float64" : "float32", local, kept + place.at * (this.#wide ? 8 : 4), 1, place.width);
    }
    const { op, args, attrs } = this.instruction(r)!;
    switch (op) {
      case "number": {
        const x = f.hold("v128", this.#wide ? f.doubles(attrs!.value as number) : f.floats(attrs!.value as number));
        return this.#wide ? { kind: "double", x, y: x } : { kind: "float", x };
      }
      case "index": {
        const axis = attrs!.axis as number;
        if (this.#dims[axis] === 1) return { kind: "integer", x: f.hold("v128", f.integers(0)) };
        return this.#places(axis, place);
      }
      case "random":
      case "uniform": {
        const counter = this.#counter(attrs!.strides as number[], attrs!.offset as number, place.at);
        const step = this.#step({ strides: attrs!.strides as number[] }, this.#along);
        const [seed, stream] = args.map((a) => asInteger(f, this.register(place, a)));
        const words = randomWords(f, seed!, stream!, counter, step);
        return op === "random" ? { kind: "integer", x: words } : { kind: "float", x: uniform(f, words) };
      }
      case "cast":
        return cast(f, attrs!.dtype as DType, this.register(place, args[0]!), place.width);
      case "castBool":
        return { kind: "integer", x: truth(f, this.register(place, args[0]!)) };
      default:
        return this.#operate(op, args, place, this.#levels[r]! < 2);
    }
  }

  #operate(op: string, args: readonly number[], place: Place, uniform: boolean): Register {
    const { f } = this;
    const { module } = this.#context;
    if (!this.#wide) {
      const operands = args.map((a) => (this.#operand(place, a) as { x: Vector }).x);
      const live = uniform ? 1 : place.width;
      const x = operate(module, new Lanes(f, false, live), op, operands);
      // Where each lane is worked out alone, only the first has been.
      return { kind: "float", x: uniform ? f.hold("v128", f.v128.shuffle32(f.get(x), f.get(x), [0, 0, 0, 0])) : x };
    }
    const operands = args.map((a) => this.#operand(place, a) as Register & { kind: "double" });
    const half = (part: (r: Register & { kind: "double" }) => Vector): Vector =>
      operate(module, new Lanes(f, true, uniform || place.width === 1 ? 1 : 2), op, operands.map(part));
    const x = half((r) => r.x);
    if (uniform) {
      const all = f.hold("v128", f.v128.shuffle32(f.get(x), f.get(x), [0, 1, 0, 1]));
      return { kind: "double", x: all, y: all };
    }
    return { kind: "double", x, y: place.width === 4 ? half((r) => r.y!) : undefined };
  }

  /** A register in the form in which the body calculates. */
  #operand(place: Place, r: number): Register {
    const register = this.register(place, r);
    const known = place.operands[r];
    if (known) return known;
    const shared = this.#levels[r]! < 2;
    const made: Register = this.#wide
      ? { kind: "double", ...asDouble(this.f, register, shared ? 4 : place.width) }
      : { kind: "float", x: asFloat(this.f, register) };
    place.operands[r] = made;
    return made;
  }

  /** Positions along an axis at a place. */
  #places(axis: number, place: Place): Register {
    const { f } = this;
    const first = f.i32x4.splat(f.plus(f.get(this.indices[axis]!), axis === this.#along ? place.at : 0));
    if (axis !== this.#along) return { kind: "integer", x: f.hold("v128", first) };
    return { kind: "integer", x: f.hold("v128", f.i32x4.add(first, f.lanes([0, 1, 2, 3]))) };
  }

  /** Positions along the row at a place: what argMax counts. */
  along(place: Place): Register {
    return this.#places(this.#along, place);
  }

  #counter(strides: readonly number[], offset: number, at: number): Local<"i64"> {
    const { f } = this;
    const counter = f.hold("i64", f.long(offset + at * this.#step({ strides }, this.#along)));
    strides.forEach((_, axis) => {
      const step = this.#step({ strides }, axis);
      if (step !== 0) f.set(counter, f.i64.add(f.get(counter), f.i64.mul(f.i64.extendUnsigned(f.get(this.indices[axis]!)), f.long(step))));
    });
    return counter;
  }

  #load(view: View, place: Place): Register {
    const { f } = this;
    const dtype = this.#context.dtypeOf(view.value);
    const pointer = this.#pointers.get(view)!;
    const stride = this.#step(view, this.#along);
    const offset = place.at * pointer.steps[this.#along]!;
    const one = (copy: number): Register => load(f, dtype, pointer.local, offset + copy * this.#context.partialBytes, stride, place.width);
    let sum = one(0);
    if (!this.#context.isPartial(view.value)) return sum;
    for (let copy = 1; copy < this.#context.threads; copy++) sum = this.#added(sum, one(copy), place.width);
    return sum;
  }

  #added(a: Register, b: Register, width: Width): Register {
    const { f } = this;
    if (a.kind === "float") return { kind: "float", x: f.hold("v128", f.f32x4.add(f.get(a.x), f.get(asFloat(f, b)))) };
    const [p, q] = [asDouble(f, a, width), asDouble(f, b, width)];
    const x = f.hold("v128", f.f64x2.add(f.get(p.x), f.get(q.x)));
    return { kind: "double", x, y: p.y && q.y ? f.hold("v128", f.f64x2.add(f.get(p.y), f.get(q.y))) : undefined };
  }

  /** Stores that go with each number, or with each row. */
  stores(perRow: boolean): Body["stores"] {
    return this.body.stores.filter((s) => s.value >= 0 && (this.#step(s, this.#along) === 0) === perRow);
  }

  /** Makes the registers of stores, so that all is read before anything is written. */
  ready(place: Place, perRow: boolean): void {
    for (const s of this.stores(perRow)) this.register(place, s.register);
  }

  write(place: Place, perRow: boolean): void {
    for (const s of this.stores(perRow)) {
      const dtype = this.#context.dtypeOf(s.value);
      const pointer = this.#pointers.get(s)!;
      const stride = this.#step(s, this.#along);
      const width = perRow ? 1 : place.width;
      const offset = perRow ? 0 : place.at * pointer.steps[this.#along]!;
      let register = this.register(place, s.register);
      if (this.#context.isPartial(s.value)) register = this.#added(register, load(this.f, dtype, pointer.local, offset, stride, width), width);
      store(this.f, dtype, pointer.local, offset, stride, width, register);
    }
  }

  #moving(): Pointer[] {
    return [...this.#pointers.values(), ...(this.#keptPointer ? [this.#keptPointer] : [])];
  }

  /** Moves all pointers so many steps along an axis. */
  move(axis: number, steps: number | Local<"i32">): void {
    const { f } = this;
    for (const { local, steps: by } of this.#moving()) {
      const bytes = by[axis]!;
      if (bytes === 0) continue;
      if (typeof steps !== "number") f.set(local, f.i32.add(f.get(local), f.i32.mul(f.get(steps), f.integer(bytes))));
      else f.set(local, f.i32.add(f.get(local), f.integer(steps * bytes)));
    }
  }

  /**
   * Decides what is kept from one pass over a row for later ones: what took more than fetching it. `wanted[p]`: registers that pass p needs.
   * What is kept has to be in the form in which the body calculates.
   */
  keep(wanted: readonly (readonly number[])[]): number[][] {
    const size = this.#wide ? 8 : 4;
    const length = this.#dims[this.#along]!;
    const made = new Map<number, number>();
    const keeps: number[][] = wanted.map(() => []);
    let bytes = 0;
    wanted.forEach((list, pass) => {
      const seen = new Set<number>();
      const visit = (r: number): void => {
        const code = this.instruction(r);
        if (seen.has(r) || this.#levels[r]! < 2 || !code) return;
        seen.add(r);
        const before = made.get(r);
        if (before !== undefined && before < pass && !isSimple(code.op) && code.op !== "index" && code.op !== "number" && code.op !== "cast") {
          if (keeps[before]!.includes(r)) return;
          keeps[before]!.push(r);
          this.#keptPlaces.set(r, bytes);
          bytes += Math.ceil((length * size) / 16) * 16;
          return;
        }
        if (before === undefined) made.set(r, pass);
        for (const a of code.args) visit(a);
      };
      for (const r of list) visit(r);
    });
    this.#context.reserve(bytes);
    return keeps;
  }
  readonly #keptPlaces = new Map<number, number>();

  /** Points at the memory in which things are kept. Written once, before all loops. */
  beginKeeping(): void {
    if (this.#keptPlaces.size === 0) return;
    const local = this.f.hold("i32", this.#context.scratchAddress(this.f, this.#table));
    this.#keptPointer = { local, steps: this.#dims.map((_, axis) => (axis === this.#along ? (this.#wide ? 8 : 4) : 0)) };
  }

  /** Keeps a register at a place for later passes, which `kept` turns on. */
  keepAt(place: Place, r: number): void {
    const { f } = this;
    const at = this.#keptPlaces.get(r)! + place.at * (this.#wide ? 8 : 4);
    store(f, this.#wide ? "float64" : "float32", this.#keptPointer!.local, at, 1, place.width, this.#operand(place, r));
  }

  /** From here on these registers are fetched instead of made. */
  kept(registers: readonly number[]): void {
    for (const r of registers) this.#kept.set(r, this.#keptPlaces.get(r)!);
  }
}

export type { Place };
