/** docs/parity.md: what PyTorch and Keras have, what it is called here, and how many stored cases hold it to their numbers. `npm test -- tests/parity-table -u` writes it anew. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { bare } from "../src/base/text.ts";
import * as front from "../src/index.ts";
import { casesOf } from "./parity.ts";

type Named = Readonly<Record<string, unknown>>;

/** A tensor's methods, which no loop over its own keys finds. */
const methods: Named = Object.fromEntries(Object.getOwnPropertyNames(front.Tensor.prototype).map((name) => [name, Object.getOwnPropertyDescriptor(front.Tensor.prototype, name)!.value ?? true]));

/** Where the names of each part of the two libraries are looked for, and how they are written to be used. */
const places: Readonly<Record<string, readonly (readonly [prefix: string, names: Named])[]>> = {
  "torch.nn modules": [["nn.", front.nn]],
  "torch.nn losses": [["nn.", front.nn]],
  "torch.nn.functional": [["nn.functional.", front.nn.functional]],
  "torch.linalg": [["linalg.", front.linalg as unknown as Named], ["", front as unknown as Named], ["Tensor.", methods]],
  "torch.fft": [["fft.", front.fft]],
  "torch.special": [["Tensor.", methods]],
  "torch.optim": [["optim.", front.optim]],
  "torch.optim.lr_scheduler": [["optim.lrScheduler.", front.optim.lrScheduler]],
  "torch.optim.swa_utils": [["optim.swaUtils.", front.optim.swaUtils]],
  "torch.nn.init": [["nn.init.", front.nn.init]],
  "keras.layers": [["layers.", front.layers]],
  "keras.activations": [["activations.", front.activations as unknown as Named]],
  "keras.losses": [["losses.", front.losses]],
  "keras.metrics": [["metrics.", front.metrics], ["losses.", front.losses]],
  "keras.optimizers": [["optimizers.", front.optimizers]],
  "keras.optimizers.schedules": [["optimizers.schedules.", front.optimizers.schedules]],
  "keras.initializers": [["initializers.", front.initializers]],
  "keras.regularizers": [["regularizers.", front.regularizers]],
  "keras.constraints": [["constraints.", (front as unknown as { constraints?: Named }).constraints ?? {}]],
  "keras.callbacks": [["callbacks.", front.callbacks as unknown as Named]],
};

/** Other names here for the same, where Keras or PyTorch has a name of its own. */
const aliases: Readonly<Record<string, string>> = {
  kldivergence: "kullbackLeiblerDivergence",
  logcosherror: "logCosh",
  orthogonalregularizer: "orthogonal",
  l1l2: "l1l2",
  expit: "sigmoid",
  gammaln: "lgamma",
  psi: "digamma",
  modifiedbesseli0: "i0",
  modifiedbesseli1: "i1",
  getswaavgfn: "getSwaAvgFn",
  getemamultiavgfn: "getEmaAvgFn",
  getswamultiavgfn: "getSwaAvgFn",
};

/** Why something is left out on purpose. */
const reasons: readonly (readonly [names: RegExp, reason: string])[] = [
  [/^NLLLoss2d$/, "its old name: `nn.NLLLoss` takes images"],
  [/^RNN(Base|CellBase)$/, "a base class"],
  [/_with_indices$/, "the option `returnIndices` of the same pooling"],
  [/^upsample(_bilinear|_nearest)?$/, "its old name: `interpolate`"],
  [/^(eig|eigvals)$/, "eigenvalues of any matrix are complex; `eigh` is for symmetric ones"],
  [/^(cholesky|inv|solve|lu_factor|ldl_factor)_ex$/, "no error comes out of a program that runs: NaN says that it failed"],
  [/^i?hfft(2|n)$/, "`hfft` and `fftn` one after the other"],
  [/^SparseAdam$/, "there are no sparse gradients"],
  [/^(DataParallel|Container|SyncBatchNorm)$/, "one process, one device"],
  [/^(TFSMLayer|TorchModuleWrapper|JaxLayer|FlaxLayer|OrbaxCheckpoint)$/, "wraps another Python library"],
  [/^MaxNumBoundingBoxes$/, "changes of images have no bounding boxes"],
  [/^RemoteMonitor$/, "a `callbacks.lambdaCallback` that calls `fetch`"],
  [/^CallbackList$/, "`callbacks` of `fit` is a list"],
  [/^ProgbarLogger$/, "`verbose: 1` of `fit`"],
  [/^OptimizerMap$|^MultiOptimizer$/, "an optimizer binds to any list of parameters"],
];

