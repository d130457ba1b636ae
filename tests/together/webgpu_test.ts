/** Runs the tests of the group "webgpu", which `together.ts` describes. */
import { together } from "../together.ts";

await together("webgpu");
