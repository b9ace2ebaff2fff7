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

/** A value that needs `size` bytes from its first to its last use. */
interface Span {
  readonly v: number;
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

/** Places for values, so that those in use at one time lie apart: first fit, largest first among those that begin together. */
function packed(spans: readonly Span[]): { places: Map<number, number>; end: number } {
  const taken: { from: number; to: number; offset: number; end: number }[] = [];
  const places = new Map<number, number>();
  let most = 0;
  for (const { v, from, to, size } of [...spans].sort((a, b) => a.from - b.from || b.size - a.size)) {
    const busy = taken.filter((t) => t.to >= from && t.from <= to).sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const t of busy) {
      if (t.offset - offset >= size) break;
      offset = Math.max(offset, t.end);
    }
    taken.push({ from, to, offset, end: offset + size });
    places.set(v, offset);
    most = Math.max(most, offset + size);
  }
  return { places, end: most };
}

/** The first and the last kernel of a stage that touches each value. */
function usesWithin(stage: Stage): Map<number, { from: number; to: number }> {
  const uses = new Map<number, { from: number; to: number }>();
  stage.kernels.forEach((k, at) => {
    for (const v of [...writesOf(k), ...readsOf(k).map((r) => r.value)]) uses.set(v, { from: uses.get(v)?.from ?? at, to: at });
  });
  return uses;
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
    const uses = usesWithin(stage);
    const spans = inside.map((v) => ({ v, ...uses.get(v)!, size: bytes(v) / stage.samples }));
    const perSample = Math.max(0, ...stage.kernels.map((_, k) => spans.reduce((n, s) => (s.from <= k && s.to >= k ? n + s.size : n), 0)));
    const most = Math.ceil(stage.samples / threads);
    const fits = perSample === 0 ? Math.min(most, 8) : Math.max(1, Math.min(most, Math.floor(cache / perSample)));
    // Weights that do not stay in the cache are read anew for each chunk: it should bring as much of its own.
    const weights = stage.kernels.reduce((n, k) => (k.kind === "conv" ? n + bytes(k.w) : n), 0);
    const chunk = weights > cache && perSample > 0 ? Math.max(fits, Math.min(most, Math.ceil(weights / perSample))) : fits;
    const { places: offsets, end: offset } = packed(spans.map((s) => ({ ...s, size: align(s.size * chunk) })));
    offsets.forEach((at, v) => homes.set(v, { at: "local", offset: at }));
    local = Math.max(local, offset);
    return { ...stage, chunk };
  };
  const finished = stages.map(chunked);

  const rest = [...first.keys()].filter((v) => !homes.has(v));
  const { places: offsets, end: arena } = packed(rest.map((v) => ({ v, from: first.get(v)!, to: last.get(v)!, size: align(Math.max(1, bytes(v))) })));
  offsets.forEach((offset, v) => homes.set(v, { at: "arena", offset }));
  return {
    values: drafts.map((d, v) => ({ home: homes.get(v) ?? { at: "arena", offset: 0 }, dtype: d.dtype, length: d.length })),
    stages: finished,
    arena,
    local,
    partial,
  };
}
