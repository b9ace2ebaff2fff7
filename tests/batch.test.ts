/** Every op on many examples at once gives what a loop over the examples gives, whichever of its inputs differ from example to example. */
import { describe, expect, test } from "vitest";
import { batch } from "../src/autodiff/batch.ts";
import { gradients, gradientsLater } from "../src/autodiff/gradient.ts";
import { type DType, isFloat, load } from "../src/base/dtype.ts";
import { size } from "../src/base/shape.ts";
import { chooseEngine } from "../src/engines/choose.ts";
import { interpret } from "../src/engines/reference/interpret.ts";
import { type Node, placeholder } from "../src/graph/node.ts";
import { defineOp, type Op } from "../src/graph/op.ts";
import { evaluate, setEngine } from "../src/tensor/evaluate.ts";
import * as ops from "../src/ops/table.ts";
import { everyCase, leaf, numbers, type Trial } from "./cases.ts";

const count = 3;
const exact = { round: false };
const never = { count, fresh: () => false };
const held = ({ value }: Node): number[] => Array.from(load(value!.dtype, value!.host!));

/** The numbers of one input for one example: those of the case turned by one place an example, so that places stay places; a single one counts up. */
function varied(x: Node, example: number): number[] {
  const given = held(x);
  if (given.length === 1) return given.map((v) => (x.dtype === "bool" ? (v + example) % 2 : v + example * (isFloat(x.dtype) ? 0.125 : 1)));
  return given.map((_, i) => given[(i + example) % given.length]!);
}

interface Pieces {
  /** The use on each example alone, in a loop. */
  readonly alone: Node[];
  /** The use on all of them. */
  readonly together: Node;
}

function pieces({ inputs, use }: Trial, varies: readonly boolean[]): Pieces {
  const each = Array.from({ length: count }, (_, example) => inputs.map((x, i) => (varies[i] ? leaf(varied(x, example), x.shape, x.dtype) : x)));
  const stand = inputs.map((x, i) => (varies[i] ? standIn(x) : x));
  const all = inputs.map((x, i) => leaf(each.flatMap((example) => held(example[i]!)), [count, ...x.shape], x.dtype));
  const varying = new Map(stand.flatMap((x, i): [Node, Node][] => (varies[i] ? [[x, all[i]!]] : [])));
  const [result] = batch([use(stand)], varying, never);
  // What is the same for every example is not computed for each; here it is written out.
  const { node, varies: differs } = result!;
  return { alone: each.map(use), together: differs ? node : ops.broadcast(node, [count, ...node.shape]) };
}

const standIn = ({ shape, dtype }: Node): Node => placeholder(shape, dtype);

/** Each way in which at least one of the inputs varies. */
function choices(n: number): boolean[][] {
  return Array.from({ length: 2 ** n - 1 }, (_, bits) => Array.from({ length: n }, (_, i) => (((bits + 1) >> i) & 1) === 1));
}

function expectSame(got: ArrayLike<number>, want: ArrayLike<number>, dtype: DType, tolerance: number, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    const near = isFloat(dtype) ? Math.abs(got[i]! - want[i]!) <= tolerance * (1 + Math.abs(want[i]!)) : false;
    if (!near && !Object.is(got[i], want[i]) && got[i] !== want[i]) expect.fail(`${what}: number ${i} is ${got[i]}, a loop gives ${want[i]}`);
  }
}

const trials = everyCase().filter(({ inputs }) => inputs.length > 0);
const shown = (varies: readonly boolean[]): string => varies.map((v) => (v ? "varies" : "same")).join(", ");

describe("every op, in every case, on many examples equals a loop over them:", () => {
  test.each(trials.map((trial) => [trial.name, trial] as const))("%s", (name, trial) => {
    for (const varies of choices(trial.inputs.length)) {
      const { alone, together } = pieces(trial, varies);
      const what = `${name} where the inputs are: ${shown(varies)}. If the op's batch rule is wrong or missing, see \`batch\` in src/graph/node.ts`;
      expect([together.shape, together.dtype], what).toEqual([[count, ...alone[0]!.shape], alone[0]!.dtype]);
      const want = alone.flatMap((node) => Array.from(interpret([node], undefined, exact)[0]!));
      expectSame(interpret([together], undefined, exact)[0]!, want, together.dtype, 1e-10, what);
    }
  });
});

