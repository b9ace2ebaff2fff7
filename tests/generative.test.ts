/** The networks that make images: closed forms, and that they learn. */
import { describe, expect, test } from "vitest";
import { drawDigits } from "../src/data/digits.ts";
import type { Module } from "../src/module/module.ts";
import { adversarialStep, convAutoencoder, denoiser, Diffusion, Discriminator, Enlarge, gaussianDivergence, Generator, negativeELBO, noiseSchedule, reparameterize, timeEmbedding, unet, vae } from "../src/networks/index.ts";
import { binaryCrossEntropy } from "../src/losses/binary.ts";
import { Adam } from "../src/optim/torch/adam.ts";
import { fromArray, full, tensor, zeros } from "../src/tensor/create.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

const count = (module: Module): number => module.parameters().reduce((n, p) => n + p.size, 0);
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);
const largest = (x: Tensor): number => Math.max(...numbers(x).map(Math.abs));

function digits(n: number): Tensor {
  const { train } = drawDigits({ train: n, test: 1 });
  return fromArray(train.images.data, train.images.shape).div(255).reshape([n, 1, 28, 28]);
}

/** The losses of some steps of Adam. */
function learn(model: Module, loss: () => Tensor, steps: number, lr: number): number[] {
  const optimizer = new Adam(model.parameters(), { lr });
  return Array.from({ length: steps }, () => {
    const value = loss();
    optimizer.zeroGrad();
    value.backward();
    optimizer.step();
    return value.item();
  });
}

describe("a u-net", () => {
  test("has the parameters and paths of the program most used", () => {
    const paths = [...unet({ inChannels: 3, width: 2 }).namedParameters()].map(([path]) => path);
    for (const path of ["inc.double_conv.0.weight", "down4.maxpool_conv.1.double_conv.4.bias", "up1.up.weight", "up4.conv.double_conv.3.weight", "outc.conv.bias"]) expect(paths).toContain(path);
    // 31,037,633 and 17,262,977 at width 64: a quadratic in the width, which three narrow ones settle.
    for (const [upsampling, published] of [["transposed", 31_037_633], ["bilinear", 17_262_977]] as const) {
      const [a, b, c] = [2, 4, 6].map((width) => count(unet({ inChannels: 3, width, upsampling })));
      const second = (c! - 2 * b! + a!) / 8;
      const first = (b! - a!) / 2 - 6 * second;
      expect(second * 64 ** 2 + first * 64 + (a! - 4 * second - 2 * first), upsampling).toBe(published);
    }
  });
  test("gives each pixel scores, at sizes that do not halve evenly too", () => {
    for (const upsampling of ["transposed", "bilinear"] as const) expect(unet({ width: 2, numClasses: 3, upsampling }).forward(zeros([2, 1, 21, 18])).shape).toEqual([2, 3, 21, 18]);
  });
  test("enlarges on straight lines with corners kept", () => {
    const y = new Enlarge().forward(tensor([[[[0, 3], [6, 9]]]]));
    [0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9].forEach((v, i) => expect(numbers(y)[i]).toBeCloseTo(v, 5));
  });
  test("learns where ink is", () => {
    seed(1);
    const x = digits(8);
    const model = unet({ width: 2 });
    const truth = x.greater(0.5).to("float32");
    const losses = learn(model, () => binaryCrossEntropy(model.forward(x).sigmoid(), truth), 12, 0.02);
    expect(losses.at(-1)).toBeLessThan(0.85 * losses[0]!);
  });
  test("says what is wrong", () => {
    expect(() => unet({ upsampling: "nearest" as "bilinear" })).toThrow(/there is no upsampling "nearest"; it is "bilinear" or "transposed"/);
    expect(() => unet({ width: 2 }).forward(zeros([1, 1, 8, 32]))).toThrow(/16 pixels or more, got \[1, 1, 8, 32\]/);
  });
});

