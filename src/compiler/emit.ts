/** Clusters written out as kernels. */
import { type DType, lowestOf } from "../base/dtype.ts";
import { same, type Shape, size, strides as rowMajor } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { attentionKernel } from "./attention.ts";
import { BodyBuilder, collapse, restrided } from "./body.ts";
import { type Cluster, type Clustering, isStored } from "./cluster.ts";
import { gathered, type Place, placesOf } from "./concat.ts";
import { geometryOf } from "./geometry.ts";
import { type Body, type Kernel, lineTasks, type tasks, type View } from "./program.ts";
import { accessOf } from "./view.ts";

/** A value before it is decided where it lives. */
export interface Draft {
  readonly node: Node;
  readonly dtype: DType;
  readonly length: number;
  /** One copy a thread, to be summed by who reads it. */
  partial: boolean;
  /** Inside a loop: bound at each step anew. */
  readonly bound?: boolean;
}

/** Writes the kernel of a loop. */
export type EmitLoop = (loop: Node, emitter: Emitter) => void;

/** Kernels in an order that works, and the values between them. */
export class Emitter {
  readonly values: Draft[];
  readonly kernels: Kernel[] = [];
  private readonly ids = new Map<Node, number>();
  private readonly clustering: Clustering;
  private readonly roots: ReadonlySet<Node>;
  private readonly emitLoop: EmitLoop;
  private readonly placed: ReadonlyMap<Node, Place>;

  /** With `values`, those of an emitter outside are gone on with. */
  constructor(clustering: Clustering, roots: readonly Node[], emitLoop: EmitLoop, values?: Draft[]) {
    this.clustering = clustering;
    this.roots = new Set(roots);
    this.emitLoop = emitLoop;
    this.values = values ?? [];
    // What the caller may update in place is written by one kernel.
    this.placed = placesOf(clustering, (node) => this.roots.has(node), values !== undefined);
  }

  /** The parts of `loop` that somebody reads. */
  partsOf(loop: Node): readonly Node[] {
    return this.clustering.users.get(loop)!;
  }

  /** A value that a loop binds; with `node`, it is that node's. */
  bind(like: Node, node?: Node): number {
    const id = this.values.push({ node: like, dtype: like.dtype, length: size(like.shape), partial: false, bound: true }) - 1;
    if (node) this.ids.set(node, id);
    return id;
  }

  /** A value of its own, as long as so many of `like`. */
  place(like: Node, times = 1): number {
    return this.values.push({ node: like, dtype: like.dtype, length: times * size(like.shape), partial: false }) - 1;
  }

  valueOf(node: Node): number {
    let id = this.ids.get(node);
    if (id === undefined) {
      this.ids.set(node, (id = this.values.length));
      this.values.push({ node, dtype: node.dtype, length: size(node.shape), partial: false });
    }
    return id;
  }

  emit(): void {
    for (const c of inOrder(this.clustering.clusters)) {
      if (c.kind === "map") this.map(c);
      else if (c.kind === "reduce") this.reduce(c);
      else if (c.kind === "matmul") this.matmul(c);
      else if (c.kind === "conv") this.conv(c);
      else if (c.kind === "pool") this.pool(c);
      else if (c.kind === "loop") this.emitLoop(c.anchor!, this);
      else this.alone(c.anchor!);
    }
  }

  /** The body of `nodes` over `space`, with what is needed elsewhere stored. */
  private body(c: Cluster, space: Shape, nodes: readonly Node[], given: readonly (readonly Node[])[]): Body {
    const builder = new BodyBuilder(space, c.wide, this, given);
    for (const node of nodes) builder.add(node);
    for (const node of [...given.flat(), ...nodes]) {
      const place = this.placed.get(node);
      if (place) builder.storeAt(builder.registerFor(node), { ...place, value: this.valueOf(place.whole) });
      else if (isStored(this.clustering, this.roots, node)) builder.store(node, this.valueOf(node));
    }
    return builder.finish();
  }

  private map(c: Cluster): void {
    const body = this.body(c, c.space, c.nodes, []);
    if (body.stores.length > 0) this.kernels.push({ kind: "map", dims: c.space, body });
  }

