/** A worker thread that trains programs. */
import { builtin } from "../../runtime/builtin.ts";
import { type Answer, type Order, serve } from "./serve.ts";

interface Port {
  postMessage(message: Answer): void;
  on(name: "message", listen: (order: Order) => void): void;
}
const scope = globalThis as unknown as {
  postMessage(message: Answer): void;
  onmessage: (event: { readonly data: Order }) => void;
};

const threads = builtin<{ readonly parentPort: Port }>("node:worker_threads");
if (threads === undefined) {
  const receive = serve((answer) => scope.postMessage(answer));
  scope.onmessage = ({ data }) => void receive(data);
} else {
  const { parentPort } = threads;
  const receive = serve((answer) => parentPort.postMessage(answer));
  parentPort.on("message", (order) => void receive(order));
}
