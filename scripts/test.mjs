// Everything a change must pass: lint, types, build, tests. Ends with one line, `N passed, N failed`.
// With arguments, only the tests: they go to vitest as they are.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { prepare, root, run, say } from "./prepare.mjs";

const only = process.argv.slice(2);
const node = (...args) => run(process.execPath, args);
const report = join(root, "build", "test", "vitest.json");
const count = { passed: 0, failed: 0 };

async function check(name, task) {
  say(name);
  const ok = (await task()) === 0;
  count[ok ? "passed" : "failed"]++;
  if (!ok) say(`${name}: failed`);
}

/** How many tests passed and failed; a file that could not be read, and a run that ended badly though no test did, count as failures. */
function counted(status) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return { passed: 0, failed: 1 };
  }
  const broken = results.testResults.filter(({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed")).length;
  const failed = results.numFailedTests + broken;
  const silent = failed === 0 && (status !== 0 || results.numPassedTests === 0);
  return { passed: results.numPassedTests, failed: failed + (silent ? 1 : 0) };
}

await prepare();
if (only.length === 0) {
  await check("lint", () => node("node_modules/@biomejs/biome/bin/biome", "check"));
  await check("types", () => node("node_modules/typescript/bin/tsc"));
  await check("build", () => node("scripts/build.mjs"));
}
say("tests");
rmSync(report, { force: true });
mkdirSync(join(root, "build", "test"), { recursive: true });
const status = await node("node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...only);
const { passed, failed } = counted(status);
count.passed += passed;
count.failed += failed;
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);
