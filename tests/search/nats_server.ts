/** A NATS server of a test's own, workers beside it, and hosts of their own where the machine has them. */

const root = new URL("../../", import.meta.url);

/** Whether a program is here. */
export async function has(program: string, ...args: string[]): Promise<boolean> {
  try {
    const output = { stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program, { args, ...output }).output()).success;
  } catch {
    return false;
  }
}

/** Registers a test that needs `nats-server`: under CI it must be here. */
export async function natsTest(name: string, fn: () => Promise<void>): Promise<void> {
  const isHere = await has("nats-server", "--version") || Deno.env.has("CI");
  if (!isHere) console.warn(`left out, for want of nats-server: ${name}`);
  Deno.test({ name, ignore: !isHere, fn });
}

/** A network of two hosts beside this one, or undefined where this machine cannot have them. */
export async function hosts(): Promise<Hosts | undefined> {
  const made = new Hosts();
  if (await made.make()) return made;
  await made.close();
  console.warn("hosts of their own were left out: network namespaces cannot be made here");
  return undefined;
}

/** Network namespaces on a bridge: each has an address and a link that can be cut. */
class Hosts {
  readonly #number = 1 + Deno.pid % 200;
  readonly #tag = `gr${Deno.pid % 100_000}`;
  readonly names: readonly string[] = ["a", "b"].map((letter) => `${this.#tag}${letter}`);
  /** The address of this host. */
  readonly address: string = `10.213.${this.#number}.1`;

  async make(): Promise<boolean> {
    const steps = [
      `link add ${this.#tag} type bridge`,
      `addr add ${this.address}/24 dev ${this.#tag}`,
      `link set ${this.#tag} up`,
      ...this.names.flatMap((name, i) => [
        `netns add ${name}`,
        `link add ${name} type veth peer name eth0 netns ${name}`,
        `link set ${name} master ${this.#tag} up`,
        `-n ${name} addr add 10.213.${this.#number}.${i + 2}/24 dev eth0`,
        `-n ${name} link set eth0 up`,
        `-n ${name} link set lo up`,
      ]),
    ];
    for (const step of steps) if (!await has("ip", ...step.split(" "))) return false;
    return true;
  }

  /** Cuts the link of a host, or mends it. */
  async cut(name: string, isCut: boolean): Promise<void> {
    await has("ip", "link", "set", name, isCut ? "down" : "up");
  }

  async close(): Promise<void> {
    for (const name of this.names) {
      await has("ip", "link", "del", name);
      await has("ip", "netns", "del", name);
    }
    await has("ip", "link", "del", this.#tag);
  }
}

/** A server that can be killed and started again with what it has on disk. */
export class TestServer {
  readonly #folder = Deno.makeTempDirSync();
  readonly #args: readonly string[];
  readonly servers: string;
  #child: Deno.ChildProcess | undefined;

  constructor({ address = "127.0.0.1", args = [] as readonly string[] } = {}) {
    const listener = Deno.listen({ hostname: address, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    this.servers = `nats://${address}:${port}`;
    this.#args = ["-a", address, "-p", String(port), "-js", "-sd", this.#folder, ...args];
  }

  async start(): Promise<this> {
    this.#child = new Deno.Command("nats-server", {
      args: [...this.#args],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const { hostname, port } = new URL(this.servers.replace("nats:", "http:"));
    for (;;) {
      try {
        (await Deno.connect({ hostname, port: Number(port) })).close();
        return this;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
  }

  async close(): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A worker in a process of its own, on a host of its own if it is named. */
export class TestWorker {
  readonly #child: Deno.ChildProcess;

  constructor(servers: string, host?: string, env: Record<string, string> = {}) {
    const command = [
      ...[Deno.execPath(), "run", "-A", "--no-check", "--cached-only"],
      ...[new URL("cli.ts", root).href, "worker", "--nats", servers, "--workers", "1"],
    ];
    const [first, ...args] = host === undefined
      ? command
      : ["ip", "netns", "exec", host, ...command];
    this.#child = new Deno.Command(first, { args, env, stdout: "null", stderr: "inherit" }).spawn();
  }

  /** Ends it by a signal; gives its exit code. */
  async end(signal: Deno.Signal): Promise<number> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
    return (await this.#child.status).code;
  }
}
