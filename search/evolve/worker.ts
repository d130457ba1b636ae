/** A worker thread that trains programs. */
import { type Answer, type Order, serve } from "./trainer.ts";

interface Port {
  postMessage(message: Answer): void;
  on(name: "message", listen: (order: Order) => void): void;
}
const scope = globalThis as unknown as {
  postMessage?(message: Answer): void;
  onmessage?: (event: { readonly data: Order }) => void;
  process?: { getBuiltinModule?(name: string): { readonly parentPort: Port } | undefined };
};

if (typeof scope.postMessage === "function") {
  const receive = serve((answer) => scope.postMessage!(answer));
  scope.onmessage = ({ data }) => void receive(data);
} else {
  const port = scope.process!.getBuiltinModule!("node:worker_threads")!.parentPort;
  const receive = serve((answer) => port.postMessage(answer));
  port.on("message", (order) => void receive(order));
}
