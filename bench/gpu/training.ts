/**
 * What `gpu.ts` runs in a process of its own: whole training steps on WebGPU by Gradus and by tfjs, whose losses must
 * be those of the processor: `training.ts seconds`.
 */
import { compete } from "../training/compete.ts";
import { gradusOn } from "../training/gradus.ts";
import { characterGpt, cnn, mlp } from "../training/networks.ts";
import { tfjsOn } from "../training/tfjs.ts";
import { tell } from "./device.ts";

const seconds = Number(Deno.args[0]);
for (const make of [mlp, cnn, characterGpt]) {
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
