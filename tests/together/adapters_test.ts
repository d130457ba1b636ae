/** Runs the tests of the group "adapters", which `together.ts` describes. */
import { together } from "../together.ts";

await together("adapters");
