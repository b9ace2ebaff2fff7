/** The inside of a kernel: registers, loads, instructions and stores over an index space. */
import { same, type Shape, strides as rowMajor } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { isCell, isInline, operandOver, ownStrides } from "./cluster.ts";
import { canonical } from "./view.ts";
import type { Body, Instruction, View } from "./program.ts";

/** Who knows where nodes are kept. */
export interface Memories {
  valueOf(node: Node): number;
}

/** Builds one body; registers are numbered when it is finished, since loads come before instructions. */
export class BodyBuilder {
  readonly space: Shape;
  private readonly memories: Memories;
  private readonly wide: boolean;
  private readonly given = new Map<Node, number>();
  private givenCount: number;
  private readonly loads: View[] = [];
  private readonly loadOf = new Map<string, number>();
  private readonly code: { op: string; args: Register[]; attrs?: Record<string, unknown> }[] = [];
  private readonly codeOf = new Map<string, number>();
  private readonly registerOf = new Map<Node, Register>();
  private readonly stores: { from: Register; view: View }[] = [];

  constructor(space: Shape, wide: boolean, memories: Memories, given: readonly (readonly Node[])[] = []) {
    this.space = space;
    this.wide = wide;
    this.memories = memories;
    this.givenCount = given.length;
    given.forEach((nodes, i) => {
      for (const node of nodes) this.given.set(node, i);
    });
  }

  /** Adds an op of the body. */
  add(node: Node): void {
    const { name } = node.op!;
    if (name === "uniform" || name === "randomBits") {
      const [seed, stream] = node.inputs.map((input) => this.operand(node, input));
      const strides = canonical(this.space, rowMajor(this.space));
      this.registerOf.set(node, this.emit(name === "uniform" ? "uniform" : "random", [seed!, stream!], { strides, offset: node.attrs.offset as number }));
      return;
    }
    const args = node.inputs.map((input) => this.operand(node, input));
    this.registerOf.set(node, name === "copy" ? args[0]! : this.emit(name, args, name === "cast" ? { dtype: node.dtype } : undefined));
  }

  /** The register in which `node`, made by this kernel or another, is found. `shape`: that of the op that reads it. */
  operand(user: Node, node: Node): Register {
    // A fold over rows reads its operand over the whole space, though its own result is one number a row.
    const shape = isFold(user) ? this.space : user.shape;
    const access = operandOver(this.space, shape, node);
    return this.read(access.base, access.offset, access.strides);
  }

  read(base: Node, offset: number, strides: readonly number[]): Register {
    const here = this.registerOf.get(base);
    if (here !== undefined) return here;
    const given = this.given.get(base);
    if (given !== undefined) return { kind: "given", index: given };
    if (isInline(base)) return this.inline(base, offset, strides);
    const view = { value: this.memories.valueOf(base), offset, strides };
    const key = `${view.value} ${offset} ${strides.join()}`;
    let index = this.loadOf.get(key);
    if (index === undefined) {
      this.loadOf.set(key, (index = this.loads.length));
      this.loads.push(view);
    }
    return { kind: "load", index };
  }

  private inline(base: Node, offset: number, strides: readonly number[]): Register {
    if (base.number !== undefined) {
      const zero = this.space.map(() => 0);
      const value = this.memories.valueOf(base);
      const key = `scalar ${value}`;
      let index = this.loadOf.get(key);
      if (index === undefined) {
        this.loadOf.set(key, (index = this.loads.length));
        this.loads.push({ value, offset: 0, strides: zero });
      }
      return { kind: "load", index };
    }
    if (base.op!.name === "constant") return this.emit("number", [], { value: base.attrs.value });
    // range: the position along an axis, stepped and shifted.
    const axis = strides.findIndex((s) => s !== 0);
    const step = axis < 0 ? 0 : strides[axis]!;
    let at = axis < 0 ? this.emit("number", [], { value: 0 }) : this.emit("index", [], { axis });
    if (step !== 1 && axis >= 0) at = this.emit("mul", [at, this.emit("number", [], { value: step })]);
    return offset === 0 ? at : this.emit("add", [at, this.emit("number", [], { value: offset })]);
  }

  private emit(op: string, args: Register[], attrs?: Record<string, unknown>): Register {
    const key = `${op} ${args.map((r) => r.kind + r.index).join()} ${JSON.stringify(attrs, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : Object.is(v, -0) ? "-0" : v))}`;
    let index = this.codeOf.get(key);
    if (index === undefined) {
      this.codeOf.set(key, (index = this.code.length));
      this.code.push({ op, args, ...(attrs && { attrs }) });
    }
    return { kind: "code", index };
  }

