/** From a graph to a program: write out, simplify, fuse, order, and find room. */
import { size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { cluster } from "./cluster.ts";
import { setCopies } from "./copy.ts";
import { crop } from "./crop.ts";
import { type Draft, Emitter } from "./emit.ts";
import { expandComposites, expandMacros } from "./expand.ts";
import { join } from "./join.ts";
import { sinkPermutes } from "./layout.ts";
import { plan } from "./memory.ts";
import { mergeEqual } from "./merge.ts";
import { compilePlain } from "./plain.ts";
import type { Home, Kernel, Program, Stage, View } from "./program.ts";
import { isLeaf } from "./rewrite.ts";
import { costOf, isHeavy, readsOf, schedule, tidy, writesOf } from "./schedule.ts";
import { simplify } from "./simplify.ts";
import type { Target } from "./target.ts";
import { turnProducts } from "./turn.ts";
import { widen } from "./widen.ts";

export interface Compiled {
  readonly program: Program;
}

/** Root `root` may be written over the memory of `leaf`. */
export type Alias = readonly [root: number, leaf: Node];

/** Work below this many nanoseconds is not worth sharing among threads. */
const worthSharing = 3000;

/**
 * Compiles the graph that computes `roots`; `order` is its nodes as `inOrder` lists them.
 * The program's inputs are the leaves with memory, its scalars the scalar leaves, both in that order; its outputs are the roots.
 */
export function compile(order: readonly Node[], roots: readonly Node[], target: Target, aliases: readonly Alias[] = []): Compiled {
  const leaves = order.filter((node) => isLeaf(node) && (node.value !== undefined || node.number === undefined));
  const scalars = order.filter((node) => node.value === undefined && node.number !== undefined);
  const own = [...roots];
  if (target.plain) return { program: compilePlain(own, leaves, scalars) };
  const graph = lower(own);
  const emitter = new Emitter(cluster(graph), graph);
  const inputValues = leaves.map((leaf) => emitter.valueOf(leaf));
  const scalarValues = scalars.map((leaf) => emitter.valueOf(leaf));
  emitter.emit();
  const { values } = emitter;
  let { kernels } = emitter;
  const outputValues = graph.map((root) => emitter.valueOf(root));

  const fixed = new Map<number, Home>();
  inputValues.forEach((v, slot) => fixed.set(v, { at: "input", slot }));
  scalarValues.forEach((v, slot) => fixed.set(v, { at: "scalar", slot }));
  outputValues.forEach((v, slot) => fixed.set(v, { at: "output", slot }));

  // What each thread sums up for itself becomes one value before it is handed out.
  for (const v of outputValues) {
    if (!values[v]!.partial) continue;
    const apart = values.length;
    values.push({ ...values[v]! });
    values[v]!.partial = false;
    kernels = kernels.map((k) => (writesOf(k).includes(v) ? redirect(k, v, apart) : readsOf(k).some((r) => r.value === v) ? redirectReads(k, v, apart) : k));
    kernels.push(copied(values, apart, v));
  }
  // So it does for kernels that read plain memory, which has no copies to add up.
  for (let v = 0; v < values.length; v++) {
    if (!values[v]!.partial || !kernels.some((k) => readsPlainly(k, v))) continue;
    const whole = values.length;
    values.push({ ...values[v]!, partial: false });
    kernels = kernels.map((k) => (readsPlainly(k, v) ? redirectReads(k, v, whole) : k));
    kernels.push(copied(values, v, whole));
  }

  // An updated value is written over the old one only after everybody has read that.
  const before: [number, number][] = [];
  for (const [root, leaf] of aliases) {
    const at = leaves.indexOf(leaf);
    if (at < 0) continue;
    const old = inputValues[at]!;
    const next = outputValues[root]!;
    const writer = kernels.findIndex((k) => writesOf(k).includes(next));
    const readers = kernels.flatMap((k, i) => (i !== writer && readsOf(k).some((r) => r.value === old) ? [i] : []));
    if (writer >= 0 && (readers.some((r) => waitsFor(kernels, before, r, writer)) || !readsInPlace(kernels[writer]!, old, next))) {
      const apart = values.length;
      values.push({ ...values[next]! });
      kernels = kernels.map((k, i) => (i === writer ? redirect(k, next, apart) : readsOf(k).some((r) => r.value === next) ? redirectReads(k, next, apart) : k));
      kernels.push(copied(values, apart, next));
      for (const r of readers) before.push([r, kernels.length - 1]);
      before.push([writer, kernels.length - 1]);
    } else for (const r of readers) before.push([r, writer]);
  }

  const groups = schedule(kernels, values, before);
  const places = new Map(kernels.map((k, i) => [k, i]));
  const stages: Stage[] = [];
  for (const { samples: through, kernels } of groups) {
    // What is left between large groups is not worth waking threads for either.
    const light = kernels.every((k) => !isHeavy(k, values)) && kernels.reduce((sum, k) => sum + costOf(k), 0) < worthSharing;
    const samples = light ? 0 : through;
    const shared = kernels.map((k) => {
      const tidied = tidy(k, samples > 0);
      places.set(tidied, places.get(k)!);
      return tidied;
    });
    const serial = samples === 0 && shared.every((k) => costOf(k) < worthSharing);
    const last = stages[stages.length - 1];
    if (serial && last?.serial) stages[stages.length - 1] = { ...last, kernels: [...last.kernels, ...shared] };
    else stages.push({ samples, chunk: 0, serial, kernels: shared });
  }
  const clash = clashing(kernels, before);
  const joined = join(
    stages,
    target.threads,
    (a, b) => clash(places.get(a)!, places.get(b)!),
    (k) => writesOf(k).some((v) => values[v]!.partial),
  );
  const planned = plan(values, joined, fixed, target.threads, target.cache);
  return {
    program: {
      ...planned,
      inputs: leaves.map((leaf) => ({ dtype: leaf.dtype, length: size(leaf.shape) })),
      outputs: roots.map((root) => ({ dtype: root.dtype, length: size(root.shape) })),
      scalars: scalars.length,
    },
  };
}

const readsPlainly = (k: Kernel, value: number): boolean => readsOf(k).some((r) => r.value === value && r.view === undefined);

/** The kernel that sets value `from` into value `to`. */
function copied(values: readonly Draft[], from: number, to: number): Kernel {
  const { dtype, length } = values[to]!;
  const view = { offset: 0, strides: [1] };
  const type = dtype === "float64" || dtype === "int32" ? "float64" : "float32";
  return { kind: "map", dims: [length], body: { type, given: 0, loads: [{ ...view, value: from }], code: [], stores: [{ ...view, value: to, register: 0 }] } };
}

/** The graph as kernels can run it. */
function lower(roots: readonly Node[]): Node[] {
  let graph = crop(simplify(sinkPermutes(simplify(roots))));
  graph = expandMacros(graph);
  graph = turnProducts(simplify(widen(expandComposites(graph))));
  return mergeEqual(setCopies(mergeEqual(graph)));
}

/** Whether two kernels must run in their order: one writes what the other reads or writes, or what the other reads lies where it writes. */
function clashing(kernels: readonly Kernel[], before: readonly (readonly [number, number])[]): (a: number, b: number) => boolean {
  const reads = kernels.map((k) => new Set(readsOf(k).map((r) => r.value)));
  const writes = kernels.map(writesOf);
  const ordered = new Set(before.map(([a, b]) => a * kernels.length + b));
  const feeds = (a: number, b: number): boolean => writes[a]!.some((v) => reads[b]!.has(v) || writes[b]!.includes(v)) || ordered.has(a * kernels.length + b);
  return (a, b) => feeds(a, b) || feeds(b, a);
}

/** Whether kernel `a` can only run after kernel `b`. */
function waitsFor(kernels: readonly Kernel[], before: readonly (readonly [number, number])[], a: number, b: number): boolean {
  const writers = new Map<number, number[]>();
  kernels.forEach((k, i) => {
    for (const v of writesOf(k)) writers.set(v, [...(writers.get(v) ?? []), i]);
  });
  const seen = new Set<number>();
  const stack = [a];
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    if (i === b) return true;
    if (seen.has(i)) continue;
    seen.add(i);
    for (const r of readsOf(kernels[i]!)) for (const w of writers.get(r.value) ?? []) if (w !== i) stack.push(w);
    for (const [earlier, later] of before) if (later === i) stack.push(earlier);
  }
  return false;
}

