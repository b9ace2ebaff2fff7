/** Numbers that are none are traced to the op and the line they come from; gradients are compared with measured slopes. */
import { afterEach, describe, expect, test } from "vitest";
import { compile, customGradient, debug, detectAnomaly, gradCheck, layers, losses, nn, optim, optimizers, seed, sequential, tensor, type Tensor, zeros } from "../src/index.ts";

afterEach(() => debug.nans(false));

const x = tensor([[1, 2], [-1, 4]]);

describe("NaN debugging", () => {
  test("names the first op, what it was given, and the line", () => {
    debug.nans(true);
    const y = x.log().mul(2).sum();
    expect(() => y.item()).toThrow(/^log: makes \[2, 2\] \(0 to 1.386, 1 × NaN\) of x \[2, 2\] \(-1 to 4\)\n {2}at .*anomaly\.test\.ts:\d+:\d+\n {2}hint: the logarithm of 0/);
    try {
      y.item();
    } catch (error) {
      const [, line] = /anomaly\.test\.ts:(\d+)/.exec((error as Error).message)!;
      const own = /anomaly\.test\.ts:(\d+)/.exec(new Error().stack!)![1]!;
      expect(Number(own) - Number(line)).toBeGreaterThan(0);
      expect(Number(own) - Number(line)).toBeLessThan(10);
    }
  });

  test("goes back to the op that made it, not the last that had it, and does not mind infinities unless told", () => {
    const f = (): Tensor => x.sub(1).reciprocal().mul(x.sub(1)).add(1).sum();
    expect(() => detectAnomaly(f)).toThrow(/^mul: makes .*NaN\) of a \[2, 2\] \(-0.5 to 1, 1 × ±∞\), b \[2, 2\] \(-2 to 3\)/);
    expect(() => detectAnomaly(f, { infinities: true })).toThrow(/^reciprocal: makes/);
    expect(detectAnomaly(() => tensor([1]).div(0)).item()).toBe(Infinity);
    expect(() => detectAnomaly(() => tensor([NaN]).add(1))).toThrow(/the numbers given are bad already: \[1\] \(1 × NaN\)/);
  });

  test("finds what a gradient makes, and says of which op and line", () => {
    const w = tensor([0, 1], { requiresGrad: true });
    expect(() =>
      detectAnomaly(() => {
        w.sqrt().mul(tensor([0, 1])).sum().backward();
        return w.grad!;
      }),
    ).toThrow(/div: makes \[2\] \(0.5, 1 × NaN\) of .*\n {2}in the gradient of sqrt, used at .*anomaly\.test\.ts:\d+:\d+/);
  });

  test("works in loops of either face, also where they are compiled", async () => {
    debug.nans(true);
    const model = new nn.Linear(2, 1);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const step = compile((v: Tensor) => {
      const loss = model.forward(v).log().mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    seed(0);
    expect(() => step(tensor([[100, -100], [-100, 100]]))).toThrow(/log: makes/);
    const keras = sequential([layers.dense(1, { inputShape: [2] })]);
    const loss = (_: Tensor, p: Tensor): Tensor => p.sub(p).div(p.sub(p)).squeeze(-1);
    keras.compile({ optimizer: optimizers.sgd(), loss: loss as never });
    await expect(keras.fit(x, tensor([1, 2]), { epochs: 1, verbose: 0 })).rejects.toThrow(/div: makes \[2, 1\] \(2 × NaN\) of a \[2, 1\] \(0\), b \[2, 1\] \(0\)/);
  });

  test("is over when it is turned off, and lets good programs pass", async () => {
    expect(detectAnomaly(() => x.square().sum()).item()).toBe(22);
    await expect(detectAnomaly(async () => x.log())).rejects.toThrow(/log: makes/);
    expect(x.log().sum().item()).toBeNaN();
    debug.nans(true);
    debug.nans(false);
    expect(x.log().sum().item()).toBeNaN();
  });
});

describe("gradCheck", () => {
  test("agrees with gradients that are right, of functions and of models", () => {
    const f = gradCheck((a: Tensor, { b }: { b: Tensor }) => a.matmul(b).tanh(), [x, { b: tensor([[0.1, 0.2, 0.3], [0.4, 0.5, -0.6]]) }]);
    expect([f.ok, f.checked, f.failures]).toEqual([true, 10, []]);
    expect(f.message).toMatch(/gradCheck: 10 slopes agree with the gradient; the largest difference is \d/);
    seed(2);
    const model = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.GELU(), new nn.Flatten(), new nn.Linear(8, 3), new nn.BatchNorm1d(3));
    const before = model.buffers().map((b) => [...b.dataSync()]);
    const report = gradCheck(model, [zeros([3, 1, 4, 4]).add(tensor([[[[0.1], [0.2], [0.5], [1]]], [[[2], [1], [0], [3]]], [[[1], [1], [2], [2]]]])).mul(tensor([1, 0.5, -1, 2]))]);
    expect(report.message).toMatch(/agree/);
    expect(report.checked).toBe(48 + 18 + 2 + 24 + 3 + 3 + 3);
    expect(model.buffers().map((b) => [...b.dataSync()])).toEqual(before);
    expect(gradCheck((p: Tensor) => losses.meanSquaredError(x, p) as Tensor, [x.add(1)]).ok).toBe(true);
  });

  test("says which number of which tensor is wrong, with both values", () => {
    const wrong = customGradient((v: Tensor) => v.pow(3), (dy, [v]) => dy.mul(v.square()).mul(2));
    const { ok, failures, message } = gradCheck((a: Tensor) => wrong(a).sum(), [tensor([[1, 2]])]);
    expect(ok).toBe(false);
    expect(failures.map(({ name, index, analytic }) => [name, index, analytic])).toEqual([["argument 0", [0, 0], 2], ["argument 0", [0, 1], 8]]);
    expect(message).toMatch(/2 of 2 slopes differ from the gradient\n {2}argument 0\[0, 0\]: the gradient says 2, measured is 3/);
    class Wrong extends nn.Module {
      weight = nn.parameter(tensor([2]));
      forward(v: Tensor): Tensor {
        return wrong(this.weight.mul(v)).sum();
      }
    }
    expect(gradCheck(new Wrong(), [tensor([1])]).message).toMatch(/weight\[0\]: the gradient says 8, measured is 12/);
  });

  test("knows a corner when it stands on one", () => {
    const { message } = gradCheck((a: Tensor) => a.abs().add(a).sum(), [tensor([0, 1])]);
    expect(message).toMatch(/argument 0\[0\]: .*\(a corner: -?\d\S* to the left, 2 to the right\)|agree/);
    expect(gradCheck((a: Tensor) => a.relu().sum(), [tensor([0])]).message).toMatch(/the gradient says 0, measured is 0.5 \(a corner: 0 to the left, 1 to the right\)/);
  });

  test("tries only so many numbers, and needs some to try", () => {
    expect(gradCheck((a: Tensor) => a.sin().sum(), [zeros([100])], { samples: 7 }).checked).toBe(7);
    expect(() => gradCheck((a: Tensor) => a.sum(), [tensor([1], { dtype: "int32" })])).toThrow(/there is nothing to check/);
    expect(() => gradCheck((a: Tensor) => a.greater(0), [tensor([1])])).toThrow(/the function returns no floats/);
  });
});
