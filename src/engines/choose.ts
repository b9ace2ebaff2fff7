import { CambiumError } from "../base/error.ts";
import { nearest } from "../base/text.ts";
import type { Engine } from "./engine.ts";

/** An engine that may or may not work here. */
export interface Offer {
  readonly name: string;
  /** Of the engines that work, the one with the highest rank is chosen. */
  readonly rank: number;
  /** The engine, or a sentence that says why it does not work here and how it would. */
  readonly create: () => Engine | string;
}

const offers = new Map<string, Offer>();

/** Makes an engine known. The door for a platform calls this for each engine the platform can have. */
export const offerEngine = (offer: Offer): void => void offers.set(offer.name, offer);

export const engineNames = (): string[] => [...offers.values()].sort((a, b) => b.rank - a.rank).map(({ name }) => name);

/** Why each better engine was passed over. */
export interface Choice {
  readonly engine: Engine;
  readonly passedOver: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * The engine called `name`, or the best that works here.
 * @throws a `name` error when there is no such engine, an `engine` error when it does not work here
 */
export function chooseEngine(name?: string): Choice {
  if (name !== undefined) {
    const offer = offers.get(name);
    if (!offer) throw new CambiumError("name", "useEngine", `there is no engine "${name}"; there are ${engineNames().join(", ")}`, hint(name));
    const engine = offer.create();
    if (typeof engine === "string") throw new CambiumError("engine", "useEngine", `the ${name} engine does not work here: ${engine}`);
    return { engine, passedOver: [] };
  }
  const passedOver: { name: string; reason: string }[] = [];
  for (const offer of engineNames().map((n) => offers.get(n)!)) {
    const engine = offer.create();
    if (typeof engine !== "string") return { engine, passedOver };
    passedOver.push({ name: offer.name, reason: engine });
  }
  throw new CambiumError("engine", "engine", `no engine works here${passedOver.map(({ name, reason }) => `; ${name}: ${reason}`).join("")}`);
}

const hint = (name: string): string | undefined => {
  const near = nearest(name, engineNames());
  return near === undefined ? undefined : `did you mean "${near}"?`;
};
