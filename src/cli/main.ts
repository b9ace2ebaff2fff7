#!/usr/bin/env node
/** The command `cambium`. */
import { readFileSync } from "node:fs";
import { CambiumError } from "../base/error.ts";
import { nearest } from "../base/text.ts";
import { chooseEngine } from "../engines/choose.ts";
import "../node.ts";
import { diagnose } from "./doctor.ts";

const help = `cambium: deep learning for TypeScript

usage: cambium <command>

  doctor [--json]   which engine computes here, on what, how fast, and how it would be faster
  --version         the version
  --help            this
`;

const home = import.meta.url.replace(/\/(dist|src)\/(?!.*\/(dist|src)\/).*$/, "/package.json");
const version: string = JSON.parse(readFileSync(new URL(home), "utf8")).version;

function doctor(options: readonly string[]): void {
  const unknown = options.find((option) => option !== "--json");
  if (unknown !== undefined) throw new CambiumError("name", "cambium doctor", `there is no option "${unknown}"; there is --json`);
  const { findings, advice } = diagnose(version, chooseEngine(process.env.CAMBIUM_ENGINE || undefined));
  if (options.length > 0) return console.log(JSON.stringify({ findings, advice }));
  for (const { name, value } of findings) console.log(`${name.padEnd(13)}${value}`);
  console.log(
    advice.length === 0
      ? "\nNothing is in the way: this is the fastest engine, with all it has."
      : `\nTo be faster:\n${advice.map((line) => `  ${line}`).join("\n")}`,
  );
}

function main([command, ...options]: readonly string[]): void {
  if (command === undefined || command === "--help" || command === "-h" || command === "help") return console.log(help);
  if (command === "--version" || command === "-v") return console.log(version);
  if (command === "doctor") return doctor(options);
  const near = nearest(command, ["doctor", "--help", "--version"]);
  throw new CambiumError("name", "cambium", `there is no command "${command}"; there are doctor, --version and --help`, near && `did you mean "${near}"?`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof CambiumError ? error.message : error);
  process.exitCode = 1;
}
