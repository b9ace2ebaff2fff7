import { describe, expect, test } from "vitest";
import { directional, gradients } from "../src/autodiff/gradient.ts";
import { isFloat, load } from "../src/base/dtype.ts";
import { CambiumError } from "../src/base/error.ts";
import { size } from "../src/base/shape.ts";
import { compile } from "../src/compiler/compile.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { interpret } from "../src/engines/reference/interpret.ts";
import type { Node } from "../src/graph/node.ts";
import { at } from "../src/graph/op.ts";
import { inOrder } from "../src/graph/walk.ts";
import { add, mul } from "../src/ops/arithmetic.ts";
import * as ops from "../src/ops/table.ts";
import { everyCase, everyOp, leaf, numbers, type Trial } from "./cases.ts";

const exact = { round: false };
const trials = everyCase();

function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < got.length; i++)
    if (!(Math.abs(got[i]! - want[i]!) <= tolerance * (1 + Math.abs(want[i]!))) && !Object.is(got[i], want[i])) expect.fail(`${what}[${i}] is ${got[i]}, should be ${want[i]}`);
}

/** A number that depends on every number of `y`, and not in a straight line. */
function scored(y: Node, seed: number): Node {
  const draw = numbers(seed);
  return ops.sum(mul(ops.sin(y), leaf(Array.from({ length: size(y.shape) }, () => draw(0.5, 1.5)), y.shape, y.dtype)));
}

/** How fast `loss` changes as `inputs` move along `direction`, measured. */
function slope(loss: Node, inputs: readonly Node[], direction: readonly Float64Array[]): number {
  const step = 1e-4;
  const at = (by: number): number => {
    const given = new Map(inputs.map((x, k): [Node, Float64Array] => [x, Float64Array.from(load(x.dtype, x.value!.host!), (v, i) => v + by * direction[k]![i]!)]));
    return interpret([loss], given, exact)[0]![0]!;
  };
  return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
}

/** Checks the gradients of `loss` against slopes measured along each input, in a direction drawn at random. */
function checkGradients(loss: Node, inputs: readonly Node[], what: string): void {
  const flows = interpret(gradients(loss, inputs), undefined, exact);
  const draw = numbers(7);
  inputs.forEach((x, k) => {
    const direction = Float64Array.from(flows[k]!, () => draw(-1, 1));
    const along = flows[k]!.reduce((total, flow, i) => total + flow * direction[i]!, 0);
    expectClose([along], [slope(loss, [x], [direction])], 1e-6, `${what} with respect to input ${k}`);
  });
}

const differentiable = ({ op, inputs, use }: Trial): boolean => !op.constant && inputs.some((x) => isFloat(x.dtype)) && isFloat(use(inputs).dtype);
const floats = (inputs: readonly Node[]): Node[] => inputs.filter((x) => isFloat(x.dtype));

describe("every op, in every case,", () => {
  for (const trial of trials) {
    const { op, name, inputs, use } = trial;

    test(`${name} gives as many numbers as its shape says`, () => {
      const y = use(inputs);
      expect(interpret([y])[0]!.length).toBe(size(y.shape));
    });

    if (op.decompose && (op.reference || op.scalar))
      test(`${name} equals what it is said to be made of`, () => {
        const y = use(inputs);
        const made = op.decompose!(at(y), y.attrs, y);
        expect([made.shape, made.dtype]).toEqual([y.shape, y.dtype]);
        expectClose(interpret([made], undefined, exact)[0]!, interpret([y], undefined, exact)[0]!, 1e-12, name);
      });

    if (differentiable(trial)) {
      test(`${name} has the gradient its slopes show`, () => {
        const y = use(inputs);
        const flows = gradients(scored(y, 1), floats(inputs));
        flows.forEach((flow, k) => expect([flow.shape, flow.dtype]).toEqual([floats(inputs)[k]!.shape, floats(inputs)[k]!.dtype]));
        checkGradients(scored(y, 1), floats(inputs), name);
      });

      test(`${name} has the second derivative the slopes of its gradient show`, () => {
        const wrt = floats(inputs);
        const flows = gradients(scored(use(inputs), 1), wrt);
        checkGradients(flows.map((flow, k) => scored(flow, 2 + k)).reduce((a, b) => add(a, b)), wrt, `the gradient of ${name}`);
      });

      test(`${name} has the derivative along a direction its slopes show`, () => {
        const wrt = floats(inputs);
        const draw = numbers(3);
        const directions = wrt.map((x) => Float64Array.from({ length: size(x.shape) }, () => Math.fround(draw(-1, 1))));
        const loss = scored(use(inputs), 1);
        const tangents = wrt.map((x, k) => leaf(directions[k]!, x.shape, x.dtype));
        expectClose(interpret([directional(loss, wrt, tangents)], undefined, exact)[0]!, [slope(loss, wrt, directions)], 1e-6, name);
      });
    }
  }
});

