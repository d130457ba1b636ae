/** Sweeps over NATS: `gradus sweep --nats` gives the bytes that it gives here, and trains nothing twice. */
import { main } from "../../cli.ts";
import { serveNats } from "../../search/nats/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { natsTest, TestServer } from "./nats_server.ts";

const SWEEP = `optimizers:
  adamw: { learningRate: { log: [1e-3, 1] }, weightDecay: [0, 0.01] }
  ./mine.yaml: { learningRate: { log: [1e-4, 1e9] } }
tasks: [quadratics]
trials: 12
seeds: 1
steps: 40
`;
const MINE = "name: mine\nhyper: {learningRate: required}\nstep: u = -learningRate*g";

await natsTest(
  "a sweep by workers on a server gives the same bytes, and trains nothing twice",
  async () => {
    const folder = await Deno.makeTempDir();
    const server = await new TestServer().start();
    const ending = new AbortController();
    try {
      await Deno.writeTextFile(`${folder}/sweep.yaml`, SWEEP);
      await Deno.writeTextFile(`${folder}/mine.yaml`, MINE);
      let runs = 0;
      const swept = async (...args: string[]): Promise<string> => {
        const output = `${folder}/${runs++}.json`;
        const errors: string[] = [];
        const command = ["sweep", `${folder}/sweep.yaml`, ...args, "-o", output];
        assertEquals(
          await main(command, () => {}, (line) => errors.push(line)),
          0,
          errors.join("\n"),
        );
        return await Deno.readTextFile(output);
      };
      const here = await swept("--workers", "0");
      assert(
        JSON.parse(here).optimizers.some(({ diverged }: { diverged: number }) => diverged > 0),
      );
      const { servers } = server;
      const serving = serveNats({ servers, workers: 1, signal: ending.signal });
      assertEquals(await swept("--nats", servers), here);
      ending.abort();
      await serving;
      // Nobody works any more, and nobody needs to.
      assertEquals(await swept("--nats", servers, "--checkpoint", `${folder}/kept`), here);
      assertStringIncludes(await Deno.readTextFile(`${folder}/kept`), "trainings of gradus sweep");
      const both: string[] = [];
      const print = (line: string) => void both.push(line);
      const wrong = ["sweep", `${folder}/sweep.yaml`, "--nats", servers, "--workers", "2"];
      assertEquals(await main(wrong, print, print), 2);
      assertStringIncludes(both.join("\n"), "--workers is an option of `gradus worker`");
    } finally {
      ending.abort();
      await server.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
);
