/** Which ops share a kernel. */
import type { DType } from "../base/dtype.ts";
import { same, type Shape, strides as rowMajor } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { isLoop, isLoopPart } from "../graph/region.ts";
import { inOrder } from "../graph/walk.ts";
import { instructions } from "./instruction.ts";
import { isLeaf, usersOf } from "./rewrite.ts";
import { type Access, accessOf, canonical, isTurned, isView, spreadOver } from "./view.ts";

/** The longest row that is folded while it is in the cache. */
const longestRow = 16384;

/** Ops that become one kernel: an anchor, what is done with its results before they are stored, and what makes its operands on the way in. */
export interface Cluster {
  readonly kind: "map" | "reduce" | "matmul" | "conv" | "pool" | "loop" | "alone";
  /** The op the kernel is for; none for a map. */
  readonly anchor: Node | undefined;
  /** The index space of `nodes`. */
  readonly space: Shape;
  /** Ops done number by number, and folds over a map's rows, inputs first. */
  readonly nodes: Node[];
  /** For a reduce: the space that is folded, and what is done number by number before. */
  readonly before: Node[];
  /** Arithmetic in double precision. */
  readonly wide: boolean;
  /** Whether a map holds folds over its rows. */
  rows: boolean;
  /** Place in the order in which clusters were opened. */
  readonly id: number;
  /** Clusters whose results this one reads. */
  readonly needs: Set<Cluster>;
}

export interface Clustering {
  readonly clusters: Cluster[];
  readonly of: ReadonlyMap<Node, Cluster>;
  readonly users: ReadonlyMap<Node, readonly Node[]>;
}

/** Constants, run-time numbers and counting: written into each kernel instead of being read from memory. */
export const isInline = (node: Node): boolean =>
  node.number !== undefined || (!isLeaf(node) && (node.op!.name === "constant" || (node.op!.name === "range" && node.shape.length === 1)));

/** Whether arithmetic on `node` needs double precision: float32 holds no whole numbers beyond 2²⁴. */
const isWide = (node: Node): boolean => wideType(node.dtype) || node.inputs.some(({ dtype }) => wideType(dtype)) || node.op!.kind === "random";
const wideType = (dtype: DType): boolean => dtype === "float64" || dtype === "int32" || dtype === "int64";

/** Whether a map's row number is what `node` is: one number for each row of `space`. */
export const isCell = (shape: Shape, space: Shape): boolean =>
  (shape.length === space.length - 1 && shape.every((d, i) => d === space[i])) ||
  (shape.length === space.length &&
    shape[shape.length - 1] === 1 &&
    space[space.length - 1] !== 1 &&
    shape.every((d, i) => i === shape.length - 1 || d === space[i]));

/** The strides under which a value of a cluster lies over its space: full, or one number a row. */
export function ownStrides(node: Node, space: Shape): number[] {
  if (same(node.shape, space)) return canonical(space, rowMajor(space));
  return canonical(space, [...rowMajor(space.slice(0, -1)), 0]);
}

/** Over `space`, how the operand `node` of an op with result `shape` is read. */
export function operandOver(space: Shape, shape: Shape, node: Node): Access {
  const access = accessOf(node)!;
  const strides = spreadOver(shape, node.shape, access.strides);
  if (same(shape, space)) return { ...access, strides: canonical(space, strides) };
  const outer = shape.length === space.length ? strides.slice(0, -1) : strides;
  return { ...access, strides: canonical(space, [...outer, 0]) };
}

/** Whether a windowTake asks for just what a windowArgMax over the same windows has found. */
function isWinner(node: Node): boolean {
  const [x, index] = node.inputs as [Node, Node];
  return index.op?.name === "windowArgMax" && index.value === undefined && index.inputs[0] === x && JSON.stringify(index.attrs) === JSON.stringify(node.attrs);
}

const isElementwise = (node: Node): boolean => !isLeaf(node) && (instructions.has(node.op!.name) || node.op!.kind === "elementwise");
const folds = new Set(["sum", "max", "min", "prod", "argMax", "argMin"]);

/** A copy that puts axes in another order: a kernel for itself, since engines turn it square by square. */
const isTurning = (node: Node): boolean => node.op!.name === "copy" && isTurned(node.shape, accessOf(node.inputs[0]!)!);

/** Ops that cost no more than reading a number. */
const simple = new Set(["add", "sub", "mul", "neg", "square", "relu"]);

