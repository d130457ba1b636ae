/** The main module of a process around one worker thread: it watches how much memory that takes. */
import { frame, unframed } from "./frames.ts";
import type { Told } from "./process.ts";
import type { Order } from "./serve.ts";
import { startThread } from "./thread.ts";

interface Process {
  readonly argv: readonly string[];
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: { write(bytes: Uint8Array, done?: () => void): void };
  memoryUsage(): { readonly rss: number };
  exit(code: number): never;
}
const { process } = globalThis as unknown as { readonly process: Process };

const tell = (told: Told, done?: () => void) => process.stdout.write(frame(told), done);
const die = (reason: string) => tell({ died: reason }, () => process.exit(1));

const megabytes = Number(process.argv[2]);
setInterval(() => {
  if (process.memoryUsage().rss > megabytes * 2 ** 20) die(`it took more than ${megabytes} MB`);
}, 50);

try {
  // What tasks print must not come between the answers.
  const thread = await startThread("console.log = console.info = console.debug = console.error;");
  tell({ ready: true });
  for await (const order of unframed<Order>(process.stdin)) tell(await thread.order(order));
  process.exit(0);
} catch (error) {
  die((error as Error).message);
}
