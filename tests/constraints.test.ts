import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { layers, optimizers, regularizers, sequential, zeros } from "../src/index.ts";
import { constraint, constraints } from "../src/layers/constraints.ts";
import { revive } from "../src/layers/revive.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  constraint?: { kind: keyof typeof constraints; options: object };
  regularizer?: { factor: number; mode: "rows" | "columns" };
  weight: Stored;
  result: Stored;
}

interface Trained {
  name: string;
  x: Stored;
  y: Stored;
  start: Stored[];
  end: Stored[];
}

interface Spectral {
  name: string;
  kernel: Stored;
  vectorU: Stored;
  x: Stored;
  outputs: Stored[];
  after: { kernel: Stored; vectorU: Stored };
}

beforeAll(() => setEngine(referenceEngine()));

describe("constraints and regularizers are Keras'", () => {
  for (const c of casesOf<Case>("keras/constraints").filter((c) => c.result))
    test(c.name, () => {
      const weight = restore(c.weight);
      const made = c.constraint ? constraints[c.constraint.kind](c.constraint.options)(weight) : regularizers.orthogonal(c.regularizer)(weight);
      expectClose(made, c.result, "result");
    });

  test("fit puts weights right after each update, as Keras does", async () => {
    const c = casesOf<Trained>("keras/constraints").find(({ name }) => name === "dense, trained")!;
    const model = sequential([layers.dense(3, { kernelConstraint: constraints.unitNorm(), biasConstraint: "nonNeg", inputShape: [4] })]);
    model.layers[0]!.loadStateDict({ kernel: restore(c.start[0]!), bias: restore(c.start[1]!) });
    model.compile({ loss: "meanSquaredError", optimizer: optimizers.adam({ learningRate: 0.1 }) });
    await model.fit(restore(c.x), restore(c.y), { batchSize: 4, epochs: 3, shuffle: false, verbose: 0 });
    const [kernel, bias] = [...model.parameters()];
    expectClose(kernel!, c.end[0]!, "kernel", 1e-4);
    expectClose(bias!, c.end[1]!, "bias", 1e-4);
    expect(Math.min(...bias!.dataSync().map(Number))).toBeGreaterThanOrEqual(0);
  });

  test("spectral normalisation holds its kernel as Keras does", () => {
    const c = casesOf<Spectral>("keras/constraints").find(({ name }) => name === "spectralNormalization")!;
    const layer = layers.spectralNormalization(layers.dense(3), { powerIterations: 2 });
    layer.build([4]);
    layer.layer.loadStateDict({ kernel: restore(c.kernel), bias: zeros([3]) });
    layer.vectorU!.assign(restore(c.vectorU));
    for (const stored of c.outputs) expectClose(layer.forward(restore(c.x)), stored, "output");
    expectClose(layer.stateDict()["layer.kernel"]!, c.after.kernel, "kernel");
    expectClose(layer.stateDict()["vector_u"]!, c.after.vectorU, "vectorU");
  });
});

describe("what holds weights back is written down and made again", () => {
  test.each(Object.keys(constraints))("%s", (name) => {
    const layer = layers.dense(3, { kernelConstraint: constraints[name as keyof typeof constraints](), kernelRegularizer: regularizers.orthogonal({ factor: 0.2 }) });
    const config = JSON.parse(JSON.stringify(layer.getConfig()));
    expect(config.kernelConstraint.name).toBe(name);
    const again = revive("test", { className: "Dense", config });
    expect(again.getConfig()).toEqual(layer.getConfig());
    again.build([4]);
    expect((again as layers.Dense).penalties()).toHaveLength(1);
  });

  test("a name is enough, in either spelling", () => {
    for (const name of ["maxNorm", "max_norm", "MaxNorm"]) expect(constraint(name)).toBeTypeOf("function");
  });
});

describe("mistakes", () => {
  test.each<[string, () => unknown, string]>([
    ["an unknown constraint", () => layers.dense(2, { kernelConstraint: "maxnrm", inputShape: [2] }).build([2]), 'there is no constraint "maxnrm"\n  hint: did you mean "maxNorm"?'],
    ["limits the wrong way round", () => constraints.minMaxNorm({ minValue: 2 }), "minValue 2 is above maxValue 1"],
    ["a constraint that changes the shape", () => constraint(Object.assign((w: any) => w.sum(), { config: {} }))!(zeros([2])), "made [] of a weight of [2]; the shape must stay"],
    ["rows of a vector", () => regularizers.orthogonal()(zeros([2])), "only a matrix has rows and columns, not [2]"],
    ["an unknown mode", () => regularizers.orthogonal({ mode: "row" as never }), 'there is no mode "row"\n  hint: did you mean "rows"?'],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
