/** Derivatives and functions of many examples against what torch.func computes. */
import { describe, expect, test } from "vitest";
import { functionalCall, grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, nn, optim, type Tensor, vjp, vmap, zeros } from "../src/index.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

type StoredTree = Stored | readonly StoredTree[] | { readonly [name: string]: StoredTree };

interface Case {
  readonly name: string;
  readonly kind: string;
  readonly model?: "mlp" | "cnn";
  readonly state?: Record<string, Stored>;
  readonly tangents?: Record<string, Stored>;
  readonly inputs: readonly Stored[];
  readonly result: StoredTree;
  readonly normType?: number | string;
}

const models = {
  mlp: () => new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 2)),
  cnn: () =>
    new nn.Sequential(
      new nn.Conv2d(2, 4, 3, { padding: 1 }),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(4, 4, 2, { groups: 2 }),
      new nn.GELU(),
      new nn.Flatten(),
      new nn.Linear(16, 3),
    ),
};

type State = Record<string, Tensor>;
const restored = (state: Record<string, Stored> = {}): State => Object.fromEntries(Object.entries(state).map(([path, value]) => [path, restore(value)]));

/** Each tensor of `found` is the stored one in its place. */
function compare(found: unknown, stored: StoredTree, what: string): void {
  if ("shape" in stored && "data" in stored) return expectClose(found as Tensor, stored as Stored, what, 2e-5);
  if (Array.isArray(stored)) expect((found as unknown[]).length, what).toBe(stored.length);
  for (const [key, part] of Object.entries(stored)) compare((found as Record<string, unknown>)[key], part as StoredTree, `${what}.${key}`);
}

function computed({ kind, model, state, tangents, inputs, normType }: Case): unknown {
  const module = model && models[model]();
  const f = (p: State, x: Tensor): Tensor => functionalCall(module!, p, x) as Tensor;
  const p = restored(state);
  const given = inputs.map((x) => restore(x));
  const [x, y] = given as [Tensor, Tensor];
  const loss = (q: State): Tensor => f(q, x).square().sum();
  switch (kind) {
    case "perExample": {
      const criterion = new nn.CrossEntropyLoss();
      const one = (q: State, image: Tensor, label: Tensor): Tensor => criterion.forward(f(q, image.expandDims(0)), label.expandDims(0));
      return vmap(grad(one), { inAxes: [null, 0, 0] })(p, x, y);
    }
    case "ensemble":
      return vmap(vmap(f, { inAxes: [null, 0] }), { inAxes: [0, null] })(p, x);
    case "nested": {
      const inner = vmap((u: Tensor, v: Tensor) => u.softmax(0).matmul(v), { inAxes: [0, null] });
      return vmap(inner, { inAxes: [1, 2], outAxes: 2 })(x, y);
    }
    case "ownKernels": {
      const conv = new nn.Conv2d(2, 4, 3, { stride: 2, padding: 1, bias: false });
      return vmap((image: Tensor, weight: Tensor) => (functionalCall(conv, { weight }, image.expandDims(0)) as Tensor).squeeze(0))(x, y);
    }
    case "jacrev":
      return jacrev(f)(p, x);
    case "jacfwd":
      return jacfwd(f, 1)(p, x);
    case "hessianInput":
      return hessian((v: Tensor) => f(p, v).square().sum())(x);
    case "hessianParameters":
      return hessian(loss)(p);
    case "hvp":
      return hvp(loss, [p], [restored(tangents)])[1][0];
    case "jvp":
      return jvp((q: State) => f(q, x), [p], [restored(tangents)]);
    case "vjp":
      return vjp((q: State) => f(q, x), p)[1](y)[0];
    case "hessians":
      return vmap(hessian((v: Tensor) => f(p, v).square().sum()))(x);
    case "clip": {
      const parameters = given.map((g) => {
        const parameter = zeros(g.shape, { requiresGrad: true });
        parameter.grad = g;
        return parameter;
      });
      return [optim.clipGradNorm(parameters, 0.7, { normType: Number(normType) }), ...parameters.map((q) => q.grad)];
    }
    default:
      throw new Error(`no case is of kind ${kind}`);
  }
}

describe("as torch.func computes it:", () => {
  test.each(casesOf<Case>("torch/func").map((each) => [each.name, each] as const))("%s", (name, each) => compare(computed(each), each.result, name));

  test("jacobian is jacrev's and jacfwd's, whichever way it goes", () => {
    const each = casesOf<Case>("torch/func").find(({ kind }) => kind === "jacfwd")!;
    const f = (p: State, x: Tensor): Tensor => functionalCall(models.mlp(), p, x) as Tensor;
    compare(jacobian(f, 1)(restored(each.state), restore(each.inputs[0]!)), each.result, "jacobian");
  });
});

describe("norms of gradients", () => {
  const parameter = (): Tensor => {
    const p = zeros([2], { requiresGrad: true });
    p.grad = zeros([2]).div(0);
    return p;
  };
  test("say what is wrong with them", () => {
    expect(() => optim.clipGradNorm([parameter()], 1, { errorIfNonfinite: true })).toThrow(/totalNorm: the norm of the gradients is NaN, which no factor brings back[\s\S]*debug.nans/);
    expect(() => optim.clipGradNorm([parameter()], -1)).toThrow(/clipGradNorm: maxNorm is -1; it is a number from 0/);
    expect(() => optim.clipGradValue([parameter()], NaN)).toThrow(/clipGradValue: clipValue is NaN/);
    expect(() => optim.totalNorm([parameter()], { normType: 0 })).toThrow(/normType is 0; it is a number above 0/);
    expect(optim.clipGradNorm([zeros([1], { requiresGrad: true })], 1)).toBeUndefined();
  });
});