const pythonKind = (name: string): string => bare(name).replace(/_$/, "");

/** Every name that cases of a library use, with the number of cases. */
function counted(library: "torch" | "keras"): Map<string, number> {
  const counts = new Map<string, number>();
  const namesIn = (value: unknown, found: Set<string>, depth = 0): void => {
    if (typeof value !== "object" || value === null || depth > 4 || "data" in value) return;
    for (const [key, inner] of Object.entries(value)) {
      if (/^(kind|initializer|activation|function|nonlinearity|className|string)$/.test(key) && typeof inner === "string") found.add(pythonKind(inner));
      else namesIn(inner, found, depth + 1);
    }
  };
  for (const file of readdirSync(new URL(`parity/${library}`, import.meta.url)).filter((name) => name.endsWith(".json") && name !== "names.json"))
    for (const c of casesOf<object>(`${library}/${file.slice(0, -5)}`)) {
      const found = new Set<string>();
      namesIn(c, found);
      for (const name of found) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  return counts;
}

function table(): string {
  const parts: string[] = [];
  const summary: string[] = [];
  for (const library of ["torch", "keras"] as const) {
    const counts = counted(library);
    for (const { name: part, names } of casesOf<{ name: string; names: string[] }>(`${library}/names`)) {
      let [here, compared] = [0, 0];
      const rows = names.map((name) => {
        const wanted = pythonKind(aliases[pythonKind(name)] ?? name);
        const place = places[part]!.flatMap(([prefix, known]) => Object.keys(known).filter((key) => bare(key) === wanted && known[key] !== undefined).map((key) => `${prefix}${key}`))
          // Functions first: in Keras' rooms a class and a function may share a name.
          .sort((a, b) => Number(/[.][A-Z]/.test(a)) - Number(/[.][A-Z]/.test(b)))[0];
        const cases = place === undefined ? 0 : (counts.get(pythonKind(name)) ?? counts.get(wanted) ?? 0);
        if (place !== undefined) here++;
        if (cases > 0) compared++;
        const reason = reasons.find(([pattern]) => pattern.test(name))?.[1] ?? "not yet";
        return `| ${name} | ${place === undefined ? `– ${reason}` : `\`${place}\``} | ${place === undefined ? "" : cases} |`;
      });
      summary.push(`| [${part}](#${part.replaceAll(".", "").replaceAll(" ", "-").toLowerCase()}) | ${names.length} | ${here} | ${compared} |`);
      parts.push(`## ${part}\n\n| there | here | stored cases |\n| --- | --- | --- |\n${rows.join("\n")}\n`);
    }
  }
  return `# Parity

What PyTorch 2.13 and Keras 3.15 have, what it is called here, and in how many [stored cases](../tests/parity/README.md) tests hold it to their numbers.
Made from the names of the two libraries and the stored cases: \`npm test -- tests/parity-table -u\` writes this page anew, and tests fail where it is out of date.
What has no case of its own is tested by other means: slopes, formulas, or the cases of what it is made of.

| part | there | here | with stored cases |
| --- | --- | --- | --- |
${summary.join("\n")}

${parts.join("\n")}`;
}

test("docs/parity.md says what is true", async () => {
  await expect(table()).toMatchFileSnapshot("../docs/parity.md");
});
