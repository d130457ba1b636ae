/** Runs the tests of the group "runtime", which `together.ts` describes. */
import { together } from "../together.ts";

await together("runtime");
