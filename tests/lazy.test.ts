import { describe, expect, test } from "vitest";
import { nn, optim, seed, tensor, uniform, type Tensor } from "../src/index.ts";

type Maker = new (...args: any[]) => nn.Module;
const classes = nn as unknown as Record<string, Maker>;

describe("a lazy module becomes, with the first batch, what it is named for:", () => {
  test.each<[string, number[], unknown[]]>([
    ["Linear", [4, 3], [5]],
    ["Linear", [3], [5]],
    ["Conv1d", [2, 3, 6], [4, 3]],
    ["Conv2d", [2, 3, 6, 6], [4, 3, { padding: 1 }]],
    ["Conv2d", [3, 6, 6], [4, 3]],
    ["Conv3d", [1, 2, 4, 4, 4], [3, 2]],
    ["ConvTranspose1d", [2, 3, 6], [4, 3]],
    ["ConvTranspose2d", [2, 3, 5, 5], [4, 3, { stride: 2 }]],
    ["ConvTranspose3d", [1, 2, 3, 3, 3], [3, 2]],
    ["BatchNorm1d", [6, 3], []],
    ["BatchNorm1d", [6, 3, 4], [{ momentum: 0.5 }]],
    ["BatchNorm2d", [2, 3, 4, 4], []],
    ["BatchNorm3d", [2, 3, 2, 2, 2], []],
    ["InstanceNorm1d", [2, 3, 5], [{ affine: true }]],
    ["InstanceNorm2d", [2, 3, 4, 4], [{ affine: true, trackRunningStats: true }]],
    ["InstanceNorm3d", [2, 3, 2, 2, 2], []],
  ])("%s of %j", (kind, shape, args) => {
    seed(3);
    const x = uniform(shape);
    const size = kind === "Linear" ? shape.at(-1)! : shape.length === 3 && kind === "Conv2d" ? shape[0]! : shape[1]!;
    seed(4);
    const whole = new classes[kind]!(size, ...args);
    seed(4);
    const lazy = new classes[`Lazy${kind}`]!(...args);
    expect(lazy.parameters()).toEqual([]);
    const [y, z] = [whole.forward(x) as Tensor, lazy.forward(x) as Tensor];
    expect([...z.dataSync()]).toEqual([...y.dataSync()]);
    const state = whole.stateDict();
    expect(Object.keys(lazy.stateDict())).toEqual(Object.keys(state));
    for (const [path, value] of Object.entries(lazy.stateDict())) expect([...value.dataSync()], path).toEqual([...state[path]!.dataSync()]);
    expect([...(lazy.eval().forward(x) as Tensor).dataSync()]).toEqual([...(whole.eval().forward(x) as Tensor).dataSync()]);
    expect(String(lazy)).toBe(String(whole));
  });
});

test("a network of lazy modules learns, and says under which paths", () => {
  seed(0);
  const net = new nn.Sequential(new nn.LazyLinear(8), new nn.LazyBatchNorm1d(), new nn.ReLU(), new nn.LazyLinear(1));
  const x = uniform([16, 3]);
  const y = x.sum(1, { keep: true });
  net.forward(x);
  expect([...net.namedParameters()].map(([path]) => path)).toEqual(["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]);
  const optimizer = new optim.Adam(net.parameters(), { lr: 0.05 });
  const losses = Array.from({ length: 30 }, () => {
    const loss = net.forward(x).sub(y).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.item();
  });
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
});

test("a size is learnt once", () => {
  const line = new nn.LazyLinear(2);
  line.forward(uniform([1, 3]));
  expect(() => line.forward(uniform([1, 4]))).toThrow("Linear(3 → 2)");
  expect(() => new nn.LazyBatchNorm2d().forward(tensor([1, 2]))).toThrow("LazyBatchNorm2d: [2] has no axis 1, from which the size is learnt");
});
