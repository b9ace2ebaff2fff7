/** How fast single ops run: `npm run bench -- ops`. Each is compiled, so that only the kernel counts. */
import { compile, engine, type Tensor, uniform } from "cambium";
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

const cases: readonly Case[] = [
  product(32, 784, 128),
  product(128, 784, 128),
  product(128, 1600, 128),
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(2048, 2048, 2048),
  chain(2 ** 20),
  sum(4096, 512),
];

console.info(engine().describe());
for (const { name, flop, inputs, f } of cases) {
  for (const x of inputs) x.dataSync();
  const run = compile(f);
  for (let i = 0; i < 3; i++) run(...inputs);
  const times: number[] = [];
  for (const end = performance.now() + 500; performance.now() < end || times.length < 3; ) {
    const begin = performance.now();
    run(...inputs);
    times.push(performance.now() - begin);
  }
  const ms = median(times);
  console.info(`${name.padEnd(34)} ${(1000 * ms).toFixed(1).padStart(10)} µs ${(flop / ms / 1e6).toFixed(1).padStart(8)} GFLOP/s`);
}
