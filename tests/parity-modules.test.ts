import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import { zeros } from "../src/tensor/create.ts";
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

const classes = nn as unknown as Record<string, new (...args: unknown[]) => Module>;

function build({ kind, args, options, modules }: Spec): Module {
  if (modules) return new nn.Sequential(...modules.map(build));
  const given = restoreOptions(options);
  return new classes[kind]!(...args, ...(Object.keys(given).length > 0 ? [given] : []));
}

beforeAll(() => setEngine(referenceEngine()));

for (const file of ["torch/modules", "torch/activations", "torch/space", "torch/upsample"])
  describe(`${file}: outputs, gradients and running statistics are PyTorch's`, () => {
    for (const c of casesOf<Case>(file)) {
      test(c.name, () => {
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

describe("interpolation: mistakes", () => {
  const x = zeros([1, 2, 4, 4]);
  test.each<[string, () => unknown, string]>([
    ["an unknown mode", () => new nn.Upsample({ scaleFactor: 2, mode: "cubic" as never }), 'there is no mode "cubic"\n  hint: did you mean "bicubic"?'],
    ["no size", () => new nn.Upsample({}), "neither size nor scaleFactor given; give one of them"],
    ["two sizes", () => nn.functional.interpolate(x, { size: 2, scaleFactor: 2 }), "both size and scaleFactor given; give one of them"],
    ["a factor of nothing", () => new nn.UpsamplingNearest2d({ scaleFactor: 0 }), "scaleFactor is 0; it is a number above 0, or one an axis"],
    ["corners of the nearest", () => new nn.Upsample({ size: 2, alignCorners: true }), 'alignCorners has no meaning for "nearest"; it is for the linear and cubic modes'],
    ["a factor anew from sizes", () => new nn.Upsample({ size: 2, recomputeScaleFactor: true }), "recomputeScaleFactor has no meaning with size"],
    ["a mode for other axes", () => nn.functional.interpolate(x, { size: 2, mode: "trilinear" }), "expected [batch, channels, depth, height, width], got [1, 2, 4, 4]"],
    ["a matrix", () => nn.functional.interpolate(zeros([2, 2]), { size: 2 }), "expected [batch, channels, one to three spatial axes], got [2, 2]"],
    ["factors for other axes", () => nn.functional.interpolate(x, { scaleFactor: [2] }), "scaleFactor has 1 entries for 2 spatial axes"],
    ["scales for other sizes", () => x.resize([4], { scales: [1, 2] }), "scales are [1, 2] for sizes [4]; they are numbers above 0, one for each"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