describe("the reference engine", () => {
  const engine = referenceEngine();
  for (const { name, inputs, use } of trials)
    test(`runs ${name} as a compiled program`, () => {
      const y = use(inputs);
      const order = inOrder([y]);
      const out = engine.allocate(y.dtype, size(y.shape));
      engine.prepare(compile(order, [y], engine.target).program).run(order.flatMap((node) => node.value ?? []), [out], new Float64Array(0));
      expect([...out.host!]).toEqual([...interpret([y])[0]!]);
    });
});

describe("the op table", () => {
  test("has no two ops of one name, and each has a case", () => {
    const names = everyOp().map((op) => op.name);
    expect(new Set(names).size).toBe(names.length);
    for (const op of everyOp()) expect(op.cases.length, op.name).toBeGreaterThan(0);
  });

  test("exports each op under its own name", () => {
    for (const op of everyOp().slice(1)) expect((ops as Record<string, unknown>)[op.name], op.name).toBe(op);
  });

  test("says how each op is computed: by loops, number by number, or from smaller ops", () => {
    for (const op of everyOp()) expect(op.reference ?? op.scalar ?? op.decompose, op.name).toBeDefined();
  });

  test("says what gradient each op has, or that it has none", () => {
    for (const op of everyOp()) expect(op.constant ?? op.gradient ?? op.decompose, op.name).toBeTruthy();
  });
});

