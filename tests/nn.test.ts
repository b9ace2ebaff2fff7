import { inspect } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as nn from "../src/nn/index.ts";
import * as optim from "../src/optim/index.ts";
import { compile } from "../src/tensor/compile.ts";
import { ones, tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => setEngine(referenceEngine()));

class Block extends nn.Module {
  convFirst = new nn.Conv2d(1, 2, 3, { bias: false });
  norm = new nn.BatchNorm2d(2);
  heads = [new nn.Linear(2, 3), new nn.Linear(2, 1)];
  scale = nn.parameter(tensor([1]));
  offset = tensor([0]);

  forward(x: Tensor): Tensor {
    const mean = this.norm.forward(this.convFirst.forward(x)).relu().mean([2, 3]);
    return this.heads[0]!.forward(mean).mul(this.scale).add(this.offset);
  }
}

describe("a module finds its parts among its fields", () => {
  test("with PyTorch's paths, in PyTorch's order", () => {
    const block = new Block();
    expect(Object.keys(block.stateDict())).toEqual([
      "scale",
      "offset",
      "conv_first.weight",
      "norm.weight",
      "norm.bias",
      "norm.running_mean",
      "norm.running_var",
      "norm.num_batches_tracked",
      "heads.0.weight",
      "heads.0.bias",
      "heads.1.weight",
      "heads.1.bias",
    ]);
    expect([...block.namedParameters()].map(([path]) => path)).not.toContain("norm.running_mean");
    expect([...block.namedBuffers()].map(([path]) => path)).toEqual(["offset", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]);
    expect([...block.namedModules()].map(([path]) => path)).toEqual(["", "conv_first", "norm", "heads.0", "heads.1"]);
  });

  test("a frozen parameter is still one", () => {
    const layer = new nn.Linear(2, 2).requiresGrad(false);
    expect(layer.parameters()).toHaveLength(2);
    expect(layer.weight.requiresGrad).toBe(false);
    expect(layer.requiresGrad().weight.requiresGrad).toBe(true);
  });

  test("a parameter in two places is one parameter with two paths", () => {
    const [encoder, decoder] = [new nn.Embedding(5, 3), new nn.Linear(3, 5, { bias: false })];
    decoder.weight = encoder.weight;
    const tied = new nn.Sequential(encoder, decoder);
    expect(tied.parameters()).toHaveLength(1);
    expect(Object.keys(tied.stateDict())).toEqual(["0.weight", "1.weight"]);
  });

  test("train, eval, apply and zeroGrad reach every part", () => {
    const block = new Block().eval();
    expect(block.modules().every((module) => !module.training)).toBe(true);
    expect(block.train().norm.training).toBe(true);
    const seen: string[] = [];
    block.apply((module) => seen.push(module.constructor.name));
    expect(seen).toEqual(["Conv2d", "BatchNorm2d", "Linear", "Linear", "Block"]);
    block.forward(normal([2, 1, 4, 4])).sum().backward();
    expect(block.scale.grad).toBeDefined();
    block.zeroGrad();
    expect(block.parameters().every(({ grad }) => grad === undefined)).toBe(true);
  });
});

describe("containers", () => {
  test("hold parts under numbers or names", () => {
    const named = new nn.Sequential({ hidden: new nn.Linear(2, 3), bend: new nn.ReLU() }).append(new nn.Linear(3, 1));
    expect(Object.keys(named.stateDict())).toEqual(["hidden.weight", "hidden.bias", "2.weight", "2.bias"]);
    expect(named.forward(ones([4, 2])).shape).toEqual([4, 1]);
    expect(named.at(-1)).toBeInstanceOf(nn.Linear);
    const list = new nn.ModuleList([new nn.Linear(2, 2), new nn.Linear(2, 2)]);
    expect(list.length).toBe(2);
    expect([...list].map((module) => module.parameters().length)).toEqual([2, 2]);
    const dict = new nn.ModuleDict({ left: new nn.Linear(2, 2) }).set("right", new nn.ReLU());
    expect(dict.keys()).toEqual(["left", "right"]);
    expect(Object.keys(dict.stateDict())).toEqual(["left.weight", "left.bias"]);
  });

  test("say what is no module", () => {
    expect(() => new nn.Sequential(nn.ReLU as never)).toThrow("Sequential: 0 is a function, not a module\n  hint: did you forget `new`");
    expect(() => new nn.ModuleList().forward()).toThrow("a list has no forward of its own");
    expect(() => new nn.ModuleDict({}).get("left")).toThrow('there is no part "left"');
  });
});

