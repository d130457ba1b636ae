/** In a browser a step has the bits that the interpreter has in Deno, whatever the page is allowed. */
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { chromiumTest } from "./chromium.ts";
import { found } from "./found.ts";
import type { Parts } from "./page.ts";
import { ISOLATED, serve, type SiteOptions } from "./site.ts";
import { type Bits, optimizers, type Size, train, ways } from "./train.ts";

type Result<P extends keyof Parts> = Awaited<ReturnType<Parts[P]>>;

/** A page that runs one of its parts: what came of it, and what it said on the console. */
type Open = <P extends keyof Parts>(
  part: P,
  ...given: Parameters<Parts[P]>
) => Promise<{ readonly value: Result<P>; readonly console: readonly string[] }>;

/** A test in a browser, on a site of its own. */
function browserTest(name: string, options: SiteOptions, run: (open: Open) => Promise<void>): void {
  chromiumTest(name, async (chromium) => {
    await using site = await serve(options);
    await run(async (part, ...given) => {
      const what = encodeURIComponent(JSON.stringify([part, given]));
      const { report, console } = await chromium.visit(`${site.address}#${what}`);
      const { value, error } = JSON.parse(report);
      assertEquals(error, undefined);
      return { value, console };
    });
  });
}

const known = new Map<string, Promise<Bits>>();

/** The bits by the interpreter, which defines what a step means. */
function defined(name: string, size: Size): Promise<Bits> {
  const key = `${name}, ${size}`;
  let bits = known.get(key);
  if (bits === undefined) {
    const opt = optimizers[name].with({ backend: "interpreter" });
    known.set(key, bits = train(opt, "ordinary", size));
  }
  return bits;
}

function assertSame(actual: Bits, expected: Bits, what: string): void {
  assertEquals(Object.keys(actual).sort(), Object.keys(expected).sort(), what);
  for (const [place, text] of Object.entries(expected)) {
    if (actual[place] === text) continue;
    const [a, b] = [atob(actual[place]), atob(text)];
    const at = [...b].findIndex((byte, i) => byte !== a[i]);
    assert(false, `${what}: byte ${at} of ${place} (${a.length} bytes, not ${b.length}) differs`);
  }
}

async function assertDefined(
  results: Readonly<Record<string, Bits>>,
  size: Size,
  names: readonly string[] = Object.keys(optimizers),
): Promise<void> {
  assertEquals(Object.keys(results).length, 2 * names.length);
  for (const name of names) {
    for (const way of ways) {
      const what = `${name}, ${way}`;
      assertSame(results[what], await defined(name, size), what);
    }
  }
}

Deno.test("what is compared has as many bits as it should, and no step is like another", async () => {
  const all = await Promise.all(Object.keys(optimizers).map((name) => defined(name, "small")));
  assertEquals(all.map((bits) => Object.keys(bits).length), [6, 9, 9]);
  assertEquals(new Set(all.map((bits) => bits["params/weight/data"])).size, 3);
  assertEquals(atob(all[0]["params/weight/data"]).length, 4 * 43 * 300);
});

browserTest("a page steps with the bits that the interpreter defines", {}, async (open) => {
  const { value, console } = await open("all", "small");
  await assertDefined(value.bits, "small");
  assertEquals(value.allows, { wasm: true, code: true });
  assertEquals(console, []);
});

browserTest("memory that is not shared never moves under arrays", {}, async (open) => {
  const { value } = await open("placed");
  assert(value.memories > 1, `${value.memories} memories: too little was placed to tell`);
  assertEquals({ ...value, memories: 0 }, {
    memories: 0,
    detached: 0,
    lengths: [1 << 18],
    wrong: 0,
  });
});

browserTest("memory that is shared grows under arrays", { headers: ISOLATED }, async (open) => {
  const { value } = await open("placed");
  assertEquals(value, { memories: 1, detached: 0, lengths: [1 << 18], wrong: 0 });
});

browserTest("a memory that is full of arrays has room to step them", {}, async (open) => {
  const { value } = await open("brim");
  const expected = Math.fround(1 - Math.fround(0.01) * Math.fround(1 + Math.fround(0.1)));
  assertEquals(value.map((each) => Math.abs(each - expected) < 1e-6), [true, true, true]);
});

