/**
 * What `gpu.ts` runs in a process of its own: whole training steps on WebGPU by Gradus and by tfjs, whose losses must
 * be those of the processor: `training.ts seconds [small]`.
 */
import { compete } from "../training/compete.ts";
import { gradusOn } from "../training/gradus.ts";
import { characterGpt, cnn, gpt, mlp } from "../training/networks.ts";
import { tfjsOn } from "../training/tfjs.ts";
import { tell } from "./device.ts";

const seconds = Number(Deno.args[0]);
/** What a software device trains in seconds too. */
const SMALL = [
  mlp,
  () => cnn({ batch: 4, channels: [4, 8] }),
  () =>
    gpt("character GPT, 1 layer of 32, batch 2 x 16", {
      ...{ batch: 2, length: 16, vocabulary: 96, width: 32, heads: 2, layers: 1 },
    }),
];
for (const make of Deno.args[1] === "small" ? SMALL : [mlp, cnn, characterGpt]) {
  const network = make();
  try {
    const trainers = [gradusOn("wasm", 1), gradusOn("webgpu", 1), tfjsOn("webgpu")];
    const budget = { seconds, sampleMilliseconds: 20, warmMilliseconds: 100, leastRounds: 3 };
    tell(await compete(network, trainers, budget));
  } catch (error) {
    tell({
      cells: [],
      gaps: [{ network: network.name, contestant: "all", reason: String(error) }],
    });
  }
}
Deno.exit(0);
