import { describe, expect, test } from "vitest";
import { compile, losses, seed, tensor, type Tensor } from "../src/index.ts";
import { seq2seq } from "../src/networks/index.ts";
import { Adam } from "../src/optim/index.ts";
import { Stream } from "../src/base/random.ts";

const [begin, end, nothing] = [1, 2, 0];
const random = new Stream(5, 1);
const digit = (): number => 3 + Math.floor(random.uniform() * 6);

/** Sequences of 3 to 5 tokens, which are to come out backwards. */
function batch(count: number): { source: number[][]; target: number[][]; wanted: number[][] } {
  const all = Array.from({ length: count }, () => Array.from({ length: 3 + Math.floor(random.uniform() * 3) }, digit));
  const padded = (rows: number[][], length: number): number[][] => rows.map((row) => [...row, ...Array<number>(length - row.length).fill(nothing)]);
  const turned = all.map((row) => [...row].reverse());
  return { source: padded(all, 5), target: padded(turned.map((row) => [begin, ...row]), 6), wanted: padded(turned.map((row) => [...row, end]), 6) };
}

const ints = (rows: number[][]): Tensor => tensor(rows, { dtype: "int32" });

describe.each(["additive", "multiplicative"] as const)("a recurrent network with %s attention", (attention) => {
  test("learns to say sequences backwards, looking at the right places", async () => {
    seed(3);
    const net = seq2seq({ sourceSize: 9, embeddingDim: 16, hidden: 32, attention, padding: nothing });
    const optimizer = new Adam(net.parameters(), { lr: 0.01 });
    const step = compile((source: Tensor, target: Tensor, wanted: Tensor) => {
      const scores = net.forward(source, target);
      const on = wanted.notEqual(nothing).to("float32");
      const loss = losses.functional.crossEntropy(scores.reshape([-1, 9]), wanted.reshape([-1]), { reduction: "none" }).mul(on.reshape([-1])).sum().div(on.sum());
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const seen: number[] = [];
    for (let i = 0; i < 260; i++) {
      const { source, target, wanted } = batch(32);
      seen.push(step(ints(source), ints(target), ints(wanted)).item());
    }
    expect(seen.at(-1)!).toBeLessThan(0.1 * seen[0]!);
    const { source, target, wanted } = batch(40);
    const made = await net.translate(source, { begin, end, maxNewTokens: 8 });
    const right = made.filter((row, i) => row.join() === wanted[i]!.filter((one) => one > end).join()).length;
    expect(right).toBeGreaterThan(34);
    const shares = net.eval().shares(ints(source), ints(target)).arraySync() as number[][][];
    shares.forEach((rows, i) => rows.forEach((row) => {
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
      row.forEach((share, at) => source[i]![at] === nothing && expect(share).toBe(0));
    }));
  });

  test("does not care how much padding there is, nor what stands beside it in a batch", () => {
    const net = seq2seq({ sourceSize: 9, embeddingDim: 4, hidden: 6, attention, padding: nothing }).eval();
    const alone = net.forward(ints([[4, 5, 6]]), ints([[begin, 6]]));
    const beside = net.forward(ints([[4, 5, 6, 0, 0], [3, 4, 5, 6, 7]]), ints([[begin, 6], [begin, 7]])).slice([0], [1]);
    expect(alone.sub(beside).abs().max().item()).toBeLessThan(1e-5);
  });
});

test("mistakes", async () => {
  expect(() => seq2seq({ sourceSize: 5, attention: "dot" as never })).toThrow('there is no attention "dot"; it is "additive" or "multiplicative"');
  expect(() => seq2seq({ sourceSize: 0 })).toThrow("sourceSize must be a whole number from 1, got 0");
  const net = seq2seq({ sourceSize: 5, embeddingDim: 2, hidden: 2 });
  expect(() => net.forward(tensor([1], { dtype: "int32" }), ints([[1]]))).toThrow("expected [batch, positions] of whole numbers, got [1]");
  await expect(net.translate([], { begin })).rejects.toThrow("there is no sequence to translate");
});
