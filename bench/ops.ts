/** How fast single ops run: `npm run bench -- ops`. Each is compiled, so that only the kernel counts. */
import { compile, engine, grad, nn, optim, type Tensor, uniform } from "cambium";
import { median } from "./numbers.ts";

interface Case {
  readonly name: string;
  /** Floating-point operations of one call. */
  readonly flop: number;
  readonly inputs: readonly Tensor[];
  readonly f: (...args: Tensor[]) => Tensor;
}

const product = (m: number, k: number, n: number): Case => ({
  name: `matmul ${m}×${k}×${n}`,
  flop: 2 * m * k * n,
  inputs: [uniform([m, k]), uniform([k, n])],
  f: (a, b) => a!.matmul(b!),
});

const chain = (n: number): Case => ({
  name: `gelu(x·a + b), ${n} numbers`,
  flop: 20 * n,
  inputs: [uniform([n]), uniform([n]), uniform([n])],
  f: (x, a, b) => x!.mul(a!).add(b!).gelu(),
});

const sum = (rows: number, columns: number): Case => ({
  name: `sum over the rows of ${rows}×${columns}`,
  flop: rows * columns,
  inputs: [uniform([rows, columns])],
  f: (x) => x!.sum(0),
});

/** What gradients of a dense layer are made of: operands read turned around. */
const turned = (m: number, k: number, n: number, which: "a" | "b"): Case => ({
  name: which === "a" ? `dW = Xᵀ D, ${m}×${k}×${n}` : `dX = D Wᵀ, ${m}×${k}×${n}`,
  flop: 2 * m * k * n,
  inputs: which === "a" ? [uniform([k, m]), uniform([k, n])] : [uniform([m, k]), uniform([n, k])],
  f: (a, b) => (which === "a" ? a!.transpose().matmul(b!) : a!.matmul(b!.transpose())),
});

/** Scores of attention: heads lie between positions and features. */
const scores = (batch: number, length: number, heads: number, features: number): Case => ({
  name: `Q Kᵀ of ${batch}×${heads} heads, ${length}×${features}`,
  flop: 2 * batch * heads * length * length * features,
  inputs: [uniform([batch, length, heads, features]), uniform([batch, length, heads, features])],
  f: (q, k) => q!.permute([0, 2, 1, 3]).matmul(k!.permute([0, 2, 3, 1])),
});

const rows = (name: string, n: number, columns: number, perNumber: number, f: (x: Tensor) => Tensor): Case => ({
  name: `${name} over rows of ${n}×${columns}`,
  flop: perNumber * n * columns,
  inputs: [uniform([n, columns])],
  f: (x) => f(x!),
});

/** Forward and backward in one program. */
const gradientOf = (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => grad((x: Tensor) => f(x).square().sum()) as (x: Tensor) => Tensor;

const cases: readonly Case[] = [
  product(32, 784, 128),
  product(128, 784, 128),
  product(128, 1600, 128),
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(2048, 2048, 2048),
  chain(2 ** 20),
  sum(4096, 512),
  turned(784, 32, 128, "a"),
  turned(1024, 512, 1024, "a"),
  turned(32, 128, 1600, "b"),
  turned(512, 1024, 1024, "b"),
  scores(8, 128, 8, 32),
  rows("softmax", 4096, 512, 5, (x) => x.softmax()),
  rows(
    "softmax, backward",
    4096,
    512,
    10,
    gradientOf((x) => x.softmax()),
  ),
  rows("layer norm", 4096, 512, 8, (x) => x.layerNorm()),
  rows(
    "layer norm, backward",
    4096,
    512,
    16,
    gradientOf((x) => x.layerNorm()),
  ),
];

/** A step of Adam on many small tensors, one program. */
function updates(count: number, size: number): number {
  const parameters = Array.from({ length: count }, () => nn.parameter(uniform([size])));
  const optimizer = new optim.Adam(parameters);
  const step = compile(() => {
    const loss = parameters.map((p) => p.square().sum()).reduce((a, b) => a.add(b));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  return timed(() => step());
}

/** The median milliseconds of a call, after a few. */
function timed(run: () => unknown): number {
  for (let i = 0; i < 3; i++) run();
  const times: number[] = [];
  for (const end = performance.now() + 500; performance.now() < end || times.length < 3; ) {
    const begin = performance.now();
    run();
    times.push(performance.now() - begin);
  }
  return median(times);
}

console.info(engine().describe());
for (const { name, flop, inputs, f } of cases) {
  for (const x of inputs) x.dataSync();
  const run = compile(f);
  const ms = timed(() => run(...inputs));
  console.info(`${name.padEnd(34)} ${(1000 * ms).toFixed(1).padStart(10)} µs ${(flop / ms / 1e6).toFixed(1).padStart(8)} GFLOP/s`);
}
for (const [count, size] of [
  [100, 64],
  [100, 4096],
] as const)
  console.info(`${`Adam on ${count} tensors of ${size}`.padEnd(34)} ${(1000 * updates(count, size)).toFixed(1).padStart(10)} µs`);
