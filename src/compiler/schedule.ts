/** In which order kernels run, and which of them take each sample through together. */
import { size } from "../base/shape.ts";
import { collapse, restrided } from "./body.ts";
import type { Draft } from "./emit.ts";
import type { Body, Kernel, View } from "./program.ts";

/** Fewer numbers than this are not worth another order, which may cost threads a meeting. */
const worthSparing = 16384;

/** A stage whose chunk is not decided yet. */
export interface Group {
  readonly samples: number;
  readonly kernels: Kernel[];
}

/** How a kernel reads a value: through a view over a space, or as plain memory, sample by sample or not. */
interface Read {
  readonly value: number;
  readonly view?: View;
  readonly space?: readonly number[];
  readonly sampled: boolean;
}

const loadsOf = (body: Body, space: readonly number[]): Read[] => body.loads.map((view) => ({ value: view.value, view, space, sampled: true }));
const plain = (value: number, sampled: boolean): Read => ({ value, sampled });

/** Everything a kernel reads. */
export function readsOf(k: Kernel): Read[] {
  switch (k.kind) {
    case "map":
      return loadsOf(k.body, k.dims);
    case "reduce":
      return [...loadsOf(k.body, [...k.outer, ...k.fold, k.inner]), ...loadsOf(k.finish, [...k.outer, k.inner])];
    case "matmul":
      return [plain(k.a.value, false), plain(k.b.value, false), ...loadsOf(k.finish, [...k.batch, k.m, k.n])];
    case "conv":
      return [plain(k.x, true), plain(k.w, false), ...loadsOf(k.finish, [k.geometry.samples, ...k.geometry.output, k.filters])];
    case "convKernel":
      return [plain(k.x, true), plain(k.dy, true)];
    case "pool":
      return [plain(k.x, true), ...loadsOf(k.finish, [k.geometry.samples, ...k.geometry.output, k.channels])];
    case "unpool":
      return [plain(k.dy, true), ...(k.index === undefined ? [] : [plain(k.index, true)])];
    case "poolTake":
      return [plain(k.x, true), plain(k.index, true)];
    case "gather":
    case "scatterAdd":
      return [plain(k.x, false), plain(k.index, false)];
    case "attention":
      return [k.query, k.key, k.value, k.flow, k.mask].flatMap((view) => (view ? [plain(view.value, false)] : []));
    case "pad":
      return [plain(k.x, false)];
    case "factorization":
      return k.right === undefined ? [plain(k.x, false)] : [plain(k.x, false), plain(k.right, false)];
    case "lines":
      return k.second === undefined ? [plain(k.x, false)] : [plain(k.x, false), plain(k.second, false)];
    case "loop":
      return [...k.same, ...k.reads].map(({ outer }) => plain(outer, false)).concat(k.carries.map(({ start }) => plain(start, false)));
    case "op":
      return k.inputs.map((value) => plain(value, false));
  }
}

const bodiesOf = (k: Kernel): Body[] => (k.kind === "map" ? [k.body] : "finish" in k ? [k.finish] : []);

/** Everything a kernel writes. */
export const writesOf = (k: Kernel): number[] =>
  k.kind === "loop"
    ? [...k.writes.map(({ outer }) => outer), ...k.carries.flatMap(({ even, odd }) => [even, odd])]
    : "out" in k
      ? [k.out]
      : bodiesOf(k).flatMap((b) => b.stores.map((s) => s.value));

const hasRows = (body: Body): boolean =>
  body.code.some(({ op }) => op === "sum" || op === "max" || op === "min" || op === "prod" || op === "argMax" || op === "argMin");

/** How many samples a kernel can be split by; 0: it cannot. */
function samplesOf(k: Kernel, values: readonly Draft[]): number {
  if ("geometry" in k) return k.geometry.samples;
  if (k.kind === "map") return k.dims.length > 1 || (k.dims.length === 1 && !hasRows(k.body)) ? k.dims[0]! : 0;
  if (k.kind === "reduce") return k.finish.stores.some((s) => values[s.value]!.partial) ? k.fold[0]! : 0;
  return 0;
}

