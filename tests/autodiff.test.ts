import { describe, expect, test } from "vitest";
import { directional, gradients, gradientsLater } from "../src/autodiff/gradient.ts";
import { CambiumError } from "../src/base/error.ts";
import { interpret } from "../src/engines/reference/interpret.ts";
import type { Node } from "../src/graph/node.ts";
import { defineOp, type Op } from "../src/graph/op.ts";
import { add, mul, square } from "../src/ops/arithmetic.ts";
import { cast } from "../src/ops/cast.ts";
import { exp } from "../src/ops/exponential.ts";
import { softmax } from "../src/ops/softmax.ts";
import { stopGradient } from "../src/ops/movement.ts";
import { std } from "../src/ops/moments.ts";
import { concat } from "../src/ops/slice.ts";
import { sum } from "../src/ops/spread.ts";
import { sin } from "../src/ops/trigonometry.ts";
import { leaf } from "./cases.ts";

const numbersOf = (node: Node): number[] => [...interpret([node], undefined, { round: false })[0]!];
const x = (): Node => leaf([1, 2, 3], [3]);

describe("gradients", () => {
  test("of a value used twice add up", () => {
    const a = x();
    const [flow] = gradients(sum(add(mul(a, a), a)), [a]);
    expect(numbersOf(flow!)).toEqual([3, 5, 7]);
  });

  test("are wanted of any node, not only of leaves, and of several on one path", () => {
    const a = x();
    const b = square(a);
    const [byA, byB] = gradients(sum(square(b)), [a, b]);
    expect(numbersOf(byA!)).toEqual([4, 32, 108]);
    expect(numbersOf(byB!)).toEqual([2, 8, 18]);
  });

  test("are 1 for the output itself and zeros for what it does not depend on", () => {
    const [a, b] = [leaf([2], []), x()];
    const [own, none] = gradients(a, [a, b]);
    expect(numbersOf(own!)).toEqual([1]);
    expect([none!.shape, numbersOf(none!)]).toEqual([[3], [0, 0, 0]]);
  });

  test("do not flow through whole numbers, stopGradient, or past it", () => {
    const a = x();
    const [flow] = gradients(sum(add(mul(stopGradient(a), a), cast(cast(a, "int32"), "float32"))), [a]);
    expect(numbersOf(flow!)).toEqual([1, 2, 3]);
  });

  test("come back in the dtype of what they are gradients of", () => {
    const [narrow, wide] = [leaf([1, 2], [2], "float32"), leaf([3, 4], [2], "float64")];
    const flows = gradients(sum(mul(narrow, wide)), [narrow, wide]);
    expect(flows.map((flow) => flow.dtype)).toEqual(["float32", "float64"]);
  });

  test("weigh the output's numbers by what is given", () => {
    const a = x();
    const [flow] = gradients(square(a), [a], leaf([1, 0, 10], [3]));
    expect(numbersOf(flow!)).toEqual([2, 0, 60]);
  });

  test("reach each input of a list", () => {
    const [a, b] = [leaf([1], [1]), leaf([2, 3], [2])];
    expect(gradients(sum(square(concat([a, b, a]))), [a, b]).map(numbersOf)).toEqual([[4], [4, 6]]);
  });

  test("go through a chain of 100,000 ops", () => {
    const a = leaf([1], []);
    let y: Node = a;
    for (let i = 0; i < 100_000; i++) y = add(y, 1e-6);
    expect(numbersOf(gradients(y, [a])[0]!)).toEqual([1]);
  });

  test("exist to any order", () => {
    const a = leaf([0.5], []);
    let y: Node = mul(sin(a), exp(a));
    for (let i = 0; i < 4; i++) [y] = gradients(y, [a]) as [Node];
    // The fourth derivative of sin(a)·eᵃ is −4 times itself.
    expect(numbersOf(y)[0]).toBeCloseTo(-4 * Math.sin(0.5) * Math.exp(0.5), 12);
  });

  test("of something that is not a single number need to be told how much each counts", () => {
    expect(() => gradients(x(), [x()])).toThrow(/gradient: only a single number has a gradient, the output is \[3\][\s\S]*end with \.sum\(\)/);
  });

  test("of whole numbers are refused", () => {
    expect(() => gradients(sum(cast(x(), "int32")), [x()])).toThrow(/the output is int32; only numbers of a float dtype have a gradient/);
  });
});

