import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/browser/**"],
    setupFiles: ["tests/setup.ts"],
    testTimeout: 60_000,
    // Two cores: more files at once only disturb the ones that watch the clock.
    maxWorkers: 2,
  },
});
