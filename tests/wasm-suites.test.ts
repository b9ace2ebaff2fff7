/** Suites that ask for no engine, once more on WebAssembly's with two threads. */
import { afterAll, beforeAll } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { threadedEngine } from "./threads.ts";

beforeAll(() => setEngine(threadedEngine(2)));
afterAll(() => setEngine(chooseEngine().engine));

await import("./custom.test.ts");
await import("./functional.test.ts");
await import("./lazy.test.ts");
await import("./recurrent.test.ts");
await import("./tensor.test.ts");
await import("./train.test.ts");
await import("./vmap.test.ts");