describe("at the edges of numbers", () => {
  const value = (op: (...nodes: Node[]) => Node, ...given: number[]): number => interpret([op(...given.map((x) => leaf([x], [])))])[0]![0]!;
  const edges: [name: keyof typeof ops, given: number[], wanted: number][] = [
    ["add", [Infinity, -Infinity], NaN],
    ["div", [1, 0], Infinity],
    ["div", [1, -0], -Infinity],
    ["div", [0, 0], NaN],
    ["pow", [0, 0], 1],
    ["pow", [NaN, 0], 1],
    ["pow", [1, NaN], 1],
    ["pow", [-1, Infinity], 1],
    ["pow", [-2, 0.5], NaN],
    ["mod", [5, 0], NaN],
    ["mod", [-7, 3], 2],
    ["mod", [7, -3], -2],
    ["floorDiv", [-7, 2], -4],
    ["minimum", [NaN, 1], NaN],
    ["maximum", [1, NaN], NaN],
    ["clamp", [NaN, 0, 1], NaN],
    ["clamp", [5, 3, 1], 1],
    ["where", [NaN, 1, 2], 1],
    ["equal", [NaN, NaN], 0],
    ["notEqual", [NaN, NaN], 1],
    ["equal", [0, -0], 1],
    ["less", [NaN, 1], 0],
    ["isNaN", [NaN], 1],
    ["isInf", [-Infinity], 1],
    ["isFinite", [NaN], 0],
    ["neg", [0], -0],
    ["abs", [-0], 0],
    ["sqrt", [-1], NaN],
    ["sqrt", [-0], -0],
    ["rsqrt", [0], Infinity],
    ["log", [0], -Infinity],
    ["log", [-1], NaN],
    ["log1p", [-1], -Infinity],
    ["exp", [-Infinity], 0],
    ["exp", [1000], Infinity],
    ["expm1", [-Infinity], -1],
    ["tanh", [Infinity], 1],
    ["tanh", [-1000], -1],
    ["erf", [Infinity], 1],
    ["erf", [-Infinity], -1],
    ["erfc", [Infinity], 0],
    ["erfc", [-Infinity], 2],
    ["relu", [NaN], NaN],
    ["relu", [-Infinity], 0],
    ["reluGrad", [5, NaN], 0],
    ["reluGrad", [NaN, -1], 0],
    ["sigmoid", [-Infinity], 0],
    ["sigmoid", [1000], 1],
    ["softplus", [1000], 1000],
    ["softplus", [-Infinity], 0],
    ["logSigmoid", [-1000], -1000],
    ["logSigmoid", [Infinity], 0],
    ["silu", [-Infinity], -0],
    ["gelu", [-Infinity], -0],
    ["gelu", [Infinity], Infinity],
    ["geluTanh", [-Infinity], -0],
    ["round", [0.5], 0],
    ["round", [1.5], 2],
    ["round", [2.5], 2],
    ["round", [-0.5], -0],
    ["round", [-1.5], -2],
    ["round", [Infinity], Infinity],
    ["trunc", [-0.5], -0],
    ["ceil", [-0.5], -0],
    ["sign", [-3], -1],
    ["hypot", [3e30, 4e30], Math.fround(5e30)],
    ["atan2", [0, -1], Math.fround(Math.PI)],
    ["logicalAnd", [0.5, -3], 1],
    ["logicalXor", [1, 2], 0],
  ];
  for (const [name, given, wanted] of edges)
    test(`${name}(${given.map((x) => (Object.is(x, -0) ? "-0" : x)).join(", ")}) is ${Object.is(wanted, -0) ? "-0" : wanted}`, () => {
      expect(value(ops[name] as (...nodes: Node[]) => Node, ...given)).toBe(wanted);
    });

  test("NaN goes through every function of one number that is not a question", () => {
    for (const op of everyOp())
      if (op.kind === "elementwise" && op.inputs.length === 1 && !op.constant && op.name !== "cast") expect(value(op, NaN), op.name).toBeNaN();
  });

  test("erf and erfc agree with the tables", () => {
    const erf = ops.erf.scalar!;
    const erfc = ops.erfc.scalar!;
    expectClose([erf(0.5), erf(1), erf(3)], [0.5204998778130465, 0.8427007929497149, 0.9999779095030014], 1e-15, "erf");
    expect(erfc(3) / 2.209049699858544e-5).toBeCloseTo(1, 13);
    expect(erfc(10) / 2.088487583762545e-45).toBeCloseTo(1, 12);
    expect(Math.abs(erf(2 - 1e-13) - erf(2)) < 1e-13).toBe(true);
  });

  test("a largest number is NaN if there is one, and no mean is taken of nothing", () => {
    expect(interpret([ops.max(leaf([1, NaN, 3], [3]))])[0]![0]).toBeNaN();
    expect(interpret([ops.mean(leaf([], [0]))])[0]![0]).toBeNaN();
    expect(interpret([ops.sum(leaf([], [0]))])[0]![0]).toBe(0);
    expect(interpret([ops.prod(leaf([], [0]))])[0]![0]).toBe(1);
  });

  test("equal numbers share the gradient of a largest one, and the first one takes that of pooling", () => {
    const x = leaf([2, 1, 2], [3]);
    expect([...interpret(gradients(ops.max(x), [x]))[0]!]).toEqual([0.5, 0, 0.5]);
    const line = leaf([2, 2, 1, 1], [1, 4, 1]);
    expect([...interpret(gradients(ops.sum(ops.maxPool(line, { window: 2 })), [line]))[0]!]).toEqual([1, 0, 1, 0]);
    const [a, b] = [leaf([1], []), leaf([1], [])];
    expect(interpret(gradients(ops.maximum(a, b), [a, b])).map((g) => g[0])).toEqual([0.5, 0.5]);
  });

  test("slopes that are 0 · ∞ are 0", () => {
    const x = leaf([0, 0, 2], [3]);
    for (const power of [0, 1, 2, 3]) for (const g of gradients(ops.sum(ops.pow(x, power)), [x])) expect([...interpret([g])[0]!].some(Number.isNaN)).toBe(false);
    const [first] = gradients(ops.sum(ops.pow(x, 2)), [x]);
    expect([...interpret(gradients(ops.sum(first!), [x]))[0]!]).toEqual([2, 2, 2]);
    const zero = leaf([0, 0], [2]);
    expect([...interpret(gradients(ops.norm(zero), [zero]))[0]!]).toEqual([0, 0]);
    expect([...interpret(gradients(ops.sum(ops.relu(zero)), [zero]))[0]!]).toEqual([0, 0]);
    expect([...interpret(gradients(ops.sum(ops.abs(zero)), [zero]))[0]!]).toEqual([0, 0]);
  });
});

