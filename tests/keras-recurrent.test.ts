import { afterAll, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as layers from "../src/layers/index.ts";
import { revive } from "../src/layers/revive.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { Tensor, tensor } from "../src/index.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Spec {
  kind: string;
  args: unknown[];
  options: Record<string, unknown>;
  inner?: Spec;
  cells?: Spec[];
}
interface Case {
  name: string;
  layer: Spec;
  weights: Stored[];
  input: Stored;
  mask: number[][] | null;
  states: Stored[];
  outputs: Stored[];
  outputGradients: Stored[];
  gradients: Stored[];
}

const makers = layers as unknown as Record<string, (...args: unknown[]) => layers.Layer>;
const build = ({ kind, args, options, inner, cells }: Spec): layers.Layer => makers[kind]!(...(inner ? [build(inner)] : cells ? [cells.map(build)] : args), options);

afterAll(() => setEngine(chooseEngine().engine));

describe.each([referenceEngine(), chooseEngine().engine])("on $name, recurrent layers give Keras' outputs, states and gradients:", (engine) => {
  test.each([...casesOf<Case>("keras/recurrent"), ...casesOf<Case>("keras/convlstm")].map((c) => [c.name, c] as const))("%s", (_, c) => {
    setEngine(engine);
    // Written down and made again, the layer is the same.
    const first = build(c.layer);
    const layer = revive("test", { className: first.className, config: JSON.parse(JSON.stringify(first.getConfig())) });
    layer.build(c.input.shape.slice(1));
    layer.setWeights(c.weights.map((stored) => restore(stored)));
    const input = restore(c.input, true);
    const states = c.states.map((stored) => restore(stored, true));
    const made = layer.forward(input, ...states, ...(c.mask ? [{ mask: tensor(c.mask).greater(0) } as never] : [])) as Tensor | Tensor[];
    const outputs = made instanceof Tensor ? [made] : made;
    outputs.map((y, i) => y.mul(restore(c.outputGradients[i]!)).sum()).reduce((a, b) => a.add(b)).backward();
    const owners = [input, ...states, ...layer.parameters()];
    expect(owners.length).toBe(c.gradients.length);
    c.gradients.forEach((stored, i) => expectClose(owners[i]!.grad!, stored, `gradient ${i}`, 3e-5));
    outputs.forEach((y, i) => expectClose(y, c.outputs[i]!, `output ${i}`, 3e-5));
  });
});
