/** Stages that do not need each other become one, without a barrier between; small work goes beside large. */
import type { Kernel, Stage } from "./program.ts";
import { costOf } from "./schedule.ts";

/** So many stages back or ahead a place is looked for: far enough for what belongs together, near enough for long programs. */
const reach = 24;

/** A stage while kernels move: those all threads share, and those one thread does alone, from later and from earlier stages. */
interface Open {
  readonly stage: Stage;
  readonly shared: Kernel[];
  readonly sunk: Kernel[];
  readonly hoisted: Kernel[];
}

/**
 * `clash(a, b)` says whether kernels must keep their order; `bound(k)` that a kernel must stay where it is.
 * Kernels in one stage that a single thread does may need each other: that thread does them in order.
 */
export function join(stages: readonly Stage[], threads: number, clash: (a: Kernel, b: Kernel) => boolean, bound: (k: Kernel) => boolean): Stage[] {
  if (threads === 1) return [...stages];
  const open: Open[] = [];
  const allOf = ({ shared, sunk, hoisted }: Open): Kernel[] => [...sunk, ...shared, ...hoisted];
  const clashes = (k: Kernel, others: readonly Kernel[]): boolean => others.some((other) => clash(k, other));
  const isShared = ({ stage }: Open): boolean => stage.samples === 0 && !stage.serial;

  for (const stage of stages) {
    const home = stage.samples > 0 || stage.serial || stage.kernels.some(bound) ? undefined : before(open.length, stage.kernels);
    if (home) home.shared.push(...stage.kernels);
    else open.push({ stage, shared: [...stage.kernels], sunk: [], hoisted: [] });
  }
  /** The nearest shared stage before place `i` that all of `kernels` can move to. */
  function before(i: number, kernels: readonly Kernel[]): Open | undefined {
    for (let j = i - 1; j >= 0 && j >= i - reach; j--) {
      const other = open[j]!;
      if (kernels.some((k) => clashes(k, isShared(other) ? [...other.sunk, ...other.shared] : allOf(other)))) return undefined;
      if (isShared(other) && !other.shared.some(bound)) return other;
      if (kernels.some((k) => clashes(k, other.hoisted))) return undefined;
    }
    return undefined;
  }
  function after(i: number, kernel: Kernel): Open | undefined {
    for (let j = i + 1; j < open.length && j <= i + reach; j++) {
      const other = open[j]!;
      if (clashes(kernel, isShared(other) ? other.shared : allOf(other))) return undefined;
      if (isShared(other) && !other.shared.some(bound)) return other;
      if (clashes(kernel, [...other.sunk, ...other.hoisted])) return undefined;
    }
    return undefined;
  }

  open.forEach((from, i) => {
    if (!from.stage.serial) return;
    const stay: Kernel[] = [];
    for (const k of from.shared.splice(0)) {
      const to = bound(k) || clashes(k, stay) ? undefined : before(i, [k]);
      if (to) to.hoisted.push(k);
      else stay.push(k);
    }
    for (const k of stay.reverse()) {
      const to = bound(k) || clashes(k, from.shared) ? undefined : after(i, k);
      if (to) to.sunk.unshift(k);
      else from.shared.unshift(k);
    }
  });
  return open.filter((o) => allOf(o).length > 0).map((o) => closed(o, threads, clash));
}

/** Kernels that need each other go to one thread, the largest such set first, each to whoever has least to do. */
function closed({ stage, shared, sunk, hoisted }: Open, threads: number, clash: (a: Kernel, b: Kernel) => boolean): Stage {
  const alone = [...sunk, ...hoisted];
  if (alone.length === 0) return { ...stage, kernels: shared };
  const set = alone.map((_, i) => i);
  for (let i = 0; i < alone.length; i++)
    for (let j = 0; j < i; j++)
      if (set[i] !== set[j] && clash(alone[i]!, alone[j]!)) {
        const old = set[i]!;
        for (let k = 0; k <= i; k++) if (set[k] === old) set[k] = set[j]!;
      }
  const costs = new Map<number, number>();
  alone.forEach((k, i) => costs.set(set[i]!, (costs.get(set[i]!) ?? 0) + costOf(k)));
  const load = new Array<number>(threads).fill(0);
  const owner = new Map<number, number>();
  for (const [one, cost] of [...costs].sort((a, b) => b[1] - a[1])) {
    const thread = load.indexOf(Math.min(...load));
    owner.set(one, thread);
    load[thread]! += cost;
  }
  return { ...stage, kernels: [...shared, ...alone], owners: [...shared.map(() => -1), ...set.map((one) => owner.get(one)!)] };
}
