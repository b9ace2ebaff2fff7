/** Programs in a real browser: Chromium, the package's own files, no bundler. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bench } from "./browser.ts";
import { root } from "./serve.ts";

// No bundler: the page imports the package's own files.
const browser = bench({ bundled: false });

test("every door opens, and no file asks for Node", async () => {
  const { imports } = JSON.parse(await browser.page.locator("script[type=importmap]").textContent() ?? "") as { imports: Record<string, string> };
  const names = await browser.inPage<string[]>(`
    const doors = ${JSON.stringify(Object.keys(imports))};
    for (const door of doors) await import(door);
    done(doors);`);
  expect(names).toContain("cambium");
  const fetched = [...new Set(browser.server.asked)].filter((path) => path.endsWith(".js"));
  expect(fetched.length).toBeGreaterThan(20);
  expect(fetched.filter((path) => /(?:from|import\()\s*"node:/.test(readFileSync(join(root, path), "utf8")))).toEqual([]);
});

test("a module in PyTorch's style shrinks its prediction by 0.96 a step", async () => {
  const { name, ratio } = await browser.inPage<{ name: string; ratio: number }>(`
    import { engine, nn, optim, tensor } from "cambium";
    class SimpleLinearRegression extends nn.Module {
      linear = new nn.Linear(1, 1);
      forward(x) { return this.linear.forward(x); }
    }
    const model = new SimpleLinearRegression();
    const criterion = new nn.MSELoss();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    const first = await model.forward(tensor([1])).data();
    for (let epoch = 0; epoch < 100; epoch++) {
      const loss = criterion.forward(model.forward(tensor([1])), tensor([0]));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
    const last = await model.forward(tensor([1])).data();
    done({ name: engine().name, ratio: last[0] / first[0] });`);
  expect(name).toBe("wasm");
  expect(ratio).toBeCloseTo(0.96 ** 100, 5);
});

test("a dense model fits", async () => {
  const losses = await browser.inPage<number[]>(`
    import { layers, optimizers, seed, sequential, uniform } from "cambium";
    seed(3);
    const x = uniform([64, 2]);
    const y = x.sum(1).reshape([64, 1]);
    const model = sequential([layers.dense(8, { activation: "tanh", inputShape: [2] }), layers.dense(1)]);
    model.compile({ optimizer: optimizers.adam({ learningRate: 0.03 }), loss: "meanSquaredError" });
    const history = await model.fit(x, y, { epochs: 5, batchSize: 8, verbose: 0 });
    done(history.history.loss);`);
  expect(losses).toHaveLength(5);
  expect(losses[4]).toBeLessThan(losses[0]! / 2);
});

test("a mistake is explained in the page as in Node", async () => {
  const message = await browser.inPage<string>(`
    import { tensor } from "cambium";
    try {
      tensor([[1, 2, 3]]).matmul(tensor([[1, 2, 3]]));
      done("nothing was wrong");
    } catch (error) {
      done(error.message);
    }`);
  expect(message).toMatch(/^matmul: .*\[1, 3\]/);
});
