/** Before all tests: the file with which threads of the WebAssembly engine begin, where vitest.config.ts says that it lies. */
import { build } from "esbuild";

export const setup = async (): Promise<void> => {
  await build({ entryPoints: ["src/engines/wasm/hand/node.ts"], outfile: "build/hand.mjs", bundle: true, platform: "node", format: "esm", target: "node20" });
};
