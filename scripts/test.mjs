// Everything a change must pass: lint, types, build, tests. Ends with one line, `N passed, N failed`.
// With arguments, only the tests: they go to vitest as they are.
import { prepare, run, say } from "./prepare.mjs";
import { finish, vitest } from "./vitest.mjs";

const only = process.argv.slice(2);
const node = (...args) => run(process.execPath, args);
const count = { passed: 0, failed: 0 };

async function check(name, task) {
  say(name);
  const ok = (await task()) === 0;
  count[ok ? "passed" : "failed"]++;
  if (!ok) say(`${name}: failed`);
}

await prepare();
if (only.length === 0) {
  await check("lint", () => node("node_modules/@biomejs/biome/bin/biome", "check"));
  await check("types", () => node("node_modules/typescript/bin/tsc"));
  await check("build", () => node("scripts/build.mjs"));
}
say("tests");
const { passed, failed } = await vitest("tests", ...only);
finish({ passed: count.passed + passed, failed: count.failed + failed });
