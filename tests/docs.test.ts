/** What the documents show works: blocks marked `ts check` pass the compiler, those marked `ts run` run too. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import * as cambium from "../src/index.ts";

const folder = join("build", "docs");

interface Block {
  readonly name: string;
  readonly code: string;
  readonly runs: boolean;
}

const pages = ["README.md", "CONTRIBUTING.md", ...readdirSync("docs", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md")).map((name) => join("docs", name))];

const blocks: readonly Block[] = pages.flatMap((page) =>
  [...readFileSync(page, "utf8").matchAll(/^```ts (check|run)\n([\s\S]*?)^```$/gm)].map(([, mark, code], i) => ({
    name: `${page.replace(/\.md$/, "").replaceAll(/[\\/]/g, "-")}-${i + 1}`,
    code: code!,
    runs: mark === "run",
  })),
);

/** What a program printed, or a failure with all it said. */
function run(...args: string[]): string {
  try {
    return execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${stdout}\n${stderr}`);
  }
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, code } of blocks) writeFileSync(join(folder, `${name}.ts`), `${code}\nexport {};\n`);
  const compilerOptions = { declaration: false, isolatedDeclarations: false, noUnusedLocals: false };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] }));
});

test("programs in the documents pass the compiler", () => {
  expect(blocks.length).toBeGreaterThan(2);
  run("node_modules/typescript/bin/tsc", "-p", folder);
}, 60_000);

describe("programs in the documents run", () => {
  test.each(blocks.filter(({ runs }) => runs))("$name", ({ name, code }) => {
    const printed = run("--import", "tsx", join(folder, `${name}.ts`));
    // A number or truth in a comment behind console.log is what it prints, one after the other.
    const lines = printed.split("\n").filter((line) => line !== "");
    let at = 0;
    for (const [, said] of code.matchAll(/^\s*console\.log\(.*\); \/\/ (-?[\d.]+|true|false)\b/gm)) {
      const found = lines.findIndex((line, i) => i >= at && (line === said || Math.abs(Number(line) - Number(said)) < 1e-4));
      expect(found, `${said} after line ${at} of\n${printed}`).toBeGreaterThanOrEqual(0);
      at = found + 1;
    }
  });
});

test("files and folders that the documents link to are there", () => {
  const missing = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path]) => join(dirname(page), path!)).filter((path) => !existsSync(path)),
  );
  expect(missing).toEqual([]);
});

test("files that docs/house.md and docs/words.md speak of are there", () => {
  const spoken = ["docs/house.md", "docs/words.md"].flatMap((page) => [...readFileSync(page, "utf8").matchAll(/`((?:src|native|tests|scripts|bench)\/[\w./-]+)`/g)].map(([, path]) => path!));
  expect(spoken.length).toBeGreaterThan(20);
  expect(spoken.filter((path) => !existsSync(path))).toEqual([]);
});

test("the names that people coming from elsewhere are told are there", () => {
  const page = readFileSync("docs/guide/names.md", "utf8");
  const here = [...page.matchAll(/^\| .*? \| (.*?) \| .*\|$/gm)].map(([, cell]) => cell!).flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
  const methods = here.flatMap((code) => [...code.matchAll(/\b[cx]\.(\w+)/g)].map(([, name]) => name!));
  const functions = here.flatMap((code) => [...code.matchAll(/(?<![.\w])(\w+)\(/g)].map(([, name]) => name!));
  expect(methods.length).toBeGreaterThan(40);
  const x = cambium.tensor([1]) as unknown as Record<string, unknown>;
  expect(methods.filter((name) => !(name in x))).toEqual([]);
  expect(functions.filter((name) => !(name in cambium))).toEqual([]);
});