  private reduce(c: Cluster): void {
    const node = c.anchor!;
    const x = node.inputs[0]!;
    const axes = node.attrs.axes as readonly number[];
    const last = x.shape.length - 1;
    const outerAxes = x.shape.flatMap((_, i) => (axes.includes(i) || i === last ? [] : [i]));
    const innerAxes = axes.includes(last) || last < 0 ? [] : [last];
    const order = [...outerAxes, ...axes, ...innerAxes];
    const inner = innerAxes.length > 0 ? x.shape[last]! : 1;
    const before = new BodyBuilder(x.shape, c.wide, this);
    for (const n of c.before) before.add(n);
    const from = before.operand(node, x);
    before.storeAt(from, { value: -1, offset: 0, strides: rowMajor(x.shape) });
    const body = reorder(before.finish(), order, innerAxes.length === 0);
    const outer = outerAxes.map((i) => x.shape[i]!);
    const fold = axes.map((i) => x.shape[i]!);
    const op = node.op!.name as "sum";
    const finishSpace = [...outer, inner];
    const partial = op === "sum" && axes[0] === 0 && x.shape[0]! > 1 && (x.shape.length > 2 || size(x.shape) >= 65536) && outer.length === 0;
    if (!partial) {
      // Finish nodes have the fold's own shape, which the finish space equals but for axes of size 1.
      const finish = this.body(c, node.shape, c.nodes, [[node]]);
      this.kernels.push({ kind: "reduce", op, outer, fold, inner, body, finish: over(finish, node.shape, finishSpace) });
      return;
    }
    const value = this.valueOf(node);
    this.values[value]!.partial = true;
    const raw = new BodyBuilder(node.shape, c.wide, this, [[node]]);
    raw.store(node, value);
    this.kernels.push({ kind: "reduce", op, outer, fold, inner, body, finish: over(raw.finish(), node.shape, finishSpace) });
    if (c.nodes.length > 0) this.kernels.push({ kind: "map", dims: node.shape, body: this.body(c, node.shape, c.nodes, []) });
  }

  private matmul(c: Cluster): void {
    const node = c.anchor!;
    const [a, b] = node.inputs as [Node, Node];
    const rank = node.shape.length;
    const [n, k] = [node.shape[rank - 1]!, a.shape[a.shape.length - 1]!];
    const batch = node.shape.slice(0, -2);
    const va = this.operandView(a, batch);
    const vb = this.operandView(b, batch);
    // Batches and rows join where the operands and everything the finish reads allow it: two loads that only say how a and b step.
    const finish = this.body(c, node.shape, c.nodes, [[node]]);
    const guide = {
      ...finish,
      loads: [...finish.loads, { ...va, strides: [...va.strides.slice(0, -1), 0] }, { ...vb, strides: [...vb.strides.slice(0, -2), 0, vb.strides[rank - 1]!] }],
    };
    const joined = collapse(node.shape, [guide], true, false);
    const loads = joined.bodies[0]!.loads;
    const last = joined.space.length - 1;
    const steps = { a: loads[loads.length - 2]!.strides, b: loads[loads.length - 1]!.strides };
    // Rows that b steps along too are batches after all: then each batch has one row.
    const single = last < 1 || steps.b[last - 1] !== 0;
    const rows = single ? 1 : joined.space[last - 1]!;
    const batches = joined.space.slice(0, single ? last : last - 1);
    const lead = (s: readonly number[], row: number): number[] => [...s.slice(0, batches.length), single ? row : s[last - 1]!];
    const spread = (strides: readonly number[]): number[] => [...lead(strides, 0), strides[last]!];
    const body = joined.bodies[0]!;
    this.kernels.push({
      kind: "matmul",
      batch: batches,
      m: rows,
      n,
      k,
      a: { ...va, strides: [...lead(steps.a, 0), va.strides[rank - 1]!] },
      b: { ...vb, strides: [...steps.b.slice(0, batches.length), vb.strides[rank - 2]!, steps.b[last]!] },
      finish: restrided({ ...body, loads: body.loads.slice(0, -2) }, spread, (axis) => (single && axis === last ? last + 1 : axis)),
      split: size(batches) >= 8 && rows * n < 65536 ? "batch" : n >= 64 && n * 2 >= rows ? "n" : "m",
    });
  }

