/** Where values live: what passes between the kernels of one group in a thread's cache, everything else in one arena whose places are used again. */
import { bytesOf } from "../base/dtype.ts";
import type { Draft } from "./emit.ts";
import type { Home, Stage, Value } from "./program.ts";
import { readsOf, writesOf } from "./schedule.ts";

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;

export interface Plan {
  readonly values: Value[];
  readonly stages: Stage[];
  readonly arena: number;
  readonly local: number;
  readonly partial: number;
}

/**
 * Gives every value a home. `fixed`: values that belong to the caller.
 * `threads` and `cache` (bytes a thread has to itself) settle how many samples a group takes at a time.
 */
export function plan(drafts: readonly Draft[], stages: readonly Stage[], fixed: ReadonlyMap<number, Home>, threads: number, cache: number): Plan {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  const touch = (value: number, from: number, to: number): void => {
    if (value < 0) return;
    if (!first.has(value)) first.set(value, from);
    last.set(value, to);
  };
  // Stages are counted through, those inside a loop like all others; what a loop takes from outside it needs from its first to its last.
  let count = 0;
  const places = new Map<Stage, number>();
  const visit = (list: readonly Stage[]): void => {
    for (const stage of list) {
      const from = count;
      for (const k of stage.kernels) if (k.kind === "loop") visit(k.stages);
      places.set(stage, count);
      const to = count++;
      for (const k of stage.kernels) {
        for (const v of writesOf(k)) touch(v, from, to);
        for (const r of readsOf(k)) touch(r.value, from, to);
      }
    }
  };
  visit(stages);
  const homes = new Map<number, Home>(fixed);
  drafts.forEach(({ bound }, v) => bound && homes.set(v, { at: "bound" }));
  const bytes = (v: number): number => drafts[v]!.length * bytesOf(drafts[v]!.dtype);

  let partial = 0;
  let local = 0;
  const chunked = (stage: Stage): Stage => {
    if (stage.samples === 0) return { ...stage, kernels: stage.kernels.map((k) => (k.kind === "loop" ? { ...k, stages: k.stages.map(chunked) } : k)) };
    const inside: number[] = [];
    const place = places.get(stage);
    for (const [v, at] of first) {
      if (homes.has(v) || at !== place) continue;
      if (drafts[v]!.partial) {
        homes.set(v, { at: "partial", offset: partial });
        partial += align(bytes(v));
      } else if (last.get(v) === place) inside.push(v);
    }
    const perSample = inside.reduce((n, v) => n + bytes(v) / stage.samples, 0);
    const most = Math.ceil(stage.samples / threads);
    const chunk = perSample === 0 ? Math.min(most, 8) : Math.max(1, Math.min(most, Math.floor(cache / perSample)));
    let offset = 0;
    for (const v of inside) {
      homes.set(v, { at: "local", offset });
      offset += align((bytes(v) / stage.samples) * chunk);
    }
    local = Math.max(local, offset);
    return { ...stage, chunk };
  };
  const finished = stages.map(chunked);

  // First fit, largest first among those that begin together.
  const taken: { from: number; to: number; offset: number; end: number }[] = [];
  let arena = 0;
  const rest = [...first.keys()].filter((v) => !homes.has(v)).sort((a, b) => first.get(a)! - first.get(b)! || bytes(b) - bytes(a));
  for (const v of rest) {
    const from = first.get(v)!;
    const to = last.get(v)!;
    const need = align(Math.max(1, bytes(v)));
    const busy = taken.filter((t) => t.to >= from && t.from <= to).sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const t of busy) {
      if (t.offset - offset >= need) break;
      offset = Math.max(offset, t.end);
    }
    taken.push({ from, to, offset, end: offset + need });
    homes.set(v, { at: "arena", offset });
    arena = Math.max(arena, offset + need);
  }
  return {
    values: drafts.map((d, v) => ({ home: homes.get(v) ?? { at: "arena", offset: 0 }, dtype: d.dtype, length: d.length })),
    stages: finished,
    arena,
    local,
    partial,
  };
}
