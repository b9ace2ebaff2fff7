/** Attention that never writes its scores down: the kernel gives what its parts give in double precision, on odd sizes, under every mask, forward and back. */
import { describe, expect, test } from "vitest";
import { gradients } from "../src/autodiff/gradient.ts";
import { load } from "../src/base/dtype.ts";
import { size } from "../src/base/shape.ts";
import { compile } from "../src/compiler/compile.ts";
import { printProgram } from "../src/compiler/print.ts";
import type { Engine } from "../src/engines/engine.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { interpret } from "../src/engines/reference/interpret.ts";
import type { Node } from "../src/graph/node.ts";
import { inOrder } from "../src/graph/walk.ts";
import { attend, type Attending } from "../src/ops/attention.ts";
import { add } from "../src/ops/arithmetic.ts";
import { permute, reshape } from "../src/ops/movement.ts";
import { split } from "../src/ops/slice.ts";
import { sum } from "../src/ops/spread.ts";
import { sin } from "../src/ops/trigonometry.ts";
import { leaf, numbers } from "./cases.ts";
import { loopsEngine } from "./program-loops.ts";

const native = typeof loadAddon() !== "string";
const engines: [string, Engine][] = [["by plain loops", loopsEngine()], ...(native ? [1, 2, 3].map((n): [string, Engine] => [`natively on ${n} threads`, nativeEngine(n)]) : [])];

function drawn(seed: number, shape: readonly number[]): Node {
  const draw = numbers(seed);
  return leaf(Array.from({ length: size(shape) }, () => draw(-1.5, 1.5)), shape);
}

/** True with chance `p`. */
function open(seed: number, shape: readonly number[], p: number): Node {
  const draw = numbers(seed);
  return leaf(Array.from({ length: size(shape) }, () => (draw(0, 1) < p ? 1 : 0)), shape, "bool");
}

function programOf(roots: readonly Node[], engine: Engine): ReturnType<typeof compile>["program"] {
  return compile(inOrder(roots, (n) => n.value !== undefined), roots, engine.target).program;
}

function run(roots: readonly Node[], engine: Engine): number[][] {
  const order = inOrder(roots, (n) => n.value !== undefined);
  const outputs = roots.map((root) => engine.allocate(root.dtype, size(root.shape)));
  engine.prepare(programOf(roots, engine)).run(order.flatMap((node) => node.value ?? []), outputs, new Float64Array(0));
  return outputs.map((memory) => Array.from(load(memory.dtype, memory.host!)));
}

interface Trial extends Pick<Attending, "isCausal" | "scale" | "hidden" | "mask"> {
  readonly lead: readonly number[];
  readonly heads: number;
  readonly shared: number;
  /** Queries, keys, features, depth. */
  readonly sizes: readonly [number, number, number, number];
}

const trials: Record<string, Trial> = {
  "looking back, heads of 32": { lead: [2], heads: 4, shared: 4, sizes: [128, 128, 32, 32], isCausal: true },
  "looking everywhere, two heads a pair of keys and values": { lead: [2], heads: 4, shared: 2, sizes: [33, 33, 16, 24] },
  "odd sizes under a mask with rows that hide everything": { lead: [3], heads: 2, shared: 2, sizes: [7, 19, 5, 3], mask: open(5, [1, 2, 7, 19], 0.2) },
  "a mask of numbers for all heads": { lead: [2, 2], heads: 4, shared: 1, sizes: [50, 61, 8, 8], mask: drawn(6, [50, 61]) },
  "a mask that gives hidden keys a low score": { lead: [1], heads: 1, shared: 1, sizes: [60, 70, 20, 7], mask: open(7, [60, 70], 0.3), hidden: -2 },
  "one query under a padding mask": { lead: [2], heads: 2, shared: 2, sizes: [1, 37, 6, 1], mask: open(8, [2, 1, 1, 37], 0.5), scale: -0.3 },
  "one key": { lead: [], heads: 1, shared: 1, sizes: [5, 1, 1, 1] },
  "more keys than queries, looking back": { lead: [1], heads: 3, shared: 1, sizes: [65, 90, 33, 17], isCausal: true },
  "more queries than keys, looking back": { lead: [1], heads: 2, shared: 2, sizes: [40, 9, 4, 4], isCausal: true },
  "one head and many queries": { lead: [], heads: 1, shared: 1, sizes: [150, 150, 64, 64] },
  "no queries": { lead: [2], heads: 2, shared: 2, sizes: [0, 3, 4, 4] },
  "no keys": { lead: [2], heads: 2, shared: 2, sizes: [3, 0, 4, 4] },
};