/** Kernels that are worth taking samples through together. */
export const isHeavy = (k: Kernel, values: readonly Draft[]): boolean => "geometry" in k || (k.kind === "reduce" && samplesOf(k, values) > 0);

/** Whether sample `s` of a reader needs only sample `s` of a value made in the same group. */
function aligned({ view, space, sampled }: Read, samples: number, draft: Draft): boolean {
  if (draft.partial || !sampled || draft.length % samples !== 0) return false;
  if (!view || !space) return true;
  const per = draft.length / samples;
  if (space[0] !== samples || (samples > 1 && view.strides[0] !== per)) return false;
  let low = view.offset;
  let high = view.offset;
  for (let i = 1; i < space.length; i++) {
    const reach = (space[i]! - 1) * view.strides[i]!;
    if (reach < 0) low += reach;
    else high += reach;
  }
  return low >= 0 && high < per;
}

/**
 * The kernels as groups to be run one after another. `before` lists pairs (earlier, later) on top of what the data demands:
 * readers of memory that a later kernel overwrites.
 */
export function schedule(kernels: readonly Kernel[], values: readonly Draft[], before: readonly (readonly [number, number])[]): Group[] {
  const writers = new Map<number, number[]>();
  kernels.forEach((k, i) => {
    for (const v of writesOf(k)) writers.set(v, [...(writers.get(v) ?? []), i]);
  });
  const waits = kernels.map((k, i) => new Set(readsOf(k).flatMap((r) => (writers.get(r.value) ?? []).filter((w) => w !== i))));
  for (const [earlier, later] of before) if (earlier !== later) waits[later]!.add(earlier);
  const followers = kernels.map(() => [] as number[]);
  waits.forEach((set, i) => {
    for (const w of set) followers[w]!.push(i);
  });
  const left = waits.map((set) => set.size);
  const ready = new Set<number>();
  left.forEach((n, i) => n === 0 && ready.add(i));
  const samples = kernels.map((k) => samplesOf(k, values));
  const heavyLeft = new Map<number, number>();
  kernels.forEach((k, i) => isHeavy(k, values) && heavyLeft.set(samples[i]!, (heavyLeft.get(samples[i]!) ?? 0) + 1));

  const groups: Group[] = [];
  let group: Group | undefined;
  let made = new Set<number>();
  const take = (i: number): void => {
    const k = kernels[i]!;
    ready.delete(i);
    group!.kernels.push(k);
    for (const v of writesOf(k)) made.add(v);
    for (const v of reads[i]!) awaited.set(v, awaited.get(v)! - 1);
    if (isHeavy(k, values)) heavyLeft.set(samples[i]!, heavyLeft.get(samples[i]!)! - 1);
    for (const f of followers[i]!) if (--left[f]! === 0) ready.add(f);
  };
  const together = (i: number): boolean => samples[i]! > 1 && (isHeavy(kernels[i]!, values) || (heavyLeft.get(samples[i]!) ?? 0) > 0);
  /** How many kernels have yet to read each value. */
  const awaited = new Map<number, number>();
  const reads = kernels.map((k) => [...new Set(readsOf(k).map((r) => r.value))]);
  const writes = kernels.map(writesOf);
  for (const v of reads.flat()) awaited.set(v, (awaited.get(v) ?? 0) + 1);
  /** How much more is kept once kernel `i` has run: what it makes and others read, less what it is the last to read. */
  const kept = (i: number): number => {
    let n = 0;
    for (const v of writes[i]!) if (awaited.has(v)) n += values[v]!.length;
    for (const v of reads[i]!) if (awaited.get(v) === 1 && writers.has(v)) n -= values[v]!.length;
    return n;
  };
  /** The first, unless it makes much that has to be kept and another less: the gradient of a weight before the way back goes on. */
  const lightest = (list: readonly number[]): number | undefined => {
    let best = list[0];
    let least = best === undefined ? 0 : kept(best) - worthSparing;
    for (const i of list) {
      const n = kept(i);
      if (n < least) [best, least] = [i, n];
    }
    return best;
  };
  const joins = (i: number): boolean =>
    group !== undefined &&
    group.samples > 1 &&
    samples[i] === group.samples &&
    // A kernel that overwrites what an earlier kernel of the group reads must wait until all samples are through.
    ![...waits[i]!].some((w) => group!.kernels.includes(kernels[w]!) && !readsOf(kernels[i]!).some((r) => (writers.get(r.value) ?? []).includes(w))) &&
    readsOf(kernels[i]!).every((r) => !made.has(r.value) || aligned(r, group!.samples, values[r.value]!));
  while (ready.size > 0) {
    const order = [...ready].sort((a, b) => a - b);
    let next = order.find(joins);
    if (next === undefined) {
      // What cannot go sample by sample runs first, so that a group, once begun, is not broken off for want of it.
      next = lightest(order.filter((i) => !together(i))) ?? order[0]!;
      group = { samples: together(next) ? samples[next]! : 0, kernels: [] };
      groups.push(group);
      made = new Set();
    }
    take(next);
    if (group!.samples === 0) group = undefined;
  }
  return groups;
}

