import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, restoreOptions, type Stored } from "./parity.ts";

interface Spec {
  kind: string;
  args: unknown[];
  options: Record<string, unknown>;
  modules?: Spec[];
}

interface Case {
  name: string;
  module: Spec;
  mode: "train" | "eval";
  state: Record<string, Stored>;
  inputs: Stored[];
  output: Stored;
  outputGradient: Stored;
  gradients: Record<string, Stored>;
  stateAfter?: Record<string, Stored>;
}

/** What PyTorch has and cambium has not yet. */
const missing = new Set(["Upsample"]);
const classes = nn as unknown as Record<string, new (...args: unknown[]) => Module>;

function build({ kind, args, options, modules }: Spec): Module {
  if (modules) return new nn.Sequential(...modules.map(build));
  const given = restoreOptions(options);
  return new classes[kind]!(...args, ...(Object.keys(given).length > 0 ? [given] : []));
}

const kindsOf = ({ kind, modules }: Spec): string[] => (modules ? modules.flatMap(kindsOf) : [kind]);

beforeAll(() => setEngine(referenceEngine()));

for (const file of ["torch/modules", "torch/activations", "torch/space"])
  describe(`${file}: outputs, gradients and running statistics are PyTorch's`, () => {
    for (const c of casesOf<Case>(file)) {
      const skipped = kindsOf(c.module).some((kind) => missing.has(kind));
      test.skipIf(skipped)(c.name, () => {
        const module = build(c.module).train(c.mode === "train");
        expect(Object.keys(module.stateDict()), "paths").toEqual(Object.keys(c.state));
        module.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([path, stored]) => [path, restore(stored)])));
        const inputs = c.inputs.map((stored, i) => restore(stored, `input${i}` in c.gradients));
        const output: Tensor = module.forward(...inputs);
        if (Object.keys(c.gradients).length > 0) output.mul(restore(c.outputGradient)).sum().backward();
        expectClose(output, c.output, "output");
        const named = new Map(module.namedParameters());
        for (const [name, stored] of Object.entries(c.gradients)) {
          const owner = name.startsWith("input") ? inputs[Number(name.slice(5))]! : named.get(name)!;
          expectClose(owner.grad!, stored, `gradient of ${name}`);
        }
        const after = module.stateDict();
        for (const [path, stored] of Object.entries(c.stateAfter ?? {})) expectClose(after[path]!, { ...stored, dtype: "int32" }, `${path} afterwards`);
      });
    }
  });