describe.each(engines)("attention %s", (_, engine) => {
  test.each(Object.entries(trials))("on %s gives what its parts give", (_, { lead, heads, shared, sizes: [queries, keys, features, depth], ...rest }) => {
    const given = [drawn(1, [...lead, heads, queries, features]), drawn(2, [...lead, shared, keys, features]), drawn(3, [...lead, shared, keys, depth])] as const;
    const out = attend(...given, rest);
    const roots = [out, ...gradients(sum(sin(add(out, 0.3))), given)];
    const want = interpret(roots, undefined, { round: false });
    expect(printProgram(programOf(roots, engine))).toContain("attention ");
    run(roots, engine).forEach((got, i) => {
      expect(got.length).toBe(want[i]!.length);
      const off = got.reduce((worst, x, j) => Math.max(worst, Math.abs(x - want[i]![j]!) / (1 + Math.abs(want[i]![j]!))), 0);
      expect(off, ["the result", "the flow to queries", "the flow to keys", "the flow to values"][i]).toBeLessThan(1e-5);
      expect(got.every(Number.isFinite)).toBe(true);
    });
  });

  test("reads queries, keys and values out of one product and writes what flows back beside each other, without a copy", () => {
    const [batch, length, heads, features] = [2, 9, 3, 4];
    const x = drawn(4, [batch, length, 3 * heads * features]);
    const [q, k, v] = split(sin(x), 3, 2).map((part) => permute(reshape(part, [batch, length, heads, features]), [0, 2, 1, 3])) as [Node, Node, Node];
    const out = reshape(permute(attend(q, k, v, { isCausal: true }), [0, 2, 1, 3]), [batch, length, heads * features]);
    const roots = [out, ...gradients(sum(sin(out)), [x])];
    const want = interpret(roots, undefined, { round: false });
    run(roots, engine).forEach((got, i) => got.forEach((y, j) => expect(y).toBeCloseTo(want[i]![j]!, 5)));
    const kinds = programOf(roots, engine).stages.flatMap((s) => s.kernels.map((kernel) => kernel.kind));
    expect(kinds.filter((kind) => kind === "attention").length).toBe(2);
    expect(kinds.filter((kind) => kind !== "map" && kind !== "attention")).toEqual([]);
    expect(kinds.length).toBeLessThanOrEqual(5);
  });

  test("hands a NaN on to the query that has it, and to no other", () => {
    const values = Array.from({ length: 12 }, (_, i) => (i === 5 ? Number.NaN : i / 10));
    const [q, k, v] = [leaf(values, [3, 4]), drawn(9, [5, 4]), drawn(10, [5, 2])];
    const [got] = run([attend(q, k, v)], engine);
    expect(got!.map((y) => Number.isNaN(y))).toEqual([false, false, true, true, false, false]);
  });
});

describe("attention", () => {
  test("comes in parts to an engine without a kernel of its own, and in double precision", () => {
    const parts: Engine = { ...loopsEngine(), target: { plain: false, threads: 1, cache: 2 ** 14 } };
    const given = [drawn(1, [2, 3, 4]), drawn(2, [2, 5, 4]), drawn(3, [2, 5, 2])] as const;
    expect(printProgram(programOf([attend(...given)], parts))).not.toContain("attention");
    expect(run([attend(...given)], parts)[0]![0]).toBeCloseTo(interpret([attend(...given)])[0]![0]!, 6);
    const wide = [2, 3].map((seed) => leaf(load("float32", drawn(seed, [3, 4]).value!.host!), [3, 4], "float64"));
    expect(printProgram(programOf([attend(wide[0]!, wide[1]!, wide[1]!)], loopsEngine()))).not.toContain("attention");
  });

  test("gives the same bits each time", () => {
    if (!native) return;
    const given = [drawn(1, [2, 4, 70, 16]), drawn(2, [2, 4, 70, 16]), drawn(3, [2, 4, 70, 16])] as const;
    const out = attend(...given, { isCausal: true });
    const roots = [out, ...gradients(sum(sin(out)), given)];
    expect(run(roots, nativeEngine(2))).toEqual(run(roots, nativeEngine(2)));
  });
});
