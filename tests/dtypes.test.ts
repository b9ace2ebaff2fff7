/** The dtypes that JavaScript has no arithmetic for: floats of 16 bits, int64 and int8. */
import { beforeAll, describe, expect, test } from "vitest";
import { type DType, dtypes, isFloat, load, pack, promote, roundingOf } from "../src/base/dtype.ts";
import { fromBrain, fromHalf, toBrain, toHalf } from "../src/base/half.ts";
import { compile } from "../src/compiler/compile.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Engine } from "../src/engines/engine.ts";
import type { Node } from "../src/graph/node.ts";
import { inOrder } from "../src/graph/walk.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { fromArray, tensor } from "../src/tensor/create.ts";
import { compile as compileFunction } from "../src/tensor/compile.ts";
import { everyOp, leaf, numbers } from "./cases.ts";
import { size } from "../src/base/shape.ts";
import { casesOf } from "./parity.ts";
import { loopsEngine } from "./program-loops.ts";
import { threadedEngine } from "./threads.ts";

const reference = referenceEngine();
const engines: Engine[] = [loopsEngine(), threadedEngine(2), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(2)])];

function computeOn(engine: Engine, root: Node): ArrayLike<number> {
  const order = inOrder([root]);
  const out = engine.allocate(root.dtype, size(root.shape));
  engine.prepare(compile(order, [root], engine.target).program).run(order.flatMap((node) => node.value ?? []), [out], Float64Array.from(order.flatMap((node) => node.number ?? [])));
  return load(out.dtype, out.host!);
}

describe("floats of 16 bits", () => {
  test("are what their bits say, and every one of them comes back", () => {
    expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0x8000].map(fromHalf)).toEqual([1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, Infinity, -0]);
    expect([0x3f80, 0xc000, 0x7f80, 0x0001].map(fromBrain)).toEqual([1, -2, Infinity, 2 ** -133]);
    for (let bits = 0; bits < 65536; bits++) {
      if (!Number.isNaN(fromHalf(bits))) expect(toHalf(fromHalf(bits))).toBe(bits);
      if (!Number.isNaN(fromBrain(bits))) expect(toBrain(fromBrain(bits))).toBe(bits);
    }
  });
  test("are the nearest to a number, the even one of two", () => {
    expect([2049, 2051, 65519.99, 65520, 2 ** -25, 1.5 * 2 ** -25, NaN].map((x) => fromHalf(toHalf(x)))).toEqual([2048, 2052, 65504, Infinity, 0, 2 ** -24, NaN]);
    expect([257, 259, 3.4e38, NaN].map((x) => fromBrain(toBrain(x)))).toEqual([256, 260, Infinity, NaN]);
  });
});

interface Stored {
  name: string;
  from: (number | string)[];
  to: Record<string, (number | string)[]>;
}

describe("casts", () => {
  for (const { name, from, to } of casesOf<Stored>("torch/dtypes").filter((c) => "from" in c))
    for (const [dtype, wanted] of Object.entries(to))
      for (const engine of [reference, ...engines])
        test(`of ${name} to ${dtype} give PyTorch's numbers on ${engine.name}`, () => {
          setEngine(engine);
          const x = fromArray(Float32Array.from(from, Number), [from.length]);
          expect([...x.to(dtype as DType).to("float32").dataSync()]).toEqual(wanted.map(Number));
          expect([...x.to(dtype as DType).dataSync()]).toEqual(wanted.map(Number));
          expect([...compileFunction((v) => v.to(dtype as DType).to("float64"))(x).dataSync()]).toEqual(wanted.map(Number));
        });
});

describe("dtypes that meet", () => {
  const { pairs } = casesOf<{ name: string; pairs: [string, string, string][] }>("torch/dtypes").find((c) => "pairs" in c)!;
  test("become what they become in PyTorch, but for int16, which becomes int32", () => {
    for (const [a, b, c] of pairs) expect(promote(a as DType, b as DType), `${a} and ${b}`).toBe(c === "int16" ? "int32" : c);
    expect(pairs.length).toBe(dtypes.length ** 2);
  });
});

/** How far two engines may be apart: a unit in the last place of the dtype's fraction, doubled for each rounding between. */
const tolerance: Partial<Record<DType, number>> = { float16: 4e-3, bfloat16: 4e-2, int64: 0, int8: 0 };