export function cluster(roots: readonly Node[]): Clustering {
  const order = inOrder(roots, isLeaf);
  const users = usersOf(order);
  const isRoot = new Set(roots);
  const of = new Map<Node, Cluster>();
  const clusters: Cluster[] = [];
  const turning = new Set<Cluster>();

  const open = (kind: Cluster["kind"], anchor: Node | undefined, space: Shape, wide: boolean): Cluster => {
    const c: Cluster = { kind, anchor, space, nodes: [], before: [], wide, rows: false, id: clusters.length, needs: new Set() };
    clusters.push(c);
    return c;
  };
  const homeOf = (node: Node): Cluster | undefined => of.get(accessOf(node)!.base);
  const need = (c: Cluster, node: Node): void => {
    for (const input of node.inputs) {
      const from = homeOf(input);
      if (from && from !== c) c.needs.add(from);
    }
  };
  /** Maps by what they read from memory. */
  const readers = new Map<Node, Cluster[]>();
  const put = (c: Cluster, node: Node): void => {
    of.set(node, c);
    need(c, node);
    if (c.kind !== "map") return;
    for (const input of node.inputs) {
      const { base } = accessOf(input)!;
      if (isInline(base) || of.get(base) === c) continue;
      const known = readers.get(base);
      if (!known) readers.set(base, [c]);
      else if (!known.includes(c)) known.push(c);
    }
  };
  /** Whether `from` can only run after `to`. */
  const after = (from: Cluster, to: Cluster): boolean => {
    const seen = new Set<Cluster>();
    const stack = [from];
    for (let c = stack.pop(); c; c = stack.pop()) {
      if (c === to) return true;
      if (seen.has(c)) continue;
      seen.add(c);
      stack.push(...c.needs);
    }
    return false;
  };
  const shapeFits = (c: Cluster, shape: Shape): boolean => same(shape, c.space) || (c.kind === "map" && c.rows && isCell(shape, c.space));
  /** Whether `node` can be done in `c`: its operands from `c` are in registers, and no other operand waits for `c`. */
  const fits = (c: Cluster, node: Node, shape: Shape = node.shape): boolean => {
    if (c.kind === "alone" || c.kind === "loop" || turning.has(c) || c.wide !== isWide(node) || !shapeFits(c, shape)) return false;
    return node.inputs.every((input) => {
      const access = operandOver(c.space, shape, input);
      const from = of.get(access.base);
      if (!from) return true;
      if (from !== c) return !after(from, c);
      return access.offset === 0 && same(access.strides, ownStrides(access.base, c.space));
    });
  };
  const candidates = (node: Node): Cluster[] => [...new Set(node.inputs.map(homeOf))].filter((c) => c !== undefined).sort((a, b) => b.id - a.id);

  /** Maps that read what `node` reads: together they read it once. The latest few, so that a value with many readers costs no search. */
  const siblings = (node: Node): Cluster[] => node.inputs.flatMap((input) => readers.get(accessOf(input)!.base)?.slice(-4) ?? []);

  for (const node of order) {
    if (isLeaf(node) || isView(node) || isInline(node)) continue;
    const { name } = node.op!;
    if (isTurning(node)) {
      const c = open("map", undefined, node.shape, false);
      c.nodes.push(node);
      put(c, node);
      turning.add(c);
    } else if (isElementwise(node)) {
      let c = candidates(node).find((c) => fits(c, node)) ?? siblings(node).find((c) => same(c.space, node.shape) && fits(c, node));
      c ??= open("map", undefined, node.shape, isWide(node));
      c.nodes.push(node);
      put(c, node);
    } else if (isLoopPart(node)) put(of.get(node.inputs[0]!)!, node);
    else if (folds.has(name)) placeFold(node);
    else if (name === "windowTake" && isWinner(node)) {
      // The winner and its place come out of one pass.
      put(of.get(node.inputs[1]!)!, node);
    } else {
      const kind = isLoop(node)
        ? "loop"
        : name === "matmul"
          ? "matmul"
          : name === "conv"
            ? "conv"
            : name === "windowArgMax" || name === "windowSum"
              ? "pool"
              : "alone";
      put(open(kind, node, node.shape, name === "windowArgMax" ? wideType(node.inputs[0]!.dtype) : isWide(node)), node);
    }
  }

  function placeFold(node: Node): void {
    const x = node.inputs[0]!;
    const axes = node.attrs.axes as readonly number[];
    const last = x.shape.length - 1;
    const row = x.shape[last] ?? 1;
    const count = x.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    if (axes.length === 1 && axes[0] === last && row <= longestRow && (count >= 4 || row <= 1024)) {
      const home = homeOf(x);
      const access = accessOf(x)!;
      const inside = home?.kind === "map" && !turning.has(home) && home.wide === isWide(node) && same(home.space, x.shape) && access.base === x;
      const c = inside ? home : open("map", undefined, x.shape, isWide(node));
      c.rows = true;
      c.nodes.push(node);
      put(c, node);
      return;
    }
    const c = open("reduce", node, node.shape, isWide(node));
    put(c, node);
    const home = homeOf(x);
    if (home?.kind !== "map" || turning.has(home) || home.rows || home.wide !== c.wide || !same(home.space, x.shape) || accessOf(x)!.base !== x) return;
    // What only this fold reads is made on the way in; so is, once more, what others read too, if making it is cheaper than writing it down.
    const chain = home.nodes.every((n) => !isRoot.has(n) && users.get(n)!.every((u) => (n === x && u === node) || of.get(u) === home))
      ? home.nodes
      : cheap(x, home);
    if (!chain) return;
    const own = new Set(chain);
    const moved = new Set<Node>();
    for (const n of [...chain].reverse()) if (!isRoot.has(n) && users.get(n)!.every((u) => u === node || moved.has(u))) moved.add(n);
    if (!moved.has(x)) return;
    c.needs.delete(home);
    for (const n of chain) {
      if (moved.has(n)) of.set(n, c);
      for (const input of n.inputs) {
        const from = homeOf(input);
        if (from && from !== c && !own.has(accessOf(input)!.base)) c.needs.add(from);
      }
    }
    c.before.push(...chain);
    const left = home.nodes.filter((n) => !moved.has(n));
    home.nodes.splice(0, home.nodes.length, ...left);
    if (left.length > 0) return;
    clusters.splice(clusters.indexOf(home), 1);
    for (const list of readers.values()) if (list.includes(home)) list.splice(list.indexOf(home), 1);
  }

  /** The few simple ops of `home` that make `x` from at most three values in memory; undefined when it takes more. */
  function cheap(x: Node, home: Cluster): Node[] | undefined {
    const chain = new Set<Node>();
    const read = new Set<Node>();
    const stack = [x];
    for (let n = stack.pop(); n; n = stack.pop()) {
      if (chain.has(n)) continue;
      if (!simple.has(n.op!.name)) return undefined;
      chain.add(n);
      for (const input of n.inputs) {
        const { base } = accessOf(input)!;
        if (of.get(base) === home) stack.push(base);
        else if (!isInline(base)) read.add(base);
      }
    }
    return chain.size <= 4 && read.size <= 3 ? home.nodes.filter((n) => chain.has(n)) : undefined;
  }
  /** Maps opened apart, because what they share came to light later, become one: what passes between them stays in registers. */
  function unite(a: Cluster, b: Cluster): boolean {
    const alike = a.kind === "map" && b.kind === "map" && a.wide === b.wide && !a.rows && !b.rows && same(a.space, b.space);
    if (!alike || a.nodes.length === 0 || [...b.needs].some((c) => c !== a && after(c, a))) return false;
    const own = ({ base, offset, strides }: Access): boolean => of.get(base) !== a || (offset === 0 && same(strides, ownStrides(base, a.space)));
    if (!b.nodes.every((node) => node.inputs.every((input) => own(operandOver(b.space, node.shape, input))))) return false;
    for (const node of b.nodes) of.set(node, a);
    a.nodes.push(...b.nodes);
    for (const need of b.needs) if (need !== a) a.needs.add(need);
    for (const c of clusters) if (c.needs.delete(b)) c.needs.add(a);
    clusters.splice(clusters.indexOf(b), 1);
    return true;
  }
  for (const b of [...clusters]) for (const a of [...b.needs]) if (unite(a, b)) break;
  return { clusters, of, users };
}

export const isStored = ({ of, users }: Clustering, roots: ReadonlySet<Node>, node: Node): boolean => roots.has(node) || readOutside({ of, users }, node);

function readOutside({ of, users }: Pick<Clustering, "of" | "users">, node: Node): boolean {
  const home = of.get(node);
  const seen = new Set<Node>();
  const outside = (n: Node): boolean =>
    users.get(n)!.some((user) => {
      if (seen.has(user)) return false;
      seen.add(user);
      // A fold may make it once more for itself.
      return isView(user) ? outside(user) : of.get(user) !== home && !of.get(user)!.before.includes(node);
    });
  return outside(node);
}