  /** Stores `node`, which this kernel makes, in order at `value`. */
  store(node: Node, value: number): void {
    const strides =
      same(node.shape, this.space) || !isCell(node.shape, this.space) ? canonical(this.space, rowMajor(this.space)) : ownStrides(node, this.space);
    this.storeAt(this.registerOf.get(node) ?? { kind: "given", index: this.given.get(node)! }, { value, offset: 0, strides });
  }

  storeAt(from: Register, view: View): void {
    this.stores.push({ from, view });
  }

  /** The register of a node already added, or given. */
  registerFor(node: Node): Register {
    return this.registerOf.get(node) ?? { kind: "given", index: this.given.get(node)! };
  }

  finish(): Body {
    const number = (r: Register): number => (r.kind === "given" ? 0 : r.kind === "load" ? this.givenCount : this.givenCount + this.loads.length) + r.index;
    return {
      type: this.wide ? "float64" : "float32",
      given: this.givenCount,
      loads: this.loads,
      code: this.code.map(({ op, args, attrs }): Instruction => ({ op, args: args.map(number), ...(attrs && { attrs }) })),
      stores: this.stores.map(({ from, view }) => ({ ...view, register: number(from) })),
    };
  }
}

export interface Register {
  readonly kind: "given" | "load" | "code";
  readonly index: number;
}

const foldNames = new Set(["sum", "max", "min", "prod", "argMax", "argMin"]);
const isFold = (node: Node): boolean => foldNames.has(node.op?.name ?? "");

/**
 * An index space with as few axes as its readings allow, the last always kept apart when `keepLast`.
 * Neighbouring axes join where every reading runs through both as through one. With `keepFirst` axis 0 stays (the samples).
 */
export function collapse(space: Shape, bodies: readonly Body[], keepLast: boolean, keepFirst: boolean): { space: number[]; bodies: Body[] } {
  const views: (readonly number[])[] = bodies.flatMap((b) => [
    ...b.loads.map((v) => v.strides),
    ...b.stores.map((v) => v.strides),
    ...b.code.flatMap((c) => (c.attrs?.strides ? [c.attrs.strides as number[]] : [])),
  ]);
  const axesUsed = new Set(bodies.flatMap((b) => b.code.flatMap((c) => (c.op === "index" ? [c.attrs!.axis as number] : []))));
  const groups: number[][] = [];
  for (let axis = 0; axis < space.length; axis++) {
    const last = groups[groups.length - 1];
    const previous = last?.[last.length - 1];
    const free =
      previous !== undefined &&
      !(keepLast && axis === space.length - 1) &&
      !(keepFirst && previous === 0) &&
      !axesUsed.has(axis) &&
      !last!.some((a) => axesUsed.has(a)) &&
      (space[axis] === 1 || last!.every((a) => space[a] === 1) || views.every((v) => joined(last!, space, v) === v[axis]! * space[axis]!));
    if (free) last!.push(axis);
    else groups.push([axis]);
  }
  const lead = (group: readonly number[]): number => group.findLast((a) => space[a] !== 1) ?? group[group.length - 1]!;
  const pick = (strides: readonly number[]): number[] => groups.map((g) => strides[lead(g)]!);
  const place = (axis: number): number => groups.findIndex((g) => g.includes(axis));
  return {
    space: groups.map((g) => g.reduce((n, a) => n * space[a]!, 1)),
    bodies: bodies.map((body) => restrided(body, pick, place)),
  };
}

/** A body over another index space: `pick` makes the strides of every reading, `place` says which axis an axis has become. */
export function restrided(body: Body, pick: (strides: readonly number[]) => number[], place: (axis: number) => number): Body {
  return {
    ...body,
    loads: body.loads.map((v) => ({ ...v, strides: pick(v.strides) })),
    stores: body.stores.map((v) => ({ ...v, strides: pick(v.strides) })),
    code: body.code.map((c) => {
      if (c.attrs?.strides) return { ...c, attrs: { ...c.attrs, strides: pick(c.attrs.strides as number[]) } };
      return c.op === "index" ? { ...c, attrs: { axis: place(c.attrs!.axis as number) } } : c;
    }),
  };
}

/** The stride of the innermost axis of a group that is not of size 1. */
const joined = (group: readonly number[], space: Shape, strides: readonly number[]): number => strides[group.findLast((a) => space[a] !== 1)!]!;