  /** A matmul's operand over [...batch, rows, columns]. */
  private operandView(x: Node, batch: Shape): View {
    const access = accessOf(x)!;
    const lead = batch.length + 2 - x.shape.length;
    const strides = Array.from({ length: batch.length + 2 }, (_, i) =>
      i < lead || (i < batch.length && x.shape[i - lead] === 1) ? 0 : access.strides[i - lead]!,
    );
    return { value: this.valueOf(access.base), offset: access.offset, strides };
  }

  /** The value behind a node that is read as plain memory. */
  plain(node: Node): number {
    return this.valueOf(accessOf(node)!.base);
  }

  private conv(c: Cluster): void {
    const node = c.anchor!;
    const [x, w] = node.inputs as [Node, Node];
    const channels = x.shape[x.shape.length - 1]!;
    const filters = node.shape[node.shape.length - 1]!;
    const finish = this.body(c, node.shape, c.nodes, [[node]]);
    this.kernels.push({
      kind: "conv",
      geometry: geometryOf(node, x.shape, node.shape, w.shape.slice(0, -2)),
      channels,
      filters,
      groups: node.attrs.groups as number,
      x: this.plain(x),
      w: this.plain(w),
      finish,
    });
  }

  private pool(c: Cluster): void {
    const node = c.anchor!;
    const x = node.inputs[0]!;
    const mode = node.op!.name === "windowSum" ? "sum" : "max";
    const takes =
      mode === "max" ? this.clustering.users.get(node)!.filter((user) => user.op!.name === "windowTake" && this.clustering.of.get(user) === c) : [node];
    const finish = this.body(c, node.shape, c.nodes, mode === "max" ? [takes, [node]] : [takes]);
    this.kernels.push({
      kind: "pool",
      mode,
      geometry: geometryOf(node, x.shape, node.shape, node.attrs.window as Shape),
      channels: x.shape[x.shape.length - 1]!,
      x: this.plain(x),
      finish,
    });
  }

  private lines(node: Node, task: (typeof lineTasks)[number]): Kernel {
    const [x, second] = node.inputs as [Node, Node | undefined];
    const { axis, backward = false, apart = false } = node.attrs as { axis: number; backward?: boolean; apart?: boolean };
    const outer = size(x.shape.slice(0, axis));
    return {
      kind: "lines",
      task,
      outer,
      size: x.shape[axis]!,
      count: second ? size(second.shape) / Math.max(outer, 1) : 0,
      inner: size(x.shape.slice(axis + 1, task === "dft" ? -1 : undefined)),
      backward,
      apart,
      x: this.plain(x),
      second: second && this.plain(second),
      out: this.valueOf(node),
    };
  }

