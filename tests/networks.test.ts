import { beforeAll, describe, expect, test } from "vitest";
import { size } from "../src/base/shape.ts";
import type { Module } from "../src/module/module.ts";
import { alexnet, type AlexNetOptions, lenet5, mlp, mobilenetV2, resnet101, resnet18, resnet34, resnet50, type ResNetOptions, vgg11, vgg13, vgg16, vgg19, type VGGOptions } from "../src/networks/index.ts";
import * as nn from "../src/nn/index.ts";
import { Adam } from "../src/optim/index.ts";
import { drawDigits } from "../src/data/digits.ts";
import { fromArray, seed, zeros } from "../src/node.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, type Stored } from "./parity.ts";

type Options = AlexNetOptions & VGGOptions & ResNetOptions;

interface Case {
  name: string;
  network: string;
  state?: [path: string, ...shape: number[]][];
  parameters: number;
  mode: "train" | "eval";
  images: number[];
  output: Stored;
  gradients?: Record<string, number>;
}

const networks: Record<string, (options: Options) => Module> = {
  alexnet,
  vgg11,
  vgg13,
  vgg16,
  vgg19,
  vgg11_bn: (options) => vgg11({ ...options, batchNorm: true }),
  vgg16_bn: (options) => vgg16({ ...options, batchNorm: true }),
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  mobilenet_v2: mobilenetV2,
};

const cases = casesOf<Case>("torch/networks");
const count = (module: Module): number => module.parameters().reduce((n, p) => n + p.size, 0);

describe("paths, shapes and numbers of parameters are torchvision's", () => {
  // Made narrow, so that gigabytes need not be drawn: what has 64 channels or more stands in an eighth of them, 4096 features in 8.
  for (const { network, state, parameters } of cases.filter((c) => c.state))
    test(network, () => {
      const options: Options = { hidden: 8, ...(/^(vgg|resnet(34|50|101))/.test(network) && { width: 8 }) };
      const module = networks[network]!(options);
      const linear = (path: string): boolean => path.startsWith("classifier") && network !== "mobilenet_v2";
      const narrowed = (path: string, d: number): number => (d === 4096 && linear(path) ? 8 : options.width && d >= 64 && d !== 1000 ? d / 8 : d);
      const narrow = state!.map(([path, ...shape]) => [path, ...shape.map((d) => narrowed(path, d))]);
      expect([...module.namedParameters(), ...module.namedBuffers()].map(([path, tensor]) => [path, ...tensor.shape]).sort()).toEqual([...narrow].sort());
      expect(Object.keys(module.stateDict())).toEqual(state!.map(([path]) => path));
      const trained = state!.filter(([path]) => !/running|tracked/.test(path));
      expect(trained.reduce((n, [, ...shape]) => n + size(shape), 0)).toBe(parameters);
    });
  test("as published", () => {
    const published: Record<string, number> = { alexnet: 61_100_840, vgg16: 138_357_544, resnet18: 11_689_512, resnet34: 21_797_672, resnet50: 25_557_032, resnet101: 44_549_160, mobilenet_v2: 3_504_872 };
    for (const [network, parameters] of Object.entries(published)) expect(cases.find((c) => c.network === network && c.state)!.parameters, network).toBe(parameters);
    expect(count(lenet5())).toBe(61_706);
    expect(count(mlp({ inputSize: 784 }))).toBe(101_770);
  });
});

/** Numbers in [0, 1), the same as in `tests/parity/torch_networks.py`. */
function drawn(place: number, n: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = (Math.imul(i, 2654435761) + place * 40503) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39) >>> 0;
    out[i] = ((x ^ (x >>> 15)) >>> 8) / 2 ** 24;
  }
  return out;
}

function fill(module: Module): void {
  const state = module.stateDict();
  const filled = Object.entries(state).map(([path, { shape }], place): [string, Tensor] => {
    if (path.endsWith("num_batches_tracked")) return [path, state[path]!];
    const numbers = drawn(place, size(shape));
    const spread = Math.sqrt((6 * shape[0]!) / numbers.length);
    const turn = shape.length > 1 ? (u: number) => (2 * u - 1) * spread : /weight$|running_var$/.test(path) ? (u: number) => u + 0.5 : (u: number) => u - 0.5;
    return [path, fromArray(new Float32Array(numbers.map(turn)), shape)];
  });
  module.loadStateDict(Object.fromEntries(filled));
}

