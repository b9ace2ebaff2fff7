import { describe, expect, test } from "vitest";
import { gradients } from "../src/autodiff/gradient.ts";
import { allocate, type DType, load } from "../src/base/dtype.ts";
import { Stream } from "../src/base/random.ts";
import { size } from "../src/base/shape.ts";
import { compile } from "../src/compiler/compile.ts";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { hostMemory, type Memory, type Node, source } from "../src/graph/node.ts";
import { type AnyOp, isOp } from "../src/graph/op.ts";
import { inOrder } from "../src/graph/walk.ts";
import * as ops from "../src/ops/table.ts";
import { loopsEngine } from "./program-loops.ts";
import { threadedEngine } from "./threads.ts";

export function computeOn(engine: Engine, roots: readonly Node[]): Memory[] {
  const order = inOrder(roots, (n) => n.value !== undefined || n.op === undefined);
  const inputs = order.filter((n) => n.value).map((n) => n.value!);
  const scalars = Float64Array.from(order.filter((n) => !n.value && n.number !== undefined).map((n) => n.number!));
  const { program } = compile(order, roots, engine.target);
  const outputs = roots.map((r) => engine.allocate(r.dtype, size(r.shape)));
  engine.prepare(program).run(inputs, outputs, scalars);
  return outputs;
}

const stream = new Stream(3);
const close = (got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void => {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    const [g, w] = [got[i]!, want[i]!];
    if (Object.is(g, w) || g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    if (!(Math.abs(g - w) <= tolerance * (1 + Math.abs(w)))) throw new Error(`${what}[${i}]: ${g}, expected ${w}`);
  }
};

const inputsFor = (op: AnyOp, c: AnyOp["cases"][number]): Node[] =>
  c.shapes.map((shape, i) => {
    const dtype: DType = c.dtypes?.[i] ?? "float32";
    const data = allocate(dtype, size(shape));
    const [low, high] = c.domain ?? op.domain ?? [-2, 2];
    const fixed = c.values?.[i];
    for (let j = 0; j < data.length; j++) data[j] = fixed ? fixed[j]! : dtype === "bool" ? stream.uint32() & 1 : dtype.startsWith("float") ? low + (high - low) * stream.uniform() : Math.floor(low + (high - low) * stream.uniform());
    return source(hostMemory(dtype, data), shape);
  });

/** The native engine where it is built; its own tests say why not where it is not. */
const native = (threads: number): Engine[] => (typeof loadAddon() === "string" ? [] : [{ ...nativeEngine(threads), name: `native on ${threads}` }]);
const engines = [loopsEngine(1), chooseEngine("wasm").engine, threadedEngine(2), ...native(1), ...native(2)];
const reference = referenceEngine();

for (const engine of engines)
  describe(`programs for ${engine.name}`, () => {
    for (const op of Object.values<unknown>(ops).filter(isOp))
      op.cases.forEach((c, i) => {
        test(`${op.name} case ${i} gives what the reference gives, and so does its gradient`, () => {
          const inputs = inputsFor(op, c);
          const y = op.variadic ? op(inputs, ...c.args) : op(...inputs, ...c.args);
          const wanted: Node[] = [y];
          if (y.dtype.startsWith("float") && !op.constant) {
            const floats = inputs.filter((x) => x.dtype.startsWith("float"));
            if (floats.length > 0) wanted.push(...gradients(ops.sum(ops.mul(ops.tanh(y), y)), floats));
          }
          const want = computeOn(reference, wanted);
          const got = computeOn(engine, wanted);
          got.forEach((g, k) => close(load(g.dtype, g.host!), load(want[k]!.dtype, want[k]!.host!), 2e-5, k === 0 ? "value" : `gradient ${k - 1}`));
        });
      });
  });
