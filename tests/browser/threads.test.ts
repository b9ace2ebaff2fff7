/** Threads in a page: where it is isolated from others they take part, elsewhere one computes and says why. */
import { describe, expect, test } from "vitest";
import { bench } from "./browser.ts";

interface Answer {
  readonly says: string;
  readonly losses: number[];
  /** Steps that other threads took part in. */
  readonly runs: number;
}

const learns = ({ losses }: Answer): void => {
  expect(losses).toHaveLength(60);
  expect(losses[59]!).toBeLessThan(losses[0]! / 4);
};

describe("in an isolated page", () => {
  const browser = bench({ bundled: false, isolated: true });

  test("workers take part while the page's own thread leads, and the numbers are the same bit by bit", async () => {
    const together = await browser.inPage<Answer>(`
      import { Crew } from "/dist/engines/wasm/crew.js";
      import { train } from "/tests/browser/training.js";
      let runs = 0;
      const { run } = Crew.prototype;
      Crew.prototype.run = function (...args) {
        const done = run.apply(this, args);
        if (done) runs++;
        return done;
      };
      done({ ...(await train()), runs });`);
    learns(together);
    expect(await browser.page.evaluate("crossOriginIsolated")).toBe(true);
    const threads = Number(/(\d+) threads?$/.exec(together.says)?.[1]);
    if ((await browser.page.evaluate<number>("navigator.hardwareConcurrency")) === 1) return expect(threads).toBe(1);
    expect(threads).toBeGreaterThan(1);
    expect(together.runs).toBeGreaterThan(10);
    const workers = browser.page.workers().map((worker) => worker.url().replace(/.*\/dist/, "dist"));
    expect(workers).toEqual(Array.from({ length: threads - 1 }, () => "dist/engines/wasm/hand/page.js"));
    // The parts of all, done by one thread.
    const alone = await browser.inPage<Answer>(`
      import { setEngine } from "/dist/tensor/evaluate.js";
      import { wasmEngine } from "/dist/engines/wasm/engine.js";
      import { Crew } from "/dist/engines/wasm/crew.js";
      import { train } from "/tests/browser/training.js";
      setEngine(wasmEngine({ threads: ${threads}, crew: new Crew(() => ({ post() {}, end() {} })) }));
      done(await train());`);
    expect(together.losses).toEqual(alone.losses);
  });

  test("Cambium in a worker of the page has threads too", async () => {
    const answer = await browser.inPage<Answer>(`
      const worker = new Worker("/tests/browser/training.js", { type: "module" });
      worker.onmessage = ({ data }) => done(data);`);
    learns(answer);
    expect(answer.says).toMatch(/\d threads?$/);
  });
});

describe("in a page like any other", () => {
  const browser = bench({ bundled: false });

  test("one thread computes, and the engine says what more would need", async () => {
    const answer = await browser.inPage<Answer>(`
      import { train } from "/tests/browser/training.js";
      done(await train());`);
    learns(answer);
    expect(answer.says).toMatch(/1 thread \(the page is not isolated from others: .*Cross-Origin-Opener-Policy: same-origin/);
  });
});

describe("from a bundle that leaves the workers' file behind", () => {
  const browser = bench({ isolated: true });

  test("one thread computes, and the engine says why", async () => {
    // Not `inPage`: the browser itself complains of the file that is missing.
    let tell!: (answer: Answer) => void;
    const told = new Promise<Answer>((resolve) => (tell = resolve));
    await browser.page.exposeFunction("tell", tell);
    await browser.page.addScriptTag({
      type: "module",
      content: `
        import { train } from "/tests/browser/training.js";
        tell(await train());`,
    });
    const answer = await told;
    learns(answer);
    if ((await browser.page.evaluate<number>("navigator.hardwareConcurrency")) > 1)
      expect(answer.says).toMatch(/1 thread \(another cannot be had: the worker's file, hand\/page\.js, could not be loaded\)$/);
  });
});
