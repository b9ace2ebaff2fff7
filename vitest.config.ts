import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("src", import.meta.url));
const hand = fileURLToPath(new URL("build/hand.mjs", import.meta.url));

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/browser/**"],
    setupFiles: ["tests/setup.ts"],
    globalSetup: ["tests/hand.ts"],
    env: { CAMBIUM_THREAD: hand },
    testTimeout: 240_000,
    // Two cores: more files at once only disturb the ones that watch the clock.
    maxWorkers: 2,
  },
  // Programs say "cambium"; what is tested is src/.
  resolve: {
    alias: [
      { find: /^cambium$/, replacement: `${src}/node.ts` },
      { find: /^cambium\/(\w+)$/, replacement: `${src}/$1/index.ts` },
    ],
  },
});