describe("outputs and gradients are torchvision's", () => {
  const made: Record<string, () => Module> = { mobilenet_v2: () => mobilenetV2({ widthMult: 0.5, numClasses: 10 }), mlp: () => mlp({ inputSize: 48, hidden: [32, 16] }) };
  for (const { name, network, mode, images, output, gradients } of cases.filter((c) => !c.state))
    test(name, () => {
      const module = made[network]?.() ?? networks[network]!({ numClasses: 10, hidden: 32, width: 8 });
      fill(module);
      module.train(mode === "train");
      const y: Tensor = module.forward(fromArray(Float32Array.from(drawn(1000, size(images)), (u) => 2 * u - 1), images));
      if (gradients) y.square().mean().backward();
      const scale = Math.max(...output.data.map((v) => Math.abs(Number(v))));
      expectClose(y.div(scale), { ...output, data: output.data.map((v) => Number(v) / scale) }, "output", 2e-4);
      const named = new Map(module.namedParameters());
      for (const [path, norm] of Object.entries(gradients ?? {})) expect(Math.abs(named.get(path)!.grad!.square().sum().sqrt().item() / norm - 1), path).toBeLessThan(1e-3);
    });
});

describe("on drawn digits", () => {
  let x: Tensor;
  let y: Tensor;
  beforeAll(() => {
    const { train } = drawDigits({ train: 64, test: 1 });
    x = fromArray(train.images.data, train.images.shape).div(255).reshape([64, 1, 28, 28]);
    y = fromArray(train.labels.data, train.labels.shape).to("int32");
  });
  const small: Record<string, () => Module> = {
    mlp: () => mlp({ inputSize: 784, hidden: [32] }),
    "lenet-5": () => lenet5(),
    "lenet-5 with relu": () => lenet5({ activation: nn.ReLU }),
    resnet18: () => resnet18({ inChannels: 1, numClasses: 10, width: 4, stem: "small" }),
    resnet50: () => resnet50({ inChannels: 1, numClasses: 10, width: 4, stem: "small", zeroInitResidual: true }),
    mobilenetV2: () => mobilenetV2({ inChannels: 1, numClasses: 10, widthMult: 0.25, dropout: 0 }),
  };
  for (const [name, make] of Object.entries(small))
    test(`${name} learns`, () => {
      seed(1);
      const model = make();
      const optimizer = new Adam(model.parameters(), { lr: 0.005 });
      const criterion = new nn.CrossEntropyLoss();
      const losses = Array.from({ length: 12 }, () => {
        const loss = criterion.forward(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss.item();
      });
      expect(losses[0]).toBeLessThan(4);
      expect(losses.at(-1)).toBeLessThan(0.85 * losses[0]!);
    });
});

test("start values are the papers': He's behind convolutions, blocks that begin as the identity where asked for", () => {
  const model = resnet18({ width: 8, zeroInitResidual: true });
  const block = model.layer4.at(0) as unknown as { conv2: nn.Conv2d; bn2: nn.BatchNorm2d };
  const deviation = block.conv2.weight.square().mean().sqrt().item();
  expect(deviation).toBeCloseTo(Math.sqrt(2 / (64 * 9)), 2);
  expect(block.bn2.weight!.abs().sum().item()).toBe(0);
  const last = vgg11({ width: 2, hidden: 64 }).classifier.at(3) as nn.Linear;
  expect(last.weight.square().mean().sqrt().item()).toBeCloseTo(0.01, 3);
  expect(last.bias!.abs().sum().item()).toBe(0);
});

test("networks say what is wrong", () => {
  expect(() => resnet18({ numClasses: 0 })).toThrow(/ResNet: numClasses must be a whole number from 1, got 0/);
  expect(() => resnet18({ stem: "smal" as "small" })).toThrow(/there is no stem "smal"[\s\S]*small/);
  expect(() => lenet5({ imageSize: 30 as 28 })).toThrow(/imageSize is 28 or 32, got 30/);
  expect(() => mobilenetV2({ widthMult: 0 })).toThrow(/widthMult is a number above 0, got 0/);
  expect(() => mlp({ inputSize: 4, hidden: [2.5] })).toThrow(/a layer's size must be a whole number from 1, got 2.5/);
  expect(() => vgg11({ hidden: -1 })).toThrow(/VGG: hidden must be a whole number from 1, got -1/);
  expect(() => resnet18({ width: 4 }).forward(zeros([1, 1, 32, 32]))).toThrow(/3 channels/);
});
