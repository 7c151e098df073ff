import assert from "node:assert/strict";
import { JwtVerificationError, parseProviderRow } from "../../mod.ts";

const rule = {
  name: "deploy",
  issuer: "deployer",
  audiences: ["https://ref.supabase.co"],
  conditions: { repository_id: "74", run_attempt: 1, protected: true, ref: ["a", "b-*"] },
  subject: "gh:{repository_id}",
  claims: { branch: "ref" },
  role: null,
  max_token_lifetime: 3600,
  mode: "enforce",
  is_active: true,
};
/** What the view gives. */
const row = {
  provider: "https://ci.example.com",
  is_active: true,
  keys_from: "discovery",
  jwks_uri: null,
  jwks: null,
  algorithms: ["RS256", "ES256"],
  allow_private: false,
  rules: [rule],
  revoked_kids: ["r"],
};

Deno.test("parseProviderRow() reads a row of the view", () => {
  assert.deepEqual(parseProviderRow({ ...row, later: 1 }), {
    provider: "https://ci.example.com",
    isActive: true,
    keysFrom: "discovery",
    jwksUri: null,
    jwks: null,
    algorithms: ["RS256", "ES256"],
    allowPrivate: false,
    rules: [{
      name: "deploy",
      issuer: "deployer",
      audiences: ["https://ref.supabase.co"],
      conditions: { repository_id: "74", run_attempt: 1, protected: true, ref: ["a", "b-*"] },
      subject: "gh:{repository_id}",
      claims: { branch: "ref" },
      role: null,
      maxTokenLifetime: 3600,
      mode: "enforce",
      isActive: true,
    }],
    revokedKids: ["r"],
  });
  const inline = parseProviderRow({
    ...row,
    keys_from: "jwks",
    jwks: { keys: [] },
    algorithms: ["HS256", "RS256", "none"],
    rules: [{ ...rule, role: "deploys", mode: "observe", is_active: false }],
  });
  assert.deepEqual([inline.jwks, inline.algorithms], [{ keys: [] }, ["RS256"]]);
  assert.deepEqual(inline.rules[0]?.mode, "observe");
});

Deno.test("parseProviderRow() guesses nothing", () => {
  const wrong: Record<string, unknown[]> = {
    provider: ["", 1, null],
    is_active: ["true", 1, null],
    keys_from: ["", "oct", null],
    jwks_uri: [1, []],
    jwks: ["{}", [], 1],
    algorithms: [null, "RS256", [1]],
    allow_private: [null, "false"],
    rules: [null, {}, [null], ["x"]],
    revoked_kids: [null, "r", [1]],
  };
  const wrongRules: Record<string, unknown[]> = {
    name: ["", null],
    issuer: ["", null],
    audiences: [null, "x", [1]],
    conditions: [null, [], "x", { a: null }, { a: {} }, { a: [null] }, { a: [["x"]] }],
    subject: [null, 1],
    claims: [null, [], { a: 1 }, { a: null }],
    role: [1, []],
    max_token_lifetime: [null, "1 hour", -1, 1.5],
    mode: [null, "on"],
    is_active: [null, "t"],
  };
  const refuses = (broken: object, name: string) =>
    assert.throws(() => parseProviderRow(broken), (error) => {
      assert.ok(error instanceof JwtVerificationError);
      assert.equal(error.reason, "registry_unavailable");
      assert.ok(error.message.includes(name) || name === "rules", error.message);
      return true;
    });
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of [undefined, ...values]) refuses({ ...row, [name]: value }, name);
  }
  for (const [name, values] of Object.entries(wrongRules)) {
    for (const value of [undefined, ...values]) {
      refuses({ ...row, rules: [rule, { ...rule, [name]: value }] }, name);
    }
  }
});
