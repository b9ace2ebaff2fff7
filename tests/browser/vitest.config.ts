import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const config: ReturnType<typeof defineConfig> = defineConfig({
  test: { root: fileURLToPath(new URL(".", import.meta.url)), include: ["**/*.test.ts"], testTimeout: 30_000, hookTimeout: 60_000, fileParallelism: false },
});

export default config;
