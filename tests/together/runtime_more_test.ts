/** Runs the tests of the group "runtime_more", which `together.ts` describes. */
import { together } from "../together.ts";

await together("runtime_more");