describe("dtypes", () => {
  const of = (dtype: "float32" | "float64" | "int32" | "uint8" | "bool"): Node => leaf([1, 0], [2], dtype);
  test("meet as in PyTorch, and numbers do not widen tensors", () => {
    expect(add(of("uint8"), of("int32")).dtype).toBe("int32");
    expect(add(of("int32"), of("float32")).dtype).toBe("float32");
    expect(add(of("float32"), of("float64")).dtype).toBe("float64");
    expect(add(of("float32"), 0.1).dtype).toBe("float32");
    expect(add(of("int32"), 1).dtype).toBe("int32");
    expect(add(of("int32"), 0.5).dtype).toBe("float32");
  });
  test("of bools count as 0 and 1", () => {
    expect(add(of("bool"), of("bool")).dtype).toBe("int32");
    expect(ops.sum(of("bool")).dtype).toBe("int32");
    expect(ops.neg(of("bool")).dtype).toBe("int32");
  });
  test("of whole numbers become float32 where the result is none", () => {
    expect(ops.div(of("int32"), of("int32")).dtype).toBe("float32");
    expect(ops.exp(of("uint8")).dtype).toBe("float32");
    expect(ops.mean(of("bool")).dtype).toBe("float32");
    expect(ops.softmax(of("int32")).dtype).toBe("float32");
  });
  test("of answers are bool, of places int32", () => {
    expect(ops.less(of("float32"), 1).dtype).toBe("bool");
    expect(ops.any(of("float32")).dtype).toBe("bool");
    expect(ops.argMax(of("float64")).dtype).toBe("int32");
    expect(ops.windowArgMax(leaf([], [1, 16, 16, 0]), { window: 16 }).dtype).toBe("int32");
  });
  test("of a choice are those of what is chosen from", () => {
    expect(ops.where(of("bool"), of("uint8"), of("int32")).dtype).toBe("int32");
    expect(ops.where(of("bool"), of("float32"), 0).dtype).toBe("float32");
  });
  test("wrap and cut off as typed arrays do when cast", () => {
    const cast = (dtype: "int32" | "uint8" | "bool", ...given: number[]): number[] => [...interpret([ops.cast(leaf(given, [given.length]), dtype)])[0]!];
    expect(cast("int32", 1.9, -1.9)).toEqual([1, -1]);
    expect(cast("uint8", 256, -1, 300.7)).toEqual([0, 255, 44]);
    expect(cast("bool", 0, -0, 0.1, NaN)).toEqual([0, 0, 1, 1]);
  });
});

describe("shapes", () => {
  const x = (...shape: number[]): Node => leaf(new Float64Array(size(shape)), shape);
  test("of folds and pooling lose or keep what they should", () => {
    expect(ops.sum(x(2, 3, 4), [0, -1]).shape).toEqual([3]);
    expect(ops.max(x(2, 3), 1, { keep: true }).shape).toEqual([2, 1]);
    expect(ops.maxPool(x(1, 28, 28, 3), { window: 2 }).shape).toEqual([1, 14, 14, 3]);
    expect(ops.conv(x(1, 7, 7, 3), x(3, 3, 3, 8), { padding: "same", stride: 2 }).shape).toEqual([1, 4, 4, 8]);
    expect(ops.convOutput([224, 224], [7, 7], { stride: 2, padding: 3 })).toEqual([112, 112]);
  });
  test("of parts count places as NumPy does", () => {
    expect(ops.slice(x(5, 4), [-2], [undefined, -1], [1, 2]).shape).toEqual([2, 2]);
    expect(ops.slice(x(5), [7]).shape).toEqual([0]);
    expect(ops.split(x(7, 2), [3, 4]).map((part) => part.shape)).toEqual([[3, 2], [4, 2]]);
    expect(ops.tile(x(2, 3), [2, 1, 2]).shape).toEqual([2, 2, 6]);
    expect(ops.stack([x(2), x(2), x(2)], 1).shape).toEqual([2, 3]);
    expect(ops.tile(x(3), [2, 2]).shape).toEqual([2, 6]);
    expect(ops.repeat(x(2, 3), 2, 1).shape).toEqual([2, 6]);
  });
  test("of rearrangements are as asked for", () => {
    expect(ops.transpose(x(2, 3, 4)).shape).toEqual([2, 4, 3]);
    expect(ops.moveAxis(x(2, 3, 4), 0, -1).shape).toEqual([3, 4, 2]);
    expect(ops.squeeze(x(1, 3, 1)).shape).toEqual([3]);
    expect(ops.expandDims(x(3), [0, -1]).shape).toEqual([1, 3, 1]);
    expect(ops.flatten(x(2, 3, 4), 1).shape).toEqual([2, 12]);
  });
});

