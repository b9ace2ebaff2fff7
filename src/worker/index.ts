/** The door for pages whose model lives in a worker: small, since nothing in it computes. The worker's side, `serve`, is in `cambium`. */
export { Client, type ClientFitOptions, connect } from "./client.ts";
export type { Given, Numbers, Outcome, Progress, Sendable, Sent, SentFitOptions, Service } from "./protocol.ts";