describe("an op without a gradient of its own", () => {
  const twice: Op<["a", "b"]> = defineOp({
    name: "twice",
    kind: "composite",
    inputs: ["a", "b"],
    shape: ([a]) => a!,
    decompose: ({ a, b }) => mul(std(mul(a, b), 0, { keep: true, correction: 0 }), mul(a, b)),
    cases: [],
  });

  test("is taken apart, and so are its parts, with inputs that meet again inside", () => {
    const a = x();
    const y = sum(mul(twice(a, a), a));
    const direct = sum(mul(mul(std(mul(a, a), 0, { keep: true, correction: 0 }), mul(a, a)), a));
    const [got, want] = [y, direct].map((node) => numbersOf(gradients(node, [a])[0]!));
    got!.forEach((value, i) => expect(value).toBeCloseTo(want![i]!, 10));
  });

  test("is named when it has no parts either, but only if a gradient has to pass", () => {
    const opaque: Op<["x"]> = defineOp({ name: "opaque", kind: "elementwise", inputs: ["x"], shape: ([a]) => a!, scalar: (v) => v, cases: [] });
    const a = x();
    expect(() => gradients(sum(opaque(a)), [a])).toThrow(CambiumError);
    expect(() => gradients(sum(opaque(a)), [a])).toThrow(/opaque: has no gradient/);
    expect(numbersOf(gradients(sum(add(opaque(x()), a)), [a])[0]!)).toEqual([1, 1, 1]);
  });
});

describe("gradients put off until they are compiled", () => {
  test("are the same numbers", () => {
    const [a, b] = [x(), leaf([2, 2, 5], [3])];
    const loss = sum(mul(softmax(a), b));
    const [now, later] = [gradients(loss, [a, b]), gradientsLater(loss, [a, b])];
    expect(later.map(numbersOf)).toEqual(now.map(numbersOf));
    expect(later.map((node) => [node.shape, node.dtype, node.op!.name])).toEqual(now.map((node) => [node.shape, node.dtype, "part"]));
  });

  test("have gradients themselves, put off or not", () => {
    const a = x();
    const [first] = gradientsLater(sum(mul(square(a), a)), [a], { createGraph: true });
    expect(numbersOf(gradients(sum(first!), [a])[0]!)).toEqual([6, 12, 18]);
    const [second] = gradientsLater(sum(first!), [a], { createGraph: true });
    expect(numbersOf(second!)).toEqual([6, 12, 18]);
    expect(numbersOf(gradientsLater(sum(mul(second!, second!)), [a])[0]!)).toEqual([72, 144, 216]);
  });

  test("hold on to nothing unless their own gradients are wanted", () => {
    const a = x();
    expect(gradientsLater(sum(a), [a])[0]!.requires).toBe(false);
    expect(gradientsLater(sum(a), [a], { createGraph: true })[0]!.requires).toBe(true);
  });
});

describe("the derivative along a direction", () => {
  test("is the gradient times the direction, without a gradient for each number", () => {
    const a = x();
    expect(numbersOf(directional(square(a), [a], [leaf([1, 0, -1], [3])]))).toEqual([2, 0, -6]);
  });

  test("adds up over several directions", () => {
    const [a, b] = [x(), leaf([4, 5, 6], [3])];
    expect(numbersOf(directional(mul(a, b), [a, b], [leaf([1, 1, 1], [3]), leaf([1, 0, 0], [3])]))).toEqual([5, 5, 6]);
  });
});
