/** From a graph to a program: write out, simplify, fuse, order, and find room. */
import { size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { cluster } from "./cluster.ts";
import { Emitter } from "./emit.ts";
import { loopEmitter } from "./loop.ts";
import { lower } from "./lower.ts";
import { plan } from "./memory.ts";
import { compilePlain } from "./plain.ts";
import type { Home, Kernel, Program } from "./program.ts";
import { redirect, redirectReads } from "./redirect.ts";
import { isLeaf } from "./rewrite.ts";
import { readsOf, writesOf } from "./schedule.ts";
import { copied, stagesOf, withWholeSums } from "./stages.ts";
import type { Target } from "./target.ts";

export interface Compiled {
  readonly program: Program;
}

/** Root `root` may be written over the memory of `leaf`. */
export type Alias = readonly [root: number, leaf: Node];

/**
 * Compiles the graph that computes `roots`; `order` is its nodes as `inOrder` lists them.
 * The program's inputs are the leaves with memory, its scalars the scalar leaves, both in that order; its outputs are the roots.
 */
export function compile(order: readonly Node[], roots: readonly Node[], target: Target, aliases: readonly Alias[] = []): Compiled {
  const leaves = order.filter((node) => isLeaf(node) && (node.value !== undefined || node.number === undefined));
  const scalars = order.filter((node) => node.value === undefined && node.number !== undefined);
  const own = [...roots];
  if (target.plain) return { program: compilePlain(own, leaves, scalars) };
  const graph = lower(own, target);
  const emitter = new Emitter(cluster(graph), graph, loopEmitter(target));
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

  kernels = withWholeSums(kernels, values, outputValues);

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

  const stages = stagesOf(kernels, values, before, target.threads);
  const planned = plan(values, stages, fixed, target.threads, target.cache);
  return {
    program: {
      ...planned,
      inputs: leaves.map((leaf) => ({ dtype: leaf.dtype, length: size(leaf.shape) })),
      outputs: roots.map((root) => ({ dtype: root.dtype, length: size(root.shape) })),
      scalars: scalars.length,
    },
  };
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
