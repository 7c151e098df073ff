import { keyOf, makeToken } from "../fixtures/tokens.ts";
import { parseToken, splitToken } from "./parse.ts";

const token = await makeToken({ key: await keyOf("RS256") });
const segments = splitToken(token);
const largest = await makeToken({
  claims: { list: Array.from({ length: 250 }, (_, id) => ({ id, name: "n" })) },
});

Deno.bench("splitToken() of an RS256 token", () => {
  splitToken(token);
});

Deno.bench("parseToken() of an RS256 token", () => {
  parseToken(segments);
});

Deno.bench(`both, of a token of ${largest.length} characters with 500 members`, () => {
  parseToken(splitToken(largest));
});
