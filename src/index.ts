/** Cambium's front door. */
import { offerFiles } from "./data/files.ts";
import { databaseFiles } from "./data/indexeddb.ts";
import { privateFiles } from "./data/opfs.ts";
import { webFiles } from "./data/web.ts";
import { offerEngine } from "./engines/choose.ts";
import { referenceEngine } from "./engines/reference/engine.ts";
import { wasmEngineInPage } from "./engines/wasm/page.ts";

offerEngine({ name: "reference", rank: 0, create: referenceEngine });
offerEngine({ name: "wasm", rank: 10, create: wasmEngineInPage });
offerFiles("indexeddb", databaseFiles);
offerFiles("opfs", privateFiles);
for (const scheme of ["", "http", "https"]) offerFiles(scheme, webFiles);

export { CambiumError } from "./base/error.ts";
export { debug, detectAnomaly } from "./tensor/anomaly.ts";
export { compile } from "./tensor/compile.ts";
export * from "./tensor/create.ts";
export { customGradient, remat } from "./tensor/custom.ts";
export { engine, useEngine } from "./tensor/engine.ts";
export * as fft from "./tensor/fft.ts";
export * from "./tensor/functions.ts";
export { grad, jvp, noGrad, stopGradient, valueAndGrad, vjp } from "./tensor/functional.ts";
export { gradCheck } from "./tensor/gradcheck.ts";
export { hessian, hvp, jacfwd, jacobian, jacrev } from "./tensor/jacobian.ts";
export { bernoulli, beta, gamma, multinomial, normal, permutation, randint, seed, uniform } from "./tensor/random.ts";
export { maskedSelect, nonZero, type Unique, unique } from "./tensor/selection.ts";
export { cond, whileLoop } from "./tensor/branch.ts";
export { type ScanOptions, scan, type Tree } from "./tensor/scan.ts";
export * as linalg from "./tensor/linalg.ts";
export { Tensor } from "./tensor/tensor.ts";
export { vmap } from "./tensor/vmap.ts";
export { functionalCall, parametersOf } from "./module/call.ts";

export * as initializers from "./nn/initializers.ts";
export * as layers from "./layers/index.ts";
export * as losses from "./losses/index.ts";
export * as metrics from "./metrics/index.ts";
export * as nn from "./nn/index.ts";
export * as optim from "./optim/index.ts";
export { activations } from "./layers/activations.ts";
export { datasets } from "./data/datasets.ts";
export { optimizers } from "./optim/keras.ts";
export { regularizers } from "./layers/regularizers.ts";
export { constraints } from "./layers/constraints.ts";
export * from "./models/index.ts";
export * from "./train/index.ts";
export { serve, type ServeOptions } from "./worker/serve.ts";
