import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, restoreOptions, type Stored } from "./parity.ts";

interface Case {
  name: string;
  kind: string;
  args?: number[];
  options?: Record<string, unknown>;
  state: Record<string, Stored>;
  inputs: Stored[];
  call: Record<string, unknown>;
  outputs: Stored[];
  outputGradients: Stored[];
  gradients: Record<string, Stored>;
}

const classes = nn as unknown as Record<string, new (...args: unknown[]) => Module>;

function build({ kind, args = [], options }: Case): Module {
  const norm = () => new nn.LayerNorm(args[0]!);
  if (kind === "TransformerEncoder") return new nn.TransformerEncoder(new nn.TransformerEncoderLayer(args[0]!, args[1]!, options), args[2]!, { norm: norm() });
  if (kind === "TransformerDecoder") return new nn.TransformerDecoder(new nn.TransformerDecoderLayer(args[0]!, args[1]!, options), args[2]!, { norm: norm() });
  return new classes[kind]!(...args, options);
}

/** PyTorch sums in float32 what the reference sums in double precision; through several layers the difference grows. */
const tolerance = ({ kind }: Case): number => (kind.startsWith("Transformer") ? 2e-4 : 2e-5);

beforeAll(() => setEngine(referenceEngine()));

describe("attention: outputs, shares and gradients are PyTorch's", () => {
  for (const c of casesOf<Case>("torch/attention"))
    test(c.name, () => {
      const module = c.kind === "function" ? undefined : build(c);
      if (module) {
        expect(Object.keys(module.stateDict()), "paths").toEqual(Object.keys(c.state));
        module.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([path, stored]) => [path, restore(stored)])));
      }
      const inputs = c.inputs.map((stored) => restore(stored, true));
      const call = restoreOptions(c.call);
      const made: Tensor | Tensor[] = module ? module.forward(...inputs, call) : nn.scaledDotProductAttention(inputs[0]!, inputs[1]!, inputs[2]!, call);
      const outputs = (Array.isArray(made) ? made : [made]).filter((out) => out !== undefined);
      expect(outputs.length).toBe(c.outputs.length);
      outputs.map((out, i) => out.mul(restore(c.outputGradients[i]!)).sum()).reduce((a, b) => a.add(b)).backward();
      outputs.forEach((out, i) => expectClose(out, c.outputs[i]!, `output ${i}`, tolerance(c)));
      const named = new Map(module?.namedParameters());
      for (const [name, stored] of Object.entries(c.gradients)) {
        const owner = name.startsWith("input") ? inputs[Number(name.slice(5))]! : named.get(name)!;
        expectClose(owner.grad!, stored, `gradient of ${name}`, tolerance(c));
      }
    });
});
