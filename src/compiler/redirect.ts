/** Kernels on other values. */
import type { Bond, Kernel, View } from "./program.ts";

/** A kernel that writes `to` instead of `from`. */
export function redirect(k: Kernel, from: number, to: number): Kernel {
  const body = <B extends { stores: readonly (View & { register: number })[] }>(b: B): B => ({
    ...b,
    stores: b.stores.map((s) => (s.value === from ? { ...s, value: to } : s)),
  });
  if (k.kind === "loop") {
    const swap = (v: number): number => (v === from ? to : v);
    return {
      ...k,
      writes: k.writes.map((w) => ({ ...w, outer: swap(w.outer) })),
      carries: k.carries.map((c) => ({ ...c, even: swap(c.even), odd: swap(c.odd) })),
    };
  }
  if (k.kind === "attention") return { ...k, out: to, results: k.results.map((r) => ({ ...r, value: to })) };
  if (k.kind === "map") return { ...k, body: body(k.body) };
  if ("finish" in k) return { ...k, finish: body(k.finish) };
  return "out" in k ? { ...k, out: to } : k;
}

/** A kernel that reads `to` instead of `from`. */
export function redirectReads(k: Kernel, from: number, to: number): Kernel {
  const swap = (v: number): number => (v === from ? to : v);
  if (k.kind === "loop") {
    const bonds = (list: readonly Bond[]): Bond[] => list.map((b) => ({ ...b, outer: swap(b.outer) }));
    return { ...k, same: bonds(k.same), reads: bonds(k.reads), carries: k.carries.map((c) => ({ ...c, start: swap(c.start) })) };
  }
  const view = <V extends View>(v: V): V => ({ ...v, value: swap(v.value) });
  const out: Record<string, unknown> = { ...k };
  for (const name of ["body", "finish"] as const) {
    const b = out[name] as { loads: View[] } | undefined;
    if (b) out[name] = { ...b, loads: b.loads.map(view) };
  }
  for (const name of ["a", "b", "query", "key", "value", "flow", "mask"] as const) if (out[name]) out[name] = view(out[name] as View);
  for (const name of ["x", "w", "dy", "index"] as const) if (typeof out[name] === "number") out[name] = swap(out[name] as number);
  return out as unknown as Kernel;
}
