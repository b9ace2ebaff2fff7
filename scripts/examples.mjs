// Every example in short form. Ends with one line, `N passed, N failed`.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build, prepare, root, run, say } from "./prepare.mjs";
import { finish } from "./vitest.mjs";

await prepare();
await build();
const count = { passed: 0, failed: 0 };
// data.ts is what the programs share.
for (const name of readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts") && name !== "data.ts")) {
  say(`examples/${name} --short`);
  const ok = (await run(process.execPath, ["--import", "tsx", join("examples", name), "--short"])) === 0;
  count[ok ? "passed" : "failed"]++;
  if (!ok) say(`examples/${name}: failed`);
}
finish(count);