for (const engine of engines)
  describe(`every op on ${engine.name}`, () => {
    for (const dtype of ["float16", "bfloat16", "int64", "int8"] as const)
      test(`gives what the reference gives, on ${dtype}`, () => {
        let tried = 0;
        for (const op of everyOp())
          op.cases.forEach((c, n) => {
            const [low, high] = c.domain ?? op.domain ?? [-2, 2];
            const draw = numbers(n + 3);
            const to = (old: DType): DType => (isFloat(old) ? dtype : old);
            const inputs = c.shapes.map((shape, i) => {
              const type = to(c.dtypes?.[i] ?? "float32");
              const drawn = (): number => (isFloat(type) ? draw(low, high) : type === "bool" ? Math.round(draw(0, 1)) : Math.round(draw(0, 5)));
              return leaf(c.values?.[i] ?? Array.from({ length: size(shape) }, drawn), shape, type);
            });
            let y: Node;
            try {
              y = op.variadic ? op(inputs, ...c.args) : op(...inputs, ...c.args);
            } catch {
              return; // An op that takes only some dtypes says so.
            }
            tried++;
            const [want, got] = [computeOn(reference, y), computeOn(engine, y)];
            const loose = isFloat(y.dtype) ? (tolerance[dtype] || 1e-5) : 0;
            const scale = Math.max(1, ...Array.from(want).filter(Number.isFinite).map(Math.abs));
            for (let i = 0; i < want.length; i++)
              if (!(Math.abs(want[i]! - got[i]!) <= loose * scale) && !Object.is(want[i], got[i]) && want[i] !== got[i]) expect.fail(`${op.name} case ${n}: number ${i} is ${got[i]}, should be ${want[i]}`);
          });
        expect(tried).toBeGreaterThan(200);
      });
  });

for (const engine of [reference, ...engines])
  describe(`tensors on ${engine.name}`, () => {
    beforeAll(() => setEngine(engine));
    test("of 16 bits are read as numbers, and keep their dtype through arithmetic", () => {
      const x = tensor([1, 2.0001, 65504], { dtype: "float16" });
      expect(x.dataSync()).toEqual(Float32Array.of(1, 2, 65504));
      const y = x.mul(2).add(0.1);
      expect(y.dtype).toBe("float16");
      expect([...y.dataSync()]).toEqual([2.099609375, 4.1015625, Infinity]);
      expect(String(tensor([0.1], { dtype: "bfloat16" }))).toBe("tensor([0.1001], dtype: bfloat16)");
    });
    test("of 64 bits are exact up to 2⁵³", () => {
      const x = tensor(BigInt64Array.of(2n ** 53n - 1n, -5n));
      expect(x.dtype).toBe("int64");
      expect([...x.sub(1).dataSync()]).toEqual([2 ** 53 - 2, -6]);
      expect(x.sub(1).dtype).toBe("int64");
      expect(x.to("int32").dataSync()).toEqual(Int32Array.of(-1, -5));
    });
    test("of int8 wrap around", () => {
      const x = tensor(Int8Array.of(100, -100));
      expect(x.dtype).toBe("int8");
      expect(x.add(x).dataSync()).toEqual(Int8Array.of(-56, 56));
      expect(x.add(200).dtype).toBe("int32");
      expect(x.sum().dtype).toBe("int32");
    });
    test("of 16 bits train, their sums made in float32", () => {
      const w = tensor([[0.5], [-0.25]], { dtype: "bfloat16", requiresGrad: true });
      const x = tensor([[1, 2], [3, 4], [5, 6]], { dtype: "bfloat16" });
      const loss = x.matmul(w).sub(1).square().mean();
      loss.backward();
      expect([loss.dtype, w.grad!.dtype]).toEqual(["bfloat16", "bfloat16"]);
      // By hand: x·w = 0, 0.5, 1; residues −1, −0.5, 0; their squares' mean 0.41667, the slope 2/3·xᵀr.
      expect(loss.item()).toBeCloseTo(0.41667, 2);
      expect(w.grad!.dataSync()[0]).toBeCloseTo((2 / 3) * (-1 - 1.5), 1);
      expect(w.grad!.dataSync()[1]).toBeCloseTo((2 / 3) * (-2 - 2), 1);
      const many = tensor(new Float32Array(5000).fill(1), { dtype: "float16" });
      expect(many.sum().item()).toBe(5000);
    });
  });

test("what is packed is what is read", () => {
  for (const dtype of dtypes) expect([...load(dtype, pack(dtype, Float64Array.of(0, 1, 100)))].map(roundingOf(dtype))).toEqual([0, 1, dtype === "bool" ? 1 : 100]);
});
