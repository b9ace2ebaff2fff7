import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as optim from "../src/optim/index.ts";
import { get, optimizers } from "../src/optim/keras.ts";
import { compile } from "../src/tensor/compile.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  optimizer: { kind: string; options: Record<string, unknown> };
  groups: { parameters: number[]; options: object }[];
  clip?: { maxNorm?: number; clipValue?: number };
  parameters: { start: Stored; a: Stored; b: Stored }[];
  trajectory: Record<string, Stored[]>;
  /** What the parameters become when training ends, where running means are kept. */
  final?: Stored[];
  tolerance?: number;
  /** How far apart PyTorch's own runs in single and double precision are. */
  spread?: number;
}

beforeAll(() => setEngine(referenceEngine()));

interface Stepping {
  zeroGrad(): void;
  step(closure?: () => Tensor): unknown;
  finish?(): void;
}

/** Takes 50 steps of what the stored trajectories took, and compares on the way; every second case with a compiled step. */
function follow(c: Case, compiled: boolean, make: (parameters: Tensor[]) => Stepping): void {
  const all = c.parameters.map(({ start, a, b }) => ({ p: restore(start, true), a: restore(a), b: restore(b) }));
  const parameters = all.map(({ p }) => p);
  const optimizer = make(parameters);
  const closure = (): Tensor => {
    optimizer.zeroGrad();
    const value = all.map(({ p, a, b }) => a.mul(0.5).mul(p.sub(b).square()).sum().add(p.cos().sum())).reduce((x, y) => x.add(y));
    value.backward();
    return value;
  };
  const searches = c.optimizer.kind === "LBFGS";
  const once = (): Tensor => {
    if (searches) return optimizer.step(closure) as Tensor;
    const value = closure();
    if (c.clip?.maxNorm !== undefined) optim.clipGradNorm(parameters, c.clip.maxNorm);
    if (c.clip?.clipValue !== undefined) optim.clipGradValue(parameters, c.clip.clipValue);
    optimizer.step();
    return value;
  };
  const tolerance = c.tolerance ?? (all[0]!.p.dtype === "float64" ? 1e-10 : Math.max(2e-5, 20 * (c.spread ?? 0)));
  const step = compiled && !searches ? compile(once) : once;
  for (let i = 1; i <= 50; i++) {
    step();
    c.trajectory[i]?.forEach((stored, j) => expectClose(parameters[j]!, stored, `parameter ${j} after step ${i}`, tolerance));
  }
  if (!c.final) return;
  optimizer.finish!();
  c.final.forEach((stored, j) => expectClose(parameters[j]!, stored, `parameter ${j} in the end`, tolerance));
}

describe("50 steps of PyTorch's optimizers", () => {
  casesOf<Case>("torch/optimizers").forEach((c, i) => {
    test(c.name, () =>
      follow(c, i % 2 === 1, (parameters) => {
        const groups = c.groups.map(({ parameters: places, options }) => ({ params: places.map((j) => parameters[j]!), ...options }));
        return new (optim as unknown as Record<string, new (...args: unknown[]) => optim.SGD>)[c.optimizer.kind]!(groups, c.optimizer.options);
      }),
    );
  });
});

describe("50 steps of Keras' optimizers", () => {
  casesOf<Case>("keras/optimizers")
    .filter(({ optimizer }) => optimizer !== undefined)
    .forEach((c, i) => {
      test(c.name, () => {
        const { learningRate, ...options } = c.optimizer.options;
        const rate = typeof learningRate === "object" ? scheduled(learningRate as Scheduled) : learningRate;
        const given = rate === undefined ? options : { ...options, learningRate: rate };
        follow(c, i % 2 === 1, (parameters) => get(c.optimizer.kind, given).bind(parameters.map((p, j) => [String(j), p])));
      });
    });
});

interface Scheduled {
  kind: string;
  options: object;
}

const scheduled = ({ kind, options }: Scheduled): ((step: number) => number) =>
  (optimizers.schedules as unknown as Record<string, (options: object) => (step: number) => number>)[kind]!(options);

describe("Keras' schedules", () => {
  for (const c of casesOf<{ name: string; schedule?: Scheduled; rates: number[] }>("keras/optimizers").filter(({ schedule }) => schedule))
    test(c.name, () => {
      const rate = scheduled(c.schedule!);
      c.rates.forEach((wanted, step) => expect(Math.abs(rate(step) - wanted), `step ${step}`).toBeLessThanOrEqual(2e-6 * Math.abs(wanted) + 1e-9));
    });
});

describe("state", () => {
  test("an optimizer goes on from what another one remembered", () => {
    const c = casesOf<Case>("torch/optimizers").find(({ name }) => name === "Adam")!;
    const run = (cut: number): number[] => {
      const p = restore(c.parameters[0]!.start, true);
      let optimizer = new optim.Adam([p], { lr: 0.1 });
      for (let i = 0; i < 6; i++) {
        if (i === cut) {
          const state = optimizer.stateDict();
          optimizer = new optim.Adam([p]);
          optimizer.loadStateDict(state);
        }
        optimizer.zeroGrad();
        p.square().sum().backward();
        optimizer.step();
      }
      return [...p.dataSync()];
    };
    expect(run(3)).toEqual(run(-1));
  });

  test("a rate may change between steps, compiled or not", () => {
    for (const compiled of [false, true]) {
      const p = restore({ shape: [1], dtype: "float32", data: [1] }, true);
      const optimizer = new optim.SGD([p], { lr: 0.5 });
      const once = (): Tensor => {
        optimizer.zeroGrad();
        const loss = p.sum();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const step = compiled ? compile(once) : once;
      step();
      optimizer.paramGroups[0]!.lr = 0.25;
      step();
      expect(p.item()).toBe(0.25);
    }
  });
});

describe("mistakes", () => {
  const p = (): Tensor => restore({ shape: [1], dtype: "float32", data: [1] }, true);
  test("are named with what would be right", () => {
    expect(() => new optim.SGD([])).toThrow("SGD: got no parameters");
    expect(() => new optim.SGD([p()], { learningRate: 1 } as never)).toThrow('there is no option "learningRate"');
    expect(() => new optim.Adam([p()], { lr: -1 })).toThrow("lr is -1; it is a number from 0");
    expect(() => new optim.SGD([p()], { nesterov: true })).toThrow("nesterov needs a momentum");
    const shared = p();
    expect(() => new optim.SGD([{ params: [shared] }, { params: [shared] }])).toThrow("a parameter is in two groups");
    expect(() => optimizers.adam({ lr: 0.1 } as never)).toThrow('there is no option "lr"');
    expect(() => optimizers.adam({ learningRate: -1 })).toThrow("learningRate is -1");
    expect(() => get("adma")).toThrow('did you mean "adam"?');
  });
});