describe("einsum", () => {
  const counted = (...shape: number[]): Node => leaf(Array.from({ length: size(shape) }, (_, i) => i + 1), shape);
  const numbersOf = (node: Node): number[] => [...interpret([node])[0]!];
  const [a, b] = [counted(2, 3), counted(3, 4)];
  test("multiplies matrices, in any order of the result", () => {
    expect(numbersOf(ops.einsum("ij,jk->ik", a, b))).toEqual(numbersOf(ops.matmul(a, b)));
    expect(numbersOf(ops.einsum("ij,jk->ki", a, b))).toEqual(numbersOf(ops.transpose(ops.matmul(a, b))));
    expect(numbersOf(ops.einsum("ij,jk", a, b))).toEqual(numbersOf(ops.matmul(a, b)));
  });
  test("sums, transposes, and takes outer and weighted products", () => {
    expect(numbersOf(ops.einsum("ij->", a))).toEqual([21]);
    expect(numbersOf(ops.einsum("ij->ji", a))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(numbersOf(ops.einsum("i,j->ij", counted(2), counted(2)))).toEqual([1, 2, 2, 4]);
    expect(numbersOf(ops.einsum("ij,ij->i", a, a))).toEqual([14, 77]);
    expect(numbersOf(ops.einsum("i,i,i->", counted(3), counted(3), counted(3)))).toEqual([36]);
  });
  test("keeps heads apart in attention", () => {
    const [q, k] = [counted(2, 3, 2, 4), counted(2, 5, 2, 4)];
    const scores = ops.einsum("bqhd,bkhd->bhqk", q, k);
    expect(scores.shape).toEqual([2, 2, 3, 5]);
    expect(numbersOf(scores)).toEqual(numbersOf(ops.matmul(ops.permute(q, [0, 2, 1, 3]), ops.permute(k, [0, 2, 3, 1]))));
  });
});

describe("copies and orders", () => {
  const x = leaf([3, 1, 2], [3]);
  const numbersOf = (node: Node): number[] => [...interpret([node])[0]!];
  test("are made whole by tile and one by one by repeat", () => {
    expect(numbersOf(ops.tile(x, [2]))).toEqual([3, 1, 2, 3, 1, 2]);
    expect(numbersOf(ops.repeat(x, 2))).toEqual([3, 3, 1, 1, 2, 2]);
  });
  test("put the largest first in topK, with their places", () => {
    const { values, indices } = ops.topK(x, 2);
    expect([numbersOf(values), numbersOf(indices)]).toEqual([[3, 2], [0, 2]]);
  });
});

describe("mistakes are explained:", () => {
  const x = (...shape: number[]): Node => leaf(new Float64Array(size(shape)), shape);
  const int = (...shape: number[]): Node => leaf(new Float64Array(size(shape)), shape, "int32");
  const mistakes: [what: string, make: () => unknown, message: RegExp][] = [
    ["shapes that do not broadcast", () => add(x(2, 3), x(4)), /add: shapes \[2, 3\] and \[4\] do not broadcast: axis -1 is 3 and 4/],
    ["a reshape that loses numbers", () => ops.reshape(x(2, 3), [4]), /reshape: \[2, 3\] holds 6 numbers, \[4\] would hold 4/],
    ["a reshape that forgets the batch", () => ops.reshape(x(5, 6), [2, 3]), /hint: keep the batch: reshape to \[-1, 2, 3\]/],
    ["a reshape with two open sizes", () => ops.reshape(x(6), [-1, -1]), /reshape: \[-1, -1\] leaves more than one size open/],
    ["a reshape with an open size that does not come out", () => ops.reshape(x(5), [2, -1]), /which \[2, -1\] does not divide evenly/],
    ["an order that names an axis twice", () => ops.permute(x(2, 3), [0, 0]), /permute: the order \[0, 0\] does not name each of the 2 axes/],
    ["an axis that is not there", () => ops.sum(x(2, 3), 2), /sum: axis 2 does not exist: the tensor has 2 axes/],
    ["a squeeze of a wide axis", () => ops.squeeze(x(2, 3), 0), /squeeze: axis 0 of \[2, 3\] has size 2/],
    ["a broadcast to a smaller shape", () => ops.broadcast(x(2, 3), [3]), /broadcast: \[2, 3\] does not broadcast to \[3\]/],
    ["a backward slice", () => ops.slice(x(3), [0], [3], [-1]), /slice: a step of -1 is not possible[\s\S]*use flip/],
    ["more places than axes", () => ops.slice(x(3), [0, 0]), /slice: 2 places are given, but \[3\] has 1 axes/],
    ["padding that removes everything", () => ops.pad(x(3), [-2], [-2]), /pad: cutting \[-2\] in front and \[-2\] behind leaves nothing of \[3\]/],
    ["padding for another rank", () => ops.pad(x(3), [1, 1], [1]), /pad: 2 counts in front and 1 behind are given; \[3\] needs 1 of each/],
    ["parts that do not fit", () => ops.concat([x(2, 3), x(2, 4)]), /concat: \[2, 3\] and \[2, 4\] do not fit along axis 0/],
    ["nothing to put together", () => ops.concat([]), /concat: there is nothing to put together/],
    ["a stack of unequal shapes", () => ops.stack([x(2), x(3)]), /stack: all shapes must be equal, got \[2\] and \[3\]/],
    ["a split that does not come out", () => ops.split(x(5), 2), /split: axis 0 of \[5\] has size 5, which does not make 2 equal pieces/],
    ["a matrix product of sizes that differ", () => ops.matmul(x(2, 3), x(4, 5)), /matmul: inner sizes differ: a is \[2, 3\], b is \[4, 5\].*\(3 ≠ 4\)$/],
    ["a transposed right operand", () => ops.matmul(x(2, 3), x(4, 3)), /hint: b looks transposed: try b.transpose\(\)/],
    ["a transposed left operand", () => ops.matmul(x(3, 2), x(3, 4)), /hint: a looks transposed/],
    ["a matrix product with a number", () => ops.matmul(x(2, 3), x()), /both need at least one axis[\s\S]*use mul/],
    ["a matrix product of mixed dtypes", () => ops.matmul(x(2, 2), int(2, 2)), /matmul: a is float32, b is int32; both must be of one dtype[\s\S]*b\.cast\("float32"\)/],
    ["channels in the wrong place", () => ops.conv(x(1, 3, 8, 8), x(3, 3, 3, 4)), /conv: x is \[1, 3, 8, 8\] with 8 channels, w is .* must be 3[\s\S]*channels first/],
    ["a convolution without a batch", () => ops.conv(x(8, 8, 3), x(3, 3, 3, 4)), /x seems to lack its batch axis/],
    ["a kernel larger than the input", () => ops.conv(x(1, 2, 2, 1), x(3, 3, 1, 1)), /conv: the window does not fit: along spatial axis 0 it reaches over 3, the input has 2/],
    ["filters that do not divide into groups", () => ops.conv(x(1, 4, 4, 2), x(1, 1, 1, 3), { groups: 2 }), /3 filters do not divide into 2 groups/],
    ["a stride for another rank", () => ops.conv(x(1, 4, 4, 1), x(1, 1, 1, 1), { stride: [1, 1, 1] }), /stride \[1, 1, 1\] has 3 entries, the input has 2 spatial axes/],
    ["a stride of 0", () => ops.conv(x(1, 4, 4, 1), x(1, 1, 1, 1), { stride: 0 }), /stride must be whole numbers from 1, got 0/],
    ["an unknown padding", () => ops.conv(x(1, 4, 1), x(1, 1, 1), { padding: "full" as "same" }), /there is no padding "full"/],
    ["a convolution of mixed dtypes", () => ops.conv(int(1, 4, 1), x(1, 1, 1)), /conv: the input is int32, the kernel or gradient float32/],
    ["pooling of too few axes", () => ops.maxPool(x(4, 4), { window: 2 }), /pooling needs \[batch, ...spatial, channels\]/],
    ["pooling that does not fit", () => ops.maxPool(x(1, 1, 1, 3), { window: 2 }), /the window does not fit/],
    ["places that are fractions", () => ops.gather(x(3), x(2)), /gather: index is float32; places are whole numbers/],
    ["a line without its axis", () => ops.gatherAlong(x(3, 4), int(3)), /gatherAlong: x is \[3, 4\], index is \[3\][\s\S]*index\.expandDims\(1\)/],
    ["updates that do not fit", () => ops.scatterAdd(x(3, 2), int(4), 5), /scatterAdd: updates are \[3, 2\], index is \[4\]/],
    ["no classes", () => ops.oneHot(int(3), 0), /oneHot: depth is the number of classes, a whole number from 1; got 0/],
    ["a largest number of none", () => ops.max(x(0, 3), 0), /max: \[0, 3\] has no numbers along \[0\]/],
    ["more largest numbers than there are", () => ops.topK(x(3), 4), /topK: k is 4; axis -1 of \[3\] has 3 numbers, so k must be a whole number from 1 to 3/],
    ["half a repetition", () => ops.tile(x(3), [1.5]), /tile: numbers are repeated a whole number of times, got 1.5/],
    ["an equation with too many operands", () => ops.einsum("ij,jk->ik", x(2, 3)), /einsum: "ij,jk->ik" names 2 operands, 1 are given/],
    ["an equation whose sizes differ", () => ops.einsum("ij,jk->ik", x(2, 3), x(4, 5)), /einsum: j is 3 in one operand and 4 in \[4, 5\]/],
    ["an equation with dots", () => ops.einsum("...i->i", x(2)), /einsum: "...i->i" is not an equation/],
    ["a result letter from nowhere", () => ops.einsum("i->k", x(2)), /has k in its result, but no operand has it/],
    ["an operand of another rank", () => ops.einsum("ij->i", x(2)), /"ij" must have one letter, each another, for each of the 1 axes of \[2\]/],
    ["labels of another shape", () => ops.crossEntropy(x(3, 4), int(4)), /crossEntropy: logits are \[3, 4\], labels are \[4\]; labels must be class numbers of shape \[3\] or shares of shape \[3, 4\]/],
    ["labels with an axis too many", () => ops.crossEntropy(x(3, 4), int(3, 1)), /try labels\.squeeze\(-1\)/],
    ["a rate above 1", () => ops.dropout(x(3), 1, 2, 50), /dropout: the rate is the share of numbers dropped, from 0 to 1; got 50/],
    ["an unknown dtype", () => ops.cast(x(3), "float" as "float32"), /cast: there is no dtype "float"/],
    ["a triangle of a vector", () => ops.tril(x(3)), /tril: x is \[3\]; a triangle needs two axes/],
    ["something that is no tensor", () => add(x(3), "1" as unknown as number), /add: expected a tensor or a number, got string/],
    ["a missing operand", () => (add as unknown as (x: Node) => Node)(x(3)), /add: takes 2 inputs \(a, b\), got 1/],
  ];
  for (const [what, make, message] of mistakes)
    test(what, () => {
      expect(make).toThrow(CambiumError);
      expect(make).toThrow(message);
    });
});

describe("random ops", () => {
  const seeded = (seed: number, stream: number): [Node, Node] => [leaf([seed], [], "int32"), leaf([stream], [], "int32")];
  test("give the same numbers when asked again, and others for another seed or stream", () => {
    const draw = (seed: number, stream: number): string => interpret([ops.uniform(...seeded(seed, stream), [8])])[0]!.join();
    expect(draw(1, 2)).toBe(draw(1, 2));
    expect(new Set([draw(1, 2), draw(2, 1), draw(1, 3)]).size).toBe(3);
  });
  test("spread evenly, and fall in a bell", () => {
    const [even, bell] = interpret([ops.uniform(...seeded(1, 2), [4000]), ops.normal(...seeded(1, 2), [4000])]);
    const mean = (a: Float64Array): number => a.reduce((s, v) => s + v, 0) / a.length;
    expect(Math.min(...even!)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...even!)).toBeLessThan(1);
    expect(mean(even!)).toBeCloseTo(0.5, 1);
    expect(mean(bell!)).toBeCloseTo(0, 1);
    expect(mean(bell!.map((v) => v * v))).toBeCloseTo(1, 1);
  });
  test("drop the share they are told to, and the same in the gradient", () => {
    const x = leaf(new Float64Array(1000).fill(1), [1000]);
    const y = ops.dropout(x, ...seeded(3, 4), 0.25);
    const [dropped, flow] = interpret([y, gradients(ops.sum(y), [x])[0]!]);
    expect(dropped!.filter((v) => v === 0).length / 1000).toBeCloseTo(0.25, 1);
    expect([...flow!]).toEqual([...dropped!]);
  });
});
