/** Where messages to another thread go: a browser's worker or port, or Node's. */
export interface Port {
  postMessage(message: any, transfer?: any[]): void;
  addEventListener?(type: string, listener: (event: any) => void): void;
  removeEventListener?(type: string, listener: (event: any) => void): void;
  /** Node's way to listen. */
  on?(type: string, listener: (given: any) => void): unknown;
  off?(type: string, listener: (given: any) => void): unknown;
  start?(): void;
  terminate?(): unknown;
  close?(): void;
}

/** Calls `f` with what arrives; returns how to stop listening. */
export function listen(port: Port, type: string, f: (given: any) => void): () => void {
  if (port.on) {
    port.on(type, f);
    return () => void port.off?.(type, f);
  }
  const heard = type === "message" ? ({ data }: { data: unknown }) => f(data) : f;
  port.addEventListener!(type, heard);
  port.start?.();
  return () => port.removeEventListener?.(type, heard);
}