for (const isMinified of [false, true]) {
  const page = `an isolated page${isMinified ? " whose script is minified" : ""}`;
  const options = { headers: ISOLATED, isMinified };
  browserTest(`in ${page}, threads take part and change no bit`, options, async (open) => {
    // A script that is minified has the same kernels.
    for (const name of isMinified ? ["clip and adamw"] : Object.keys(optimizers)) {
      // Each on a page of its own, whose threads are new.
      const { value, console } = await open("threaded", name);
      assertEquals([value.isIsolated, value.isThreaded], [true, true]);
      for (const bits of [value.first, value.last]) {
        assertSame(bits, await defined(name, "large"), name);
      }
      assertEquals(console, []);
    }
  });
}

browserTest(
  "an isolated page steps with as many threads as it has cores",
  { headers: ISOLATED },
  async (open) => {
    const { value, console } = await open("all", "large");
    await assertDefined(value.bits, "large");
    assertEquals(value.allows, { wasm: true, code: true });
    assertEquals(console, []);
  },
);

function under(policy: string, headers: Readonly<Record<string, string>> = {}): SiteOptions {
  return { headers: { ...headers, "content-security-policy": policy } };
}

const ALONE = "warning: gradus: worker threads are not allowed here; steps run on one thread";

browserTest(
  "a page that allows neither code from text nor WebAssembly steps, and says so once",
  under("script-src 'self'"),
  async (open) => {
    const { value, console } = await open("all", "small");
    await assertDefined(value.bits, "small");
    assertEquals(value.allows, { wasm: false, code: false });
    assertEquals(console, [
      "warning: gradus: WebAssembly SIMD is not allowed here; steps run in JavaScript",
    ]);
  },
);

browserTest(
  "a page that allows WebAssembly alone steps with it",
  under("script-src 'self' 'wasm-unsafe-eval'"),
  async (open) => {
    const { value, console } = await open("all", "small");
    await assertDefined(value.bits, "small");
    assertEquals(value.allows, { wasm: true, code: false });
    assertEquals(console, []);
  },
);

browserTest(
  "an isolated page that allows WebAssembly and workers from blobs steps with threads",
  under("script-src 'self' 'wasm-unsafe-eval'; worker-src blob:", ISOLATED),
  async (open) => {
    const { value, console } = await open("threaded", "adamw");
    assertEquals([value.isIsolated, value.isThreaded], [true, true]);
    assertSame(value.last, await defined("adamw", "large"), "adamw");
    assertEquals(console, []);
  },
);

for (
  const [what, policy] of [
    ["no workers from blobs", "script-src 'self' 'wasm-unsafe-eval'"],
    ["scripts that are trusted alone", "require-trusted-types-for 'script'"],
  ]
) {
  browserTest(
    `an isolated page that allows ${what} steps on one thread, and says so once`,
    under(policy, ISOLATED),
    async (open) => {
      const names = ["clip and adamw"];
      const { value, console } = await open("all", "large", { names, threads: 3 });
      await assertDefined(value.bits, "large", names);
      assertEquals(value.allows, { wasm: true, code: false });
      assertEquals(console, [ALONE]);
    },
  );
}

browserTest("a search in a page finds what it finds in Deno", {}, async (open) => {
  const { value, console } = await open("found", 0);
  assertEquals(value, await found(0));
  assertEquals(console, []);
  // The bundle is one script, without that of the workers.
  const { value: refusal } = await open("found", 1);
  assertStringIncludes(
    refusal,
    "GradusError: Cannot train programs: a worker died: its script cannot be loaded from http",
  );
});

browserTest(
  "a page keeps checkpoints in its private file system, the last whole one",
  {},
  async (open) => {
    const { value, console } = await open("kept");
    assertEquals(value, {
      counts: [1, 2, 2],
      isSame: true,
      refused:
        "Cannot write the checkpoint `run.safetensors`: the GPU is lost; a checkpoint that was there " +
        "is as it was",
    });
    assertEquals(console, []);
  },
);
