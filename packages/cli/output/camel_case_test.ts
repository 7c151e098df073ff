import assert from "node:assert/strict";
import { camelCased } from "./camel_case.ts";
import { asType, FLAG, list, object, oneOf, orNull, TEXT } from "./schema.ts";

Deno.test("camelCased() renames members at every depth, and leaves rows, claims and variables alone", () => {
  assert.deepEqual(
    camelCased([{
      is_active: true,
      keys: [{ not_after: null }],
      before: { max_token_lifetime: "1" },
      claims: { user_id: 1 },
      SUPABASE_URL: "x",
    }]),
    [{
      isActive: true,
      keys: [{ notAfter: null }],
      before: { max_token_lifetime: "1" },
      claims: { user_id: 1 },
      SUPABASE_URL: "x",
    }],
  );
  for (const value of [null, 1, "a_b", true]) assert.equal(camelCased(value), value);
});

Deno.test("asType() writes a schema in TypeScript's syntax", () => {
  assert.equal(
    asType(object({ a: TEXT, "b?": list(oneOf("x", "y")), c: orNull(FLAG) })),
    '{\n  a: string;\n  b?: ("x" | "y")[];\n  c: boolean | null;\n}',
  );
});