/** A kernel with as few axes as possible; `sampled` keeps the first. */
export function tidy(k: Kernel, sampled: boolean): Kernel {
  if (k.kind !== "map") return k;
  const { space, bodies } = collapse(k.dims, [k.body], hasRows(k.body), sampled);
  if (space.length > 0) return { ...k, dims: space, body: bodies[0]! };
  // A single number still has a place: an axis of size 1.
  const body = restrided(
    bodies[0]!,
    () => [0],
    () => 0,
  );
  return { ...k, dims: [1], body };
}

/** About how many nanoseconds a kernel takes on one thread. */
export function costOf(k: Kernel): number {
  const touched = (body: Body, n: number): number =>
    n * (0.05 * (body.loads.length + body.stores.length) + 0.06 * body.code.length) * (body.type === "float64" ? 3 : 1);
  switch (k.kind) {
    case "map":
      return touched(k.body, size(k.dims));
    case "reduce":
      return touched(k.body, size(k.outer) * size(k.fold) * k.inner) + touched(k.finish, size(k.outer) * k.inner);
    case "matmul": {
      const n = size(k.batch) * k.m * k.n;
      return (n * k.k) / 50 + touched(k.finish, n);
    }
    case "conv":
    case "convKernel":
      return (k.geometry.samples * size(k.geometry.output) * size(k.geometry.window) * (k.channels / k.groups) * k.filters) / 50;
    case "pool":
    case "unpool":
    case "poolTake":
      return k.geometry.samples * size(k.geometry.output) * size(k.geometry.window) * k.channels * 0.2;
    case "gather":
    case "scatterAdd":
      return k.outer * k.count * k.inner * 0.2;
    case "attention": {
      const scores = size(k.lead) * k.heads * k.queries * k.keys * (k.causal ? 0.6 : 1);
      return scores * ((k.flow ? 3 : 1) * (k.features + k.depth) * 0.02 + 0.5);
    }
    case "pad":
      return size(k.dims) * 0.2;
    case "factorization":
      return k.batch * k.rows * k.columns * (Math.min(k.rows, k.columns) + k.width) * 2;
    case "lines":
      return (k.outer * k.size * k.inner + k.outer * k.count) * (k.task === "argSort" || k.task === "dft" ? 20 : 3);
    case "loop":
      return k.steps * k.stages.reduce((n, stage) => n + stage.kernels.reduce((m, inner) => m + costOf(inner), 0), 0);
    case "op":
      return 0;
  }
}