describe("modules are printed as PyTorch prints them", () => {
  test("with their options and parts", () => {
    const model = new nn.Sequential(
      new nn.Conv2d(1, 32, 3, { padding: 1, bias: false }),
      new nn.BatchNorm2d(32),
      new nn.LeakyReLU(0.2),
      new nn.MaxPool2d(2),
      new nn.Sequential(new nn.Flatten(), new nn.Dropout(0.25), new nn.Linear(6272, 10)),
    );
    const text = `Sequential(
  (0): Conv2d(1, 32, kernelSize=[3, 3], stride=[1, 1], padding=[1, 1], bias=false)
  (1): BatchNorm2d(32, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)
  (2): LeakyReLU(negativeSlope=0.2)
  (3): MaxPool2d(kernelSize=[2, 2], stride=[2, 2], padding=[0, 0], ceilMode=false)
  (4): Sequential(
    (0): Flatten(startDim=1, endDim=-1)
    (1): Dropout(p=0.25)
    (2): Linear(inFeatures=6272, outFeatures=10, bias=true)
  )
)`;
    expect(String(model)).toBe(text);
    expect(inspect(model)).toBe(text);
    expect(String(new nn.ModuleList([new nn.ReLU(), new nn.ReLU(), new nn.Identity()]))).toBe("ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Identity()\n)");
    expect(String(new nn.CrossEntropyLoss())).toBe("CrossEntropyLoss()");
  });
});

describe("state", () => {
  test("goes from one model to another, and later training does not change what was taken", () => {
    const [a, b] = [new nn.Linear(2, 1), new nn.Linear(2, 1)];
    const state = a.stateDict();
    b.loadStateDict(state);
    const before = [...state["weight"]!.dataSync()];
    a.forward(ones([1, 2])).sum().backward();
    new optim.SGD(a.parameters(), { lr: 1 }).step();
    expect([...state["weight"]!.dataSync()]).toEqual(before);
    expect([...b.weight.dataSync()]).toEqual(before);
    expect([...a.weight.dataSync()]).not.toEqual(before);
  });

  test("that does not fit is refused as a whole, with all that is wrong", () => {
    const layer = new nn.Linear(2, 1);
    const kept = [...layer.weight.dataSync()];
    expect(() => layer.loadStateDict({ weight: zeros([1, 2]) })).toThrow("Linear.loadStateDict: the state lacks bias");
    expect(() => layer.loadStateDict({ ...layer.stateDict(), gamma: zeros([1]) })).toThrow("the state has gamma, which this module has not");
    expect(() => layer.loadStateDict({ weight: zeros([2, 1]), bias: zeros([1]) })).toThrow("weight is [1, 2] here and [2, 1] in the state");
    expect(() => layer.loadStateDict({ "module.weight": zeros([1, 2]), "module.bias": zeros([1]) })).toThrow('the state\'s paths begin with "module.": take it off');
    expect([...layer.weight.dataSync()]).toEqual(kept);
    expect(layer.loadStateDict({ weight: zeros([1, 2]), gamma: zeros([1]) }, { strict: false })).toEqual({ missing: ["bias"], unexpected: ["gamma"] });
    expect([...layer.weight.dataSync()]).toEqual([0, 0]);
  });
});

describe("dropout", () => {
  test("drops its share, scales the rest, and is nothing in evaluation", () => {
    seed(3);
    const dropout = new nn.Dropout(0.25);
    const numbers = dropout.forward(ones([4000])).dataSync();
    const dropped = numbers.filter((v) => v === 0).length;
    expect(dropped / 4000).toBeCloseTo(0.25, 1);
    expect(numbers.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6)).toBe(true);
    expect([...dropout.eval().forward(ones([3])).dataSync()]).toEqual([1, 1, 1]);
  });

  test("of channels drops them whole", () => {
    const numbers = [...new nn.Dropout2d(0.5).forward(ones([8, 8, 2, 2])).dataSync()];
    for (let i = 0; i < numbers.length; i += 4) expect(new Set(numbers.slice(i, i + 4)).size).toBe(1);
  });
});