test("a convolutional autoencoder makes small and large again, and learns", () => {
  seed(1);
  const x = digits(16);
  const model = convAutoencoder();
  expect([model.encode(x).shape, model.forward(x).shape]).toEqual([[16, 8, 7, 7], [16, 1, 28, 28]]);
  const losses = learn(model, () => model.forward(x).sub(x).square().mean(), 20, 0.01);
  expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]!);
  expect(() => convAutoencoder({ channels: [] })).toThrow(/channels is empty/);
});

describe("a variational autoencoder", () => {
  test("a bell curve is as far from the standard one as theory says", () => {
    expect(numbers(gaussianDivergence(zeros([2, 5]), zeros([2, 5])))).toEqual([0, 0]);
    // ½ (μ² + σ² − ln σ² − 1) for each.
    const [found] = numbers(gaussianDivergence(tensor([[1, -2]]), tensor([[Math.log(4), 0]])));
    expect(found).toBeCloseTo(0.5 * (1 + 4 - Math.log(4) - 1) + 2, 5);
  });
  test("draws have the mean and the variance asked for, and pass the slope on", () => {
    seed(3);
    const mean = full([20_000], 2, { requiresGrad: true });
    const drawn = reparameterize(mean, full([20_000], Math.log(9)));
    expect(drawn.mean().item()).toBeCloseTo(2, 1);
    expect(drawn.variance().item() / 9).toBeCloseTo(1, 1);
    drawn.sum().backward();
    expect(numbers(mean.grad!)[7]).toBe(1);
  });
  test("the bound is its two parts, and learning makes it small", () => {
    seed(1);
    const x = digits(32);
    const model = vae({ hidden: [64], latent: 4 });
    expect(count(vae())).toBe(652_824);
    const { loss, reconstruction, divergence } = negativeELBO(model.forward(x), x, { beta: 0.5 });
    expect(loss.item()).toBeCloseTo(reconstruction.item() + 0.5 * divergence.item(), 2);
    // A network that knows nothing gives each pixel ln 2.
    expect(reconstruction.item() / (784 * Math.LN2)).toBeCloseTo(1, 1);
    const losses = learn(model, () => negativeELBO(model.forward(x), x).loss, 30, 0.005);
    expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]!);
    model.eval();
    expect(largest(model.forward(x).scores.sub(model.forward(x).scores))).toBe(0);
    const made = numbers(model.sample(3));
    expect([made.length, Math.min(...made) >= 0, Math.max(...made) <= 1]).toEqual([3 * 784, true, true]);
  });
  test("says what is wrong", () => {
    expect(() => vae({ hidden: [] as unknown as [number] })).toThrow(/hidden is empty/);
    const model = vae({ inputSize: 4, hidden: [3], latent: 2 });
    expect(() => negativeELBO(model.forward(zeros([2, 4])), zeros([2, 5]))).toThrow(/the scores are \[2, 4\], the examples \[2, 5\]/);
  });
});

