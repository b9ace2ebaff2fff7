import { afterAll, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  module: { kind: string; args: number[]; options: Record<string, unknown> };
  weights: Record<string, Stored>;
  input: Stored;
  lengths: number[] | null;
  start: Stored[] | null;
  outputs: Stored[];
  outputGradients: Stored[];
  gradients: Record<string, Stored>;
}

const classes = nn as unknown as Record<string, new (...args: unknown[]) => Module>;
const flat = (x: unknown): Tensor[] => (x instanceof Tensor ? [x] : (x as unknown[]).flatMap(flat));

afterAll(() => setEngine(chooseEngine().engine));

describe.each([referenceEngine(), chooseEngine().engine])("on $name, recurrent modules give PyTorch's outputs, states and gradients:", (engine) => {
  test.each(casesOf<Case>("torch/recurrent").map((c) => [c.name, c] as const))("%s", (_, c) => {
    setEngine(engine);
    const { kind, args, options } = c.module;
    const module = new classes[kind]!(...args, options);
    expect(Object.keys(module.stateDict()), "paths").toEqual(Object.keys(c.weights));
    module.loadStateDict(Object.fromEntries(Object.entries(c.weights).map(([path, stored]) => [path, restore(stored)])));
    const input = restore(c.input, true);
    const start = c.start?.map((stored) => restore(stored, true));
    const state = start && (start.length === 2 ? start : start[0]);
    const batchFirst = options.batchFirst as boolean | undefined;
    let outputs: Tensor[];
    if (c.lengths) {
      const [packed, end] = module.forward(nn.utils.rnn.packPaddedSequence(input, c.lengths, { batchFirst }), state);
      outputs = [nn.utils.rnn.padPackedSequence(packed, { batchFirst })[0], ...flat(end)];
    } else outputs = flat(module.forward(input, state));
    outputs.map((y, i) => y.mul(restore(c.outputGradients[i]!)).sum()).reduce((a, b) => a.add(b)).backward();
    const named = new Map(module.namedParameters());
    for (const [path, stored] of Object.entries(c.gradients)) {
      const owner = path === "input" ? input : path.startsWith("state") ? start![Number(path.slice(5))]! : named.get(path)!;
      expectClose(owner.grad!, stored, `gradient of ${path}`, 2e-5);
    }
    outputs.forEach((y, i) => expectClose(y, c.outputs[i]!, `output ${i}`, 2e-5));
  });
});
