/** A bundle holds what it uses: one optimizer does not bring the others along. */
import * as gradus from "../mod.ts";
import { assert, assertEquals } from "./assert.ts";

/** What a bundle may weigh, minified and by gzip, in bytes. */
const CEILINGS = { lion: 95_000, all: 144_500 };

const root = new URL("../", import.meta.url);

/** Bundles what `text` exports of the main entry; hands out the file, which is removed afterwards. */
async function bundled(text: string, use: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const [entry, file] = [`${folder}/entry.ts`, `${folder}/bundle.js`];
    await Deno.writeTextFile(entry, `${text} from "${new URL("mod.ts", root)}";`);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--platform=browser", "--minify", `--output=${file}`, entry],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    await use(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function assertWeight(file: string, most: number): Promise<void> {
  const packed = (await Deno.open(file)).readable.pipeThrough(new CompressionStream("gzip"));
  const { byteLength } = await new Response(packed).arrayBuffer();
  assert(byteLength <= most, `it weighs ${byteLength} bytes: at most ${most} are allowed`);
}

Deno.test("a bundle of Lion steps by WebAssembly, and has no other family in it", async () => {
  await bundled("export { lion }", async (file) => {
    await assertWeight(file, CEILINGS.lion);
    const text = await Deno.readTextFile(file);
    const others = Object.entries(gradus).flatMap(([name, value]) =>
      typeof value === "function" && "program" in value
        ? [[name, (value.program as gradus.Program).doc]]
        : []
    ).filter(([, doc]) => text.includes(JSON.stringify(doc)));
    assertEquals(others.map(([name]) => name), ["lion", "refinedLion", "smoothLion"]);

    const { lion }: Pick<typeof gradus, "lion"> = await import(`file://${file}`);
    const opt = lion({ learningRate: 0.25, weightDecay: 0 });
    const params = { w: Float32Array.of(1, -1, 0) };
    const gradients = { w: Float32Array.of(2, -3, 0) };
    const instance = WebAssembly.Instance;
    let instances = 0;
    WebAssembly.Instance = new Proxy(instance, {
      construct: (target, given, made) => (instances++, Reflect.construct(target, given, made)),
    });
    try {
      const state = opt.init(params);
      opt.step(params, gradients, state);
      assertEquals(params.w, Float32Array.of(0.75, -0.75, 0));
      assertEquals(opt.update(gradients, state, params)[0].w, Float32Array.of(-0.25, 0.25, 0));
    } finally {
      WebAssembly.Instance = instance;
    }
    assert(instances > 0, "nothing ran as WebAssembly");
  });
});

Deno.test("a bundle of the main entry is no heavier than it may be", async () => {
  await bundled("export *", (file) => assertWeight(file, CEILINGS.all));
});