describe("a dcgan", () => {
  test("has the shape of the paper", () => {
    const generator = new Generator({ width: 2, latent: 5 });
    const discriminator = new Discriminator({ width: 2 });
    const images = generator.sample(3);
    expect(images.shape).toEqual([3, 3, 64, 64]);
    expect(discriminator.forward(images).shape).toEqual([3]);
    expect([...generator.namedParameters()].map(([path]) => path)).toContain("main.12.weight");
    expect(() => new Generator({ imageSize: 28 })).toThrow(/imageSize is a power of two from 8, got 28/);
    // PyTorch's example, at the widths of the paper: 3,576,704 and 2,765,568.
    expect([count(new Generator()), count(new Discriminator())]).toEqual([3_576_704, 2_765_568]);
  });
  test("a compiled step trains both halves in turn", () => {
    seed(1);
    const options = { imageSize: 16, channels: 1, latent: 8, width: 8 };
    const generator = new Generator(options);
    const discriminator = new Discriminator(options);
    const adam = (module: Module): Adam => new Adam(module.parameters(), { lr: 2e-3, betas: [0.5, 0.999] });
    const step = adversarialStep({ generator, discriminator, generatorOptimizer: adam(generator), discriminatorOptimizer: adam(discriminator) });
    const images = digits(16).pad([0, 0, 2, 2], [0, 0, 2, 2]).reshape([16, 1, 16, 2, 16, 2]).mean([3, 5]).mul(2).sub(1);
    const before = [generator, discriminator].map((module) => Object.values(module.stateDict())[0]!);
    const first = step(images);
    // Halves that know nothing: −ln ½ for each question, of which the discriminator gets two.
    expect(first.discriminator.item()).toBeGreaterThan(0.8 * Math.log(4));
    expect(first.discriminator.item()).toBeLessThan(1.3 * Math.log(4));
    [generator, discriminator].forEach((module, i) => expect(largest(Object.values(module.stateDict())[0]!.sub(before[i]!))).toBeGreaterThan(0));
    let last = first;
    for (let i = 0; i < 25; i++) last = step(images);
    expect(last.discriminator.item()).toBeLessThan(0.85 * first.discriminator.item());
    expect(Number.isFinite(last.generator.item())).toBe(true);
  });
});

