/** Searches over NATS: what dies, comes back, lies or comes twice changes nothing that is found. */
import { connect } from "@nats-io/transport-node";
import { DiscardPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../assert.ts";
import { GradusError } from "../../mod.ts";
import {
  localScorer,
  quadratic,
  search,
  searched,
  type SearchOptions,
  type SearchResult,
  type Task,
} from "../../search/mod.ts";
import { natsCheckpoint, natsScorer, serveNats } from "../../search/nats/mod.ts";
import { readEvaluations, readJob } from "../../search/nats/messages.ts";
import { readData } from "../../search/evolve/plain_data.ts";
import { hosts, natsTest, TestServer, TestWorker } from "./nats_server.ts";

const options: SearchOptions = {
  tasks: [quadratic({ size: 16, block: 4, steps: 40, noise: { degrees: 2, scale: 0.3 } })],
  seed: 7,
  budget: { trained: 500 },
  population: 60,
  window: 40,
  hurdle: { share: 0.25, quantile: 0.2 },
  tune: { evaluations: 8, margin: 0.5 },
  restart: { patience: 200, from: "best" },
};

/** All that a result says, as text. */
function told(result: SearchResult): string {
  return JSON.stringify(result, (_, value) => Object.is(value, -Infinity) ? "-inf" : value);
}

/** Runs with a server that ends with it. */
async function withServer(
  run: (server: TestServer) => Promise<void>,
  given: ConstructorParameters<typeof TestServer>[0] = {},
): Promise<void> {
  const server = await new TestServer(given).start();
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

/** Runs with a worker in this process. */
async function withWorker(
  given: Parameters<typeof serveNats>[0],
  run: () => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const serving = serveNats({ workers: 1, ...given, signal: ending.signal });
  try {
    await Promise.race([run(), serving.then(() => Promise.reject(new Error("it has ended")))]);
  } finally {
    ending.abort();
    await serving;
  }
}

await natsTest(
  "a run is the same with workers killed, the server restarted, a link cut, and the search resumed",
  async () => {
    const long = { ...options, budget: { generated: 520 } };
    const alone = told(await searched(long));
    const network = await hosts();
    try {
      await withServer(async (server) => {
        const { servers } = server;
        const workers = [0, 1].map((i) => new TestWorker(servers, network?.names[i]));
        /** What befalls the run after so many windows of births. */
        const faults: Record<number, () => unknown> = {
          2: () => workers[0].end("SIGKILL"),
          4: async () => {
            await server.kill();
            await server.start();
          },
          5: () => workers[0] = new TestWorker(servers, network?.names[0]),
          6: () => network?.cut(network.names[1], true),
          9: () => network?.cut(network.names[1], false),
        };
        let [windows, ends] = [0, 0];
        let result: SearchResult | undefined;
        while (result === undefined) {
          const scorer = await natsScorer({ servers, size: 4 });
          const store = await natsCheckpoint({ servers, run: "faults" });
          const given = { ...long, scorer, checkpoint: { store, every: 2 } };
          for await (const event of search(given)) {
            if (event.type === "done") result = event.result;
            else {
              await faults[++windows]?.();
              delete faults[windows];
              // The search ends without a word, and another one goes on.
              if (windows === 5 + 3 * ends && ends < 2) break;
            }
          }
          if (result === undefined) ends++;
          await store.close();
          await scorer.close();
        }
        assertEquals(ends, 2);
        assert(windows > 9, `it was over after ${windows} windows`);
        assertEquals(told(result), alone);
        assertEquals(await workers[0].end("SIGTERM"), 0);
        await workers[1].end("SIGKILL");
      }, { address: network?.address });
    } finally {
      await network?.close();
    }
  },
);

await natsTest(
  "scores are shared by searches, and of two that go on with a run the one behind is stopped",
  async () => {
    await withServer(async ({ servers }) => {
      const small = { ...options, budget: { trained: 100 } };
      const first = await natsScorer({ servers });
      const connection = await connect({ servers });
      const manager = await jetstreamManager(connection);
      const published = async () => (await manager.streams.info("gradus_jobs")).state.last_seq;
      await withWorker({ servers }, async () => {
        const result = told(await searched({ ...small, scorer: first }));
        await first.close();
        assertEquals(result, told(await searched(small)));
        // Again, only what the search before has asked ahead of its end may be missing.
        const jobs = await published();
        await using scorer = await natsScorer({ servers });
        assertEquals(told(await searched({ ...small, scorer })), result);
        assert(await published() - jobs < jobs / 2, `${await published()} after ${jobs}`);
      });
      await connection.close();

      const [a, b] = await Promise.all([1, 2].map(() => natsCheckpoint({ servers, run: "one" })));
      assertEquals(await a.load(), undefined);
      await a.save("first");
      assertEquals(await b.load(), "first");
      await a.save("second");
      await assertRejects(() => b.save("other"), GradusError, "another search goes on with it");
      await a.save("third");
      assertEquals(await b.load(), "third");
      await b.save("fourth");
      await assertRejects(() => a.save("other"), GradusError, "another search goes on with it");
      await Promise.all([a.close(), b.close()]);
    });
  },
);

const hostile = new URL("./hostile_task.ts", import.meta.url).href;
const task: Task = {
  kind: "module",
  name: "exits",
  url: hostile,
  options: { behaviour: "exits" },
  steps: 10,
  seeds: [1],
};

await natsTest(
  "a program that no worker survives is marked as crashed; modules come from no message",
  async () => {
    await withServer(async ({ servers }) => {
      const given = {
        ...options,
        tasks: [task],
        seed: 1,
        budget: { trained: 1 },
        tune: undefined,
        window: 1,
      };
      const local = localScorer({ workers: 1 });
      const alone = await searched({ ...given, scorer: local });
      await local.close();
      assertEquals(alone.counts.lost, 1);
      const notices: string[] = [];
      const scorer = await natsScorer({ servers, notice: (text) => notices.push(text) });
      const run = searched({ ...given, scorer });
      // It may not have what it needs, and then it must say so.
      const lacking = await assertRejects(() => serveNats({ servers, workers: 1 }), GradusError);
      assertStringIncludes(lacking.message, "it must have the modules of the search's tasks");
      await withWorker({ servers, modules: [hostile] }, async () => {
        assertEquals(told(await run), told(alone));
      });
      assert(notices.some((text) => text.includes("it is scored here, in a process of its own")));
      // What was found out at such cost is kept.
      assertEquals(told(await searched({ ...given, scorer })), told(alone));
      await scorer.close();
    });
  },
);

await natsTest("messages of anybody are no more than messages", async () => {
  await withServer(async ({ servers }) => {
    const small = { ...options, budget: { trained: 60 } };
    const scorer = await natsScorer({ servers });
    const connection = await connect({ servers });
    const js = jetstream(connection);
    const version = "0".repeat(32);
    const jobs = [
      ...["", "{", "null", "[]", "\0\xff", '{"version":1,"programs":[]}', '{"$":"BigInt64Array"}'],
      JSON.stringify({ version: "../../etc", programs: [{}] }),
      JSON.stringify({ version, programs: [{ genome: "import('x')", stop: { below: 0 } }] }),
      JSON.stringify({ version, programs: new Array(5000).fill({}) }),
      ...[{}, { genome: "update = add(g, g)" }, { genome: 5, stop: { below: 0 } }, { trial: "x" }, {
        program: "{}",
        options: 5,
      }].map((program) => JSON.stringify({ version, programs: [program] })),
      "[".repeat(100_000),
      "x".repeat(900_000),
    ];
    for (const job of jobs) {
      assertThrows(
        () => readJob(new TextEncoder().encode(job)).candidates({ tasks: [] }),
        GradusError,
      );
      await js.publish("gradus.jobs", job);
    }
    const scores = (text: string) => () => readEvaluations(new TextEncoder().encode(text), 1, 2);
    assertEquals(scores('[{"score":1,"scores":[1,1]}]')(), [{ score: 1, scores: [1, 1] }]);
    for (
      const text of [
        ...["[]", "{}", "[null]", '[{"score":1,"scores":[1]}]', '[{"score":1,"scores":[1,1,1]}]'],
        ...[
          '[{"score":{"$":"NaN"},"scores":[1,1]}]',
          '[{"score":{"$":"Infinity"},"scores":[1,1]}]',
        ],
        ...['[{"score":1,"scores":["1",1]}]', '[{"score":1,"scores":{"length":2}}]'],
        ...['[{"score":1,"scores":[1,1]},{"score":1,"scores":[1,1]}]', '[{"score":1}]'],
        '[{"score":1,"scores":[1,1],"isLost":"yes"}]',
      ]
    ) assertThrows(scores(text), GradusError, "Cannot read");
    const [{ payload: other }, { payload: none }] = await Promise.all([
      connection.request("gradus.hello", JSON.stringify({ release: "0.0.1" })),
      connection.request("gradus.hello", "hello", { timeout: 300 }).catch(() => ({ data: "" })),
    ].map(async (each) => {
      const { data } = await each;
      return { payload: typeof data === "string" ? data : new TextDecoder().decode(data) };
    }));
    assertStringIncludes(String((readData(other) as { refused: string }).refused), "given `0.0.1`");
    assertEquals(none, "");
    let ids = 0;
    connection.subscribe("gradus.done.*", {
      callback: (_, { subject }) => {
        // Whatever is said of a job that is over.
        if (ids++ < 50) connection.publish(subject, '[{"score":"high"}]');
      },
    });
    await withWorker({ servers }, async () => {
      assertEquals(told(await searched({ ...small, scorer })), told(await searched(small)));
    });
    // A search of another version refuses.
    await scorer.close();
    connection.subscribe("gradus.hello", {
      callback: (_, message) => void message.respond(JSON.stringify({ refused: "it is too old" })),
    });
    await assertRejects(() => serveNats({ servers, workers: 1 }), GradusError, "it is too old");
    await connection.close();
  });
});

await natsTest(
  "what is deleted on the server meanwhile is made again, and full streams are waited for",
  async () => {
    await withServer(async ({ servers }) => {
      const small = { ...options, budget: { generated: 200 } };
      const scorer = await natsScorer({ servers, size: 4 });
      const store = await natsCheckpoint({ servers, run: "deleted" });
      const connection = await connect({ servers });
      const manager = await jetstreamManager(connection);
      const full = (most: number) =>
        manager.streams.update("gradus_jobs", { max_msgs: most, discard: DiscardPolicy.New });
      const faults: Record<number, () => Promise<unknown>> = {
        1: async () => {
          await full(1);
          setTimeout(() => void full(-1), 1000);
        },
        2: () => manager.streams.delete("KV_gradus_runs"),
        3: () => manager.streams.delete("OBJ_gradus_objects"),
        4: () => manager.streams.delete("gradus_jobs"),
      };
      await withWorker({ servers }, async () => {
        let windows = 0;
        for await (const event of search({ ...small, scorer, checkpoint: { store, every: 1 } })) {
          if (event.type === "progress") await faults[++windows]?.();
          else assertEquals(told(event.result), told(await searched(small)));
        }
        assert(windows >= 5, `it was over after ${windows} windows`);
      });
      await Promise.all([store.close(), scorer.close(), connection.close()]);
    });
  },
);

await natsTest("a server asks who one is, and messages do not tell", async () => {
  const args = ["--user", "anna", "--pass", "secret-word"];
  await withServer(async ({ servers }) => {
    {
      await using store = await natsCheckpoint({
        ...{ servers, user: "anna", pass: "secret-word", run: "a" },
      });
      await store.save("text");
    }
    for (const given of [{}, { user: "anna", pass: "wrong-word" }]) {
      const { message } = await assertRejects(
        () => natsScorer({ servers, ...given }),
        GradusError,
        `Cannot connect to the NATS server \`${servers}\`: `,
      );
      assert(!message.includes("wrong-word") && message.includes("NATS_PASSWORD"), message);
    }
    const inside = servers.replace("//", "//anna:secret-word@");
    const { message } = await assertRejects(() => natsScorer({ servers: inside }), GradusError);
    assert(message.includes("without credentials") && !message.includes("secret-word"), message);
    const env = { NATS_USER: "anna", NATS_PASSWORD: "secret-word" };
    const worker = new TestWorker(servers, undefined, env);
    const small = { ...options, budget: { trained: 20 } };
    {
      await using scorer = await natsScorer({ servers, user: "anna", pass: "secret-word" });
      assertEquals(told(await searched({ ...small, scorer })), told(await searched(small)));
    }
    assertEquals(await worker.end("SIGTERM"), 0);
  }, { args });
  await assertRejects(
    () => natsScorer({ servers: "nats://127.0.0.1:9" }),
    GradusError,
    "look whether it runs, such as by `nats-server -js`",
  );
  for (
    const servers of ["", "127.0.0.1:99999", "http://127.0.0.1:9", [
      "nats://127.0.0.1:9",
      "nats://",
    ]]
  ) {
    await assertRejects(
      () => natsScorer({ servers }),
      GradusError,
      "such as nats://host:4222: given ",
    );
  }
  await assertRejects(
    () => natsCheckpoint({ servers: "nats://127.0.0.1:9", run: "a b" }),
    GradusError,
    "`run` must be letters, digits",
  );
});