describe("training", () => {
  const train = (compiled: boolean): number[] => {
    seed(7);
    const model = new nn.Sequential(new nn.Linear(3, 8), new nn.BatchNorm1d(8), new nn.Tanh(), new nn.Dropout(0.2), new nn.Linear(8, 2));
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
    const criterion = new nn.CrossEntropyLoss();
    const [x, y] = [normal([6, 3]), tensor([0, 1, 1, 0, 1, 0], { dtype: "int32" })];
    x.dataSync();
    const once = (x: Tensor, y: Tensor): Tensor => {
      const loss = criterion.forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    };
    const step = compiled ? compile(once) : once;
    const losses = Array.from({ length: 5 }, () => step(x, y).item());
    return [...losses, ...Object.values(model.stateDict()).flatMap((value) => [...value.dataSync()])];
  };

  test("compiled is training uncompiled, bit for bit, running statistics and dropout included", () => {
    const plain = train(false);
    expect(plain[4]).toBeLessThan(plain[0]!);
    expect(train(true)).toEqual(plain);
  });

  test("two steps in one compiled function are two steps", () => {
    const run = (compiled: boolean): number[] => {
      const p = tensor([1, 2], { requiresGrad: true });
      const optimizer = new optim.Adam([p], { lr: 0.1 });
      const once = (): Tensor => {
        optimizer.zeroGrad();
        const loss = p.square().mul(p).sum();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const twice = (): Tensor[] => [once(), once()];
      const step = compiled ? compile(twice) : twice;
      return Array.from({ length: 3 }, () => step()).flatMap((losses) => [...losses.map((loss) => loss.item()), ...p.dataSync()]);
    };
    expect(run(true)).toEqual(run(false));
  });

  test("linear regression follows its closed form", () => {
    const model = new nn.Linear(1, 1);
    const [x, y] = [tensor([1]), tensor([0])];
    const first = model.forward(x).item();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    const criterion = new nn.MSELoss();
    for (let epoch = 0; epoch < 100; epoch++) {
      const loss = criterion.forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
    expect(model.forward(x).item()).toBeCloseTo(first * 0.96 ** 100, 6);
  });
});

describe("mistakes name the module and what would be right", () => {
  const x = (...shape: number[]): Tensor => zeros(shape);
  test.each<[string, () => unknown, string]>([
    ["a matrix of another width", () => new nn.Linear(784, 128).forward(x(32, 100)), "Linear(784 → 128): expected [..., 784], got [32, 100]"],
    ["images into a linear layer", () => new nn.Linear(784, 128).forward(x(32, 28, 28)), "hint: flatten it first: nn.Flatten"],
    ["integers", () => new nn.Linear(2, 2).forward(tensor([[1, 2]], { dtype: "int32" })), 'the input is int32, the parameters are float32\n  hint: convert the input: x.to("float32")'],
    ["an array", () => new nn.Linear(2, 2).forward([1, 2] as never), "expected a tensor, got an array\n  hint: wrap it: tensor(x)"],
    ["channels last", () => new nn.Conv2d(3, 8, 3).forward(x(2, 28, 28, 3)), "expected [batch, 3 channels, height, width], got [2, 28, 28, 3]\n  hint: axis 3 has size 3: are the axes in another order?"],
    ["too few axes", () => new nn.Conv2d(3, 8, 3).forward(x(28, 28)), "Conv2d(3 → 8, kernel 3×3): expected [batch, 3 channels, height, width] or [3 channels, height, width], got [28, 28]"],
    ["groups that do not divide", () => new nn.Conv2d(3, 8, 3, { groups: 2 }), "3 input and 8 output channels cannot be split into 2 groups"],
    ["an unknown padding", () => new nn.Conv2d(1, 1, 3, { padding: "some" as never }), 'there is no padding "some"; it is "same", "valid" or numbers'],
    ["no size", () => new nn.Linear(0, 3), "Linear: inFeatures must be a whole number from 1, got 0"],
    ["padding wider than half the window", () => new nn.MaxPool2d(2, { padding: 2 }), "padding 2 is more than half the kernel, which is 2"],
    ["a batch of one", () => new nn.BatchNorm1d(3).forward(x(1, 3)), "BatchNorm1d(3): one number a channel has no spread to learn from"],
    ["channels of another number", () => new nn.BatchNorm2d(3).forward(x(2, 4, 5, 5)), "BatchNorm2d(3): expected [batch, 3 channels, ...], got [2, 4, 5, 5]"],
    ["a row beyond the table", () => new nn.Embedding(5, 2).forward(tensor([1, 5])), "Embedding(5, 2): 5 is not one of the 5 rows, which are numbered 0 to 4"],
    ["a chance above 1", () => new nn.Dropout(1.5), "p is a chance from 0 to 1, got 1.5"],
    ["another normalized shape", () => new nn.LayerNorm(4).forward(x(2, 3)), "LayerNorm([4]): expected [..., 4], got [2, 3]"],
    ["sizes that do not multiply", () => new nn.Unflatten(1, [2, 3]).forward(x(2, 5)), "axis 1 of [2, 5] has size 5, which is not 2 · 3"],
    ["an unknown nonlinearity", () => nn.init.calculateGain("relo" as never), 'there is no nonlinearity "relo"\n  hint: did you mean "relu"?'],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});

test("activations take options by name or in their order, and complain about others", () => {
  const x = tensor([-3, -0.5, 3]);
  const same = (a: nn.Module, b: nn.Module): void => expect([...(a.forward(x) as Tensor).dataSync()]).toEqual([...(b.forward(x) as Tensor).dataSync()]);
  same(new nn.Hardtanh(-2, 0.5), new nn.Hardtanh({ minVal: -2, maxVal: 0.5 }));
  same(new nn.ReLU({ inplace: true } as never), new nn.ReLU());
  expect(new nn.Hardtanh(-2, 0.5).forward(x).arraySync()).toEqual([-2, -0.5, 0.5]);
  expect(new nn.GLU({ dim: 0 }).forward(ones([4, 3])).shape).toEqual([2, 3]);
  expect(() => new nn.LeakyReLU({ slope: 0.2 } as never)).toThrow('LeakyReLU: there is no option "slope"; there are negativeSlope');
  expect(() => new nn.Sigmoid(3 as never)).toThrow('Sigmoid: there is no option "argument 0"; there are none');
});
