// Runs vitest and counts: a file that could not be read, and a run that ended badly though no test did, are failures too.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./prepare.mjs";

/** How many tests passed and failed. */
export async function vitest(name, ...args) {
  const report = join(root, "build", "test", `${name}.json`);
  rmSync(report, { force: true });
  mkdirSync(join(root, "build", "test"), { recursive: true });
  const status = await run(process.execPath, [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  ]);
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return { passed: 0, failed: 1 };
  }
  const broken = results.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = results.numFailedTests + broken;
  const silent = failed === 0 && (status !== 0 || results.numPassedTests === 0);
  return { passed: results.numPassedTests, failed: failed + (silent ? 1 : 0) };
}

/** The last line of every suite, and its exit status. */
export function finish({ passed, failed }) {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