/** Whether a kernel that writes `next` reads `old` only at the position it is about to write. */
function readsInPlace(k: Kernel, old: number, next: number): boolean {
  const body = k.kind === "map" ? k.body : "finish" in k ? k.finish : undefined;
  if (!body) return !readsOf(k).some((r) => r.value === old);
  const store = body.stores.find((s) => s.value === next)!;
  const loads = new Set(body.loads);
  return readsOf(k).every(
    (r) =>
      r.value !== old ||
      (r.view !== undefined && loads.has(r.view) && r.view.offset === store.offset && r.view.strides.every((s, i) => s === store.strides[i])),
  );
}

function redirect(k: Kernel, from: number, to: number): Kernel {
  const body = <B extends { stores: readonly (View & { register: number })[] }>(b: B): B => ({
    ...b,
    stores: b.stores.map((s) => (s.value === from ? { ...s, value: to } : s)),
  });
  if (k.kind === "map") return { ...k, body: body(k.body) };
  if ("finish" in k) return { ...k, finish: body(k.finish) };
  return "out" in k ? { ...k, out: to } : k;
}

function redirectReads(k: Kernel, from: number, to: number): Kernel {
  const swap = (v: number): number => (v === from ? to : v);
  const view = <V extends View>(v: V): V => ({ ...v, value: swap(v.value) });
  const out: Record<string, unknown> = { ...k };
  for (const name of ["body", "finish"] as const) {
    const b = out[name] as { loads: View[] } | undefined;
    if (b) out[name] = { ...b, loads: b.loads.map(view) };
  }
  for (const name of ["a", "b"] as const) if (out[name]) out[name] = view(out[name] as View);
  for (const name of ["x", "w", "dy", "index"] as const) if (typeof out[name] === "number") out[name] = swap(out[name] as number);
  return out as unknown as Kernel;
}