describe("diffusion", () => {
  test("schedules are the papers'", () => {
    const linear = noiseSchedule();
    expect([linear.betas[0], linear.betas[999]]).toEqual([1e-4, 0.02]);
    expect(linear.alphasCumprod[999]).toBeCloseTo(4.0358e-5, 8);
    const { alphasCumprod } = noiseSchedule({ steps: 100, schedule: "cosine" });
    const left = (at: number): number => Math.cos(((at + 0.008) / 1.008) * (Math.PI / 2)) ** 2 / Math.cos((0.008 / 1.008) * (Math.PI / 2)) ** 2;
    expect(alphasCumprod[49]).toBeCloseTo(left(0.5), 10);
    expect(() => noiseSchedule({ schedule: "cosin" as "cosine" })).toThrow(/there is no schedule "cosin"[\s\S]*cosine/);
    expect(() => noiseSchedule({ range: [0, 0.02] })).toThrow(/variance lies between 0 and 1, got 0/);
  });
  test("the way to noise keeps variance 1", () => {
    seed(2);
    const diffusion = new Diffusion({ steps: 50 });
    const x = normal([40_000]);
    for (const t of [0, 20, 49]) {
      const y = diffusion.qSample(x.reshape([1, -1]), full([1], t, { dtype: "int32" }));
      expect(y.variance().item()).toBeCloseTo(1, 1);
      expect(y.mul(x).mean().item()).toBeCloseTo(Math.sqrt(diffusion.alphasCumprod[t]!), 1);
    }
    const still = diffusion.qSample(full([3, 2], 2), tensor([0, 10, 40], { dtype: "int32" }), zeros([3, 2]));
    [0, 10, 40].forEach((t, i) => expect(numbers(still)[2 * i]).toBeCloseTo(2 * Math.sqrt(diffusion.alphasCumprod[t]!), 5));
    expect(() => diffusion.qSample(x, zeros([2], { dtype: "int32" }))).toThrow(/a step for each of 40000 examples, got \[2\]/);
  });
  const x0 = (): Tensor => tensor([[0.5, -0.25, 0.75, -1]]);
  const perfect = (diffusion: Diffusion) => (x: Tensor, t: Tensor): Tensor => {
    const kept = fromArray(Float32Array.from(diffusion.alphasCumprod)).gather(t);
    return x.sub(x0().mul(kept.sqrt())).div(kept.neg().add(1).sqrt());
  };
  test("who knows the noise gets the example back, by every way", () => {
    for (const schedule of ["linear", "cosine"] as const) {
      const diffusion = new Diffusion({ steps: 40, schedule });
      const predict = perfect(diffusion);
      for (const clip of [true, false]) {
        expect(largest(diffusion.sample(predict, [1, 4], { clip }).sub(x0()))).toBeLessThan(1e-3);
        expect(largest(diffusion.ddim(predict, [1, 4], { steps: 7, clip }).sub(x0()))).toBeLessThan(1e-3);
        expect(largest(diffusion.ddim(predict, [1, 4], { steps: 40, eta: 1, clip }).sub(x0()))).toBeLessThan(1e-3);
      }
    }
    expect(() => new Diffusion({ steps: 5 }).ddim((x) => x, [1, 1], { steps: 6 })).toThrow(/steps is a whole number from 1 to 5, got 6/);
    expect(() => new Diffusion({ steps: 5 }).ddim((x) => x, [1, 1], { eta: 2 })).toThrow(/eta is a number from 0 to 1, got 2/);
  });
  test("a step back adds as much chance as the posterior has", () => {
    seed(4);
    const diffusion = new Diffusion({ steps: 30 });
    // Of x = √a x₀ + √(1 − a) ε with both standard, the best guess of ε is √(1 − a) x.
    const predict = (x: Tensor, t: Tensor): Tensor => x.mul(fromArray(Float32Array.from(diffusion.alphasCumprod, (a) => Math.sqrt(1 - a))).gather(t));
    const made = diffusion.sample(predict, [1, 20_000], { clip: false });
    expect(made.mean().item()).toBeCloseTo(0, 1);
    // Each step scales the state and adds fresh noise, so its variance is known: below 1, since the posterior's is that of an example one knows.
    const left = diffusion.alphasCumprod;
    let variance = 1;
    for (let t = 29; t >= 0; t--) {
      const [now, next] = [left[t]!, t > 0 ? left[t - 1]! : 1];
      const fresh = ((1 - next) / (1 - now)) * (1 - now / next);
      variance = (Math.sqrt(next * now) + Math.sqrt(Math.max(0, 1 - next - fresh) * (1 - now))) ** 2 * variance + fresh;
    }
    expect(made.variance().item() / variance).toBeCloseTo(1, 1);
    expect(variance).toBeLessThan(1);
  });
  test("the way without chance depends on its start only", () => {
    const diffusion = new Diffusion({ steps: 20 });
    const start = normal([2, 3]);
    const predict = (x: Tensor): Tensor => x.mul(0.3);
    expect(numbers(diffusion.ddim(predict, [2, 3], { steps: 5, start }))).toEqual(numbers(diffusion.ddim(predict, [2, 3], { steps: 5, start })));
  });
  test("times become waves", () => {
    const [row] = [numbers(timeEmbedding(tensor([3], { dtype: "int32" }), 4))];
    [Math.sin(3), Math.sin(0.03), Math.cos(3), Math.cos(0.03)].forEach((v, i) => expect(row[i]).toBeCloseTo(v, 5));
  });
  test("the denoiser begins by seeing no noise, and learns to", () => {
    seed(1);
    const x = digits(8).mul(2).sub(1);
    const model = denoiser({ width: 8, multipliers: [1, 2] });
    const diffusion = new Diffusion({ steps: 20, schedule: "cosine" });
    expect(largest(model.forward(x, zeros([8], { dtype: "int32" })))).toBe(0);
    const losses = learn(model, () => diffusion.loss((y, t) => model.forward(y, t), x), 25, 0.01);
    expect(losses[0]).toBeCloseTo(1, 1);
    expect(losses.slice(-5).reduce((a, b) => a + b) / 5).toBeLessThan(0.6);
    expect(diffusion.ddim((y, t) => model.forward(y, t), [2, 1, 28, 28], { steps: 2 }).shape).toEqual([2, 1, 28, 28]);
    expect(() => denoiser({ width: 12 })).toThrow(/width must be a multiple of 8, got 12/);
    expect(() => model.forward(zeros([1, 1, 27, 28]), zeros([1], { dtype: "int32" }))).toThrow(/sizes multiples of 2, got \[1, 1, 27, 28\]/);
  });
});
