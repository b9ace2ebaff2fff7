/** Kernels put into stages. */
import type { Draft } from "./emit.ts";
import { join } from "./join.ts";
import type { Kernel, Stage } from "./program.ts";
import { redirect, redirectReads } from "./redirect.ts";
import { costOf, isHeavy, readsOf, schedule, tidy, writesOf } from "./schedule.ts";

/** Work below this many nanoseconds is not worth sharing among threads. */
const worthSharing = 3000;

/** The kernels, and those that add up what threads have summed for themselves, where it is handed out or read as plain memory. */
export function withWholeSums(given: readonly Kernel[], values: Draft[], outputs: readonly number[]): Kernel[] {
  let kernels = [...given];
  // What each thread sums up for itself becomes one value before it is handed out.
  for (const v of outputs) {
    if (!values[v]!.partial) continue;
    const apart = values.length;
    values.push({ ...values[v]!, bound: false });
    values[v]!.partial = false;
    kernels = kernels.map((k) => (writesOf(k).includes(v) ? redirect(k, v, apart) : readsOf(k).some((r) => r.value === v) ? redirectReads(k, v, apart) : k));
    kernels.push(copied(values, apart, v));
  }
  // So it does for kernels that read plain memory, which has no copies to add up.
  for (let v = 0; v < values.length; v++) {
    if (!values[v]!.partial || !kernels.some((k) => readsPlainly(k, v))) continue;
    const whole = values.length;
    values.push({ ...values[v]!, partial: false, bound: false });
    kernels = kernels.map((k) => (readsPlainly(k, v) ? redirectReads(k, v, whole) : k));
    kernels.push(copied(values, v, whole));
  }
  return kernels;
}

/** The kernels as stages, in an order that works; `before` lists pairs (earlier, later) on top of what the data demands. */
export function stagesOf(kernels: readonly Kernel[], values: readonly Draft[], before: readonly (readonly [number, number])[], threads: number): Stage[] {
  const places = new Map(kernels.map((k, i) => [k, i]));
  const stages: Stage[] = [];
  for (const { samples: through, kernels: group } of schedule(kernels, values, before)) {
    // What is left between large groups is not worth waking threads for either.
    const light = group.every((k) => !isHeavy(k, values)) && group.reduce((sum, k) => sum + costOf(k), 0) < worthSharing;
    const samples = light ? 0 : through;
    const shared = group.map((k) => {
      const tidied = tidy(k, samples > 0);
      places.set(tidied, places.get(k)!);
      return tidied;
    });
    const loop = shared[0]!.kind === "loop" ? shared[0] : undefined;
    const serial = loop ? loop.stages.every((stage) => stage.serial) : samples === 0 && shared.every((k) => costOf(k) < worthSharing);
    const last = stages[stages.length - 1];
    if (serial && !loop && last?.serial && last.kernels[0]!.kind !== "loop") stages[stages.length - 1] = { ...last, kernels: [...last.kernels, ...shared] };
    else stages.push({ samples, chunk: 0, serial, kernels: shared });
  }
  const clash = clashing(kernels, before);
  return join(
    stages,
    threads,
    (a, b) => clash(places.get(a)!, places.get(b)!),
    (k) => k.kind === "loop" || writesOf(k).some((v) => values[v]!.partial),
  );
}

/** Whether two kernels must run in their order: one writes what the other reads or writes, or what the other reads lies where it writes. */
function clashing(kernels: readonly Kernel[], before: readonly (readonly [number, number])[]): (a: number, b: number) => boolean {
  const reads = kernels.map((k) => new Set(readsOf(k).map((r) => r.value)));
  const writes = kernels.map(writesOf);
  const ordered = new Set(before.map(([a, b]) => a * kernels.length + b));
  const feeds = (a: number, b: number): boolean => writes[a]!.some((v) => reads[b]!.has(v) || writes[b]!.includes(v)) || ordered.has(a * kernels.length + b);
  return (a, b) => feeds(a, b) || feeds(b, a);
}

const readsPlainly = (k: Kernel, value: number): boolean => readsOf(k).some((r) => r.value === value && r.view === undefined);

/** The kernel that sets value `from` into value `to`. */
export function copied(values: readonly Draft[], from: number, to: number): Kernel {
  const { dtype, length } = values[to]!;
  const view = { offset: 0, strides: [1] };
  const type = dtype === "float64" || dtype === "int32" ? "float64" : "float32";
  return { kind: "map", dims: [length], body: { type, given: 0, loads: [{ ...view, value: from }], code: [], stores: [{ ...view, value: to, register: 0 }] } };
}