  private alone(node: Node): void {
    const out = this.valueOf(node);
    const [x, second] = node.inputs as [Node, Node];
    const channels = x.shape[x.shape.length - 1]!;
    if ((lineTasks as readonly string[]).includes(node.op!.name)) return void this.kernels.push(this.lines(node, node.op!.name as (typeof lineTasks)[number]));
    switch (node.op!.name) {
      case "attention":
      case "attentionGradient":
        return void this.kernels.push(attentionKernel(node, out, (x) => this.valueOf(x)));
      case "convKernel": {
        this.values[out]!.partial = true;
        const window = node.shape.slice(0, -2);
        return void this.kernels.push({
          kind: "convKernel",
          geometry: geometryOf(node, x.shape, second.shape, window),
          channels,
          filters: second.shape[second.shape.length - 1]!,
          groups: node.attrs.groups as number,
          x: this.plain(x),
          dy: this.plain(second),
          out,
        });
      }
      case "windowPut":
      case "windowSpread":
        return void this.kernels.push({
          kind: "unpool",
          geometry: geometryOf(node, node.shape, x.shape, node.attrs.window as Shape),
          channels,
          dy: this.plain(x),
          index: node.op!.name === "windowPut" ? this.plain(second) : undefined,
          out,
        });
      case "windowTake":
        return void this.kernels.push({
          kind: "poolTake",
          geometry: geometryOf(node, x.shape, node.shape, node.attrs.window as Shape),
          channels,
          x: this.plain(x),
          index: this.plain(second),
          out,
        });
      case "gather": {
        const axis = node.attrs.axis as number;
        return void this.kernels.push({
          kind: "gather",
          outer: size(x.shape.slice(0, axis)),
          size: x.shape[axis]!,
          count: size(second.shape),
          inner: size(x.shape.slice(axis + 1)),
          x: this.plain(x),
          index: this.plain(second),
          out,
        });
      }
      case "scatterAdd":
      case "scatterMax": {
        const axis = node.attrs.axis as number;
        return void this.kernels.push({
          kind: "scatterAdd",
          outer: size(node.shape.slice(0, axis)),
          size: node.shape[axis]!,
          count: size(second.shape),
          inner: size(node.shape.slice(axis + 1)),
          x: this.plain(x),
          index: this.plain(second),
          out,
          ...(node.op!.name === "scatterMax" && { least: lowestOf(node.dtype) }),
        });
      }
      case "cholesky":
      case "triangularSolve":
      case "solve":
      case "logDeterminant":
      case "qrFactors":
      case "eighFactors":
      case "svdFactors": {
        const { upper = false, transposed = false, unit = false } = node.attrs as { upper?: boolean; transposed?: boolean; unit?: boolean };
        return void this.kernels.push({
          kind: "factorization",
          task: node.op!.name as (typeof tasks)[number],
          batch: size(x.shape.slice(0, -2)),
          rows: x.shape.at(-2)!,
          columns: channels,
          width: second?.shape.at(-1) ?? 0,
          ...{ upper, transposed, unit },
          x: this.plain(x),
          right: second && this.plain(second),
          out,
        });
      }
      case "pad":
        return void this.kernels.push({
          kind: "pad",
          dims: x.shape,
          low: node.attrs.low as number[],
          high: node.attrs.high as number[],
          number: node.attrs.value as number,
          x: this.plain(x),
          out,
        });
      default:
        this.kernels.push(...gathered(node, (part) => this.placed.has(part), this));
    }
  }
}

/** Clusters so that each comes after what it reads. */
function inOrder(clusters: readonly Cluster[]): Cluster[] {
  const done = new Set<Cluster>();
  const out: Cluster[] = [];
  const visit = (c: Cluster): void => {
    const stack: [Cluster, Iterator<Cluster>][] = [[c, c.needs[Symbol.iterator]()]];
    done.add(c);
    while (stack.length > 0) {
      const [top, needs] = stack[stack.length - 1]!;
      const next = needs.next();
      if (next.done) {
        out.push(top);
        stack.pop();
      } else if (!done.has(next.value)) {
        done.add(next.value);
        stack.push([next.value, next.value.needs[Symbol.iterator]()]);
      }
    }
  };
  for (const c of clusters) if (!done.has(c)) visit(c);
  return out;
}

/** A body with the axes of its space in another order; with `tail`, one more axis of size 1 at the end. */
const reorder = (body: Body, order: readonly number[], tail: boolean): Body =>
  restrided(
    body,
    (strides) => [...order.map((i) => strides[i]!), ...(tail ? [0] : [])],
    (axis) => order.indexOf(axis),
  );

/** A body over `from` as one over `to`, which differs by axes of size 1 only. */
function over(body: Body, from: Shape, to: Shape): Body {
  if (same(from, to)) return body;
  const big = from.flatMap((d, i) => (d === 1 ? [] : [i]));
  let next = 0;
  const source = to.map((d) => (d === 1 ? -1 : big[next++]!));
  return restrided(
    body,
    (strides) => source.map((i) => (i < 0 ? 0 : strides[i]!)),
    (axis) => Math.max(0, source.indexOf(axis)),
  );
}