describe("the gradient of every op, batched, equals a loop:", () => {
  const differentiable = trials.filter(({ op, inputs, use }) => !op.constant && inputs.some((x) => isFloat(x.dtype)) && isFloat(use(inputs).dtype));
  test.each(differentiable.map((trial) => [trial.name, trial] as const))("%s", (name, trial) => {
    const varies = trial.inputs.map(() => true);
    const which = trial.inputs.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
    for (const at of which) {
      const use = (inputs: readonly Node[]): Node => {
        const y = trial.use(inputs);
        const draw = numbers(4);
        const weights = leaf(Array.from({ length: size(y.shape) }, () => draw(0.5, 1.5)), y.shape, y.dtype);
        return gradients(ops.sum(ops.mul(y, weights)), [inputs[at]!])[0]!;
      };
      const { alone, together } = pieces({ ...trial, use }, varies);
      const want = alone.flatMap((node) => Array.from(interpret([node], undefined, exact)[0]!));
      expectSame(interpret([together], undefined, exact)[0]!, want, together.dtype, 1e-9, `the gradient of ${name} with respect to input ${at}`);
    }
  });
});

describe("on the engine in use", () => {
  // Every fifth case, so that each family is there, and all those of contractions and windows, whose kernels see shapes.
  const some = trials.filter(({ op }, i) => i % 5 === 0 || op.kind === "contraction" || op.kind === "window");
  test.each(some.map((trial) => [trial.name, trial] as const))("%s on many examples equals a loop", (name, trial) => {
    setEngine(chooseEngine().engine);
    for (const varies of choices(Math.min(trial.inputs.length, 3)).map((some) => trial.inputs.map((_, i) => some[i % some.length]!))) {
      const { alone, together } = pieces(trial, varies);
      evaluate([together, ...alone]);
      expectSame(held(together), alone.flatMap(held), together.dtype, 1e-5, `${name} where the inputs are: ${shown(varies)}`);
    }
  });
});

describe("batching", () => {
  const x = (): Node => standIn(leaf([1, 2], [2]));
  const many = leaf([1, 2, 3, 4, 5, 6], [count, 2]);

  test("leaves alone what does not depend on the examples", () => {
    const [a, b] = [x(), leaf([3, 4], [2])];
    const outside = ops.mul(b, b);
    const [result, same] = batch([ops.add(a, outside), outside], new Map([[a, many]]), never);
    expect(result!.node.inputs[1]).toBe(outside);
    expect([same!.node, same!.varies]).toEqual([outside, false]);
  });

  test("writes macros out: gradients put off are taken of each example", () => {
    const a = x();
    const [slope] = gradientsLater(ops.sum(ops.mul(ops.square(a), a)), [a]);
    const [result] = batch([slope!], new Map([[a, many]]), never);
    expect([...interpret([result!.node])[0]!]).toEqual([3, 12, 27, 48, 75, 108]);
  });

  test("of a chain of 50,000 ops needs no deep stack", () => {
    const a = x();
    let y: Node = a;
    for (let i = 0; i < 50_000; i++) y = ops.add(y, 1);
    expect(batch([y], new Map([[a, many]]), never)[0]!.node.shape).toEqual([count, 2]);
  });

  test("says what an op lacks that has neither a rule nor parts", () => {
    const opaque: Op<["x"]> = defineOp({ name: "opaque", kind: "indexing", inputs: ["x"], shape: ([s]) => s!, reference: (out, [b]) => out.data.set(b!.data), cases: [] });
    const a = x();
    expect(() => batch([opaque(a)], new Map([[a, many]]), never)).toThrow(/vmap: opaque cannot take many examples at once[\s\S]*give its literal a batch rule/);
  });

  test("draws fresh random numbers for each example where they are asked for, from places no other draw uses", () => {
    const [seed, stream] = [leaf([7], [], "int32"), leaf([3], [], "int32")];
    const fresh = { count, fresh: (node: Node) => node === stream };
    const [drawn] = batch([ops.normal(seed, stream, [4])], new Map(), fresh);
    expect([...interpret([drawn!.node])[0]!]).toEqual([...interpret([ops.normal(seed, stream, [count, 4])])[0]!]);
    const a = x();
    const [dropped] = batch([ops.dropout(a, seed, stream, 0.5)], new Map([[a, many]]), fresh);
    expect([...interpret([dropped!.node])[0]!]).toEqual([...interpret([ops.dropout(many, seed, stream, 0.5)])[0]!]);
  });
});
