import assert from "node:assert/strict";
import { refusal, register, RegistryDatabase } from "../fixtures/registry_database.ts";
import {
  addProvider,
  type Columns,
  federate,
  PROVIDER,
  THUMBPRINT,
} from "../fixtures/federation.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

// Names of providers: [why, refused, its twin that is accepted].
const ISSUERS: readonly (readonly [string, string, string])[] = [
  ["is http", "http://ci.example.com", "https://ci.example.com"],
  ["has no scheme", "ci.example.com", "https://ci.example.com"],
  ["has capitals in its scheme", "HTTPS://ci.example.com", "https://ci.example.com"],
  ["has capitals in its host", "https://CI.example.com", "https://ci.example.com/CI"],
  ["has look-alike letters", "https://ci.ex\u0430mple.com", "https://ci.example.com"],
  ["has a user", "https://me@ci.example.com", "https://ci.example.com/@me"],
  ["has a password", "https://me:x@ci.example.com", "https://ci.example.com/me:x"],
  ["has a fragment", "https://ci.example.com/#x", "https://ci.example.com/x"],
  ["has a query", "https://ci.example.com/?x=1", "https://ci.example.com/x=1"],
  ["has a back-slash", "https://ci.example.com\\evil", "https://ci.example.com/evil"],
  ["has a dot segment", "https://ci.example.com/../x", "https://ci.example.com/..x"],
  ["ends in a dot segment", "https://ci.example.com/.", "https://ci.example.com/.x"],
  ["names the default port", "https://ci.example.com:443", "https://ci.example.com:8443"],
  ["has a host that ends in a dot", "https://ci.example.com.", "https://ci.example.com/"],
  ["has no host", "https:///x", "https://x"],
  ["has white space", "https://ci.example.com/a b", "https://ci.example.com/a%20b"],
  ["is the target's own", "https://ref.supabase.co/auth/v1", "https://ref.supabase.co/auth/v1/ci"],
  ["is the target's own with a slash", "https://x.co/auth/v1/", "https://x.co/v1/"],
  ["is too long", `https://a.io/${"a".repeat(243)}`, `https://a.io/${"a".repeat(242)}`],
];
for (const [why, hostile, twin] of ISSUERS) {
  Deno.test(`jwt_oidc_providers refuses an issuer that ${why}`, async () => {
    await assert.rejects(
      registry.undone((sql) => addProvider(sql, hostile)),
      refusal("23514", /issuer_is_(an_https_url|not_the_target)/),
    );
    await registry.undone((sql) => addProvider(sql, twin));
  });
}

const KEY = { kty: "EC", crv: "P-256", x: "eA", y: "eQ" };
const inline = (...keys: unknown[]): Columns => ({ keys_from: "jwks", jwks: { keys } });
const fetched = (jwks_uri: string): Columns => ({ keys_from: "jwks_uri", jwks_uri });

// Providers' columns: [why, refused, its twin].
const PROVIDERS: readonly (readonly [string, Columns, Columns])[] = [
  ["keys from elsewhere", { keys_from: "token" }, { keys_from: "discovery" }],
  ["a URL that is not used", { jwks_uri: "https://a.io/jwks" }, fetched("https://a.io/jwks")],
  ["no URL", { keys_from: "jwks_uri" }, fetched("https://a.io/jwks?version=1")],
  ["an http URL", fetched("http://a.io/jwks"), fetched("https://a.io/jwks")],
  ["a URL with a password", fetched("https://u:p@a.io/"), fetched("https://a.io/u:p")],
  ["a file's URL", fetched("file:///etc/passwd"), fetched("https://a.io/etc/passwd")],
  ["keys that are not used", { jwks: { keys: [KEY] } }, inline(KEY)],
  ["no keys", { keys_from: "jwks" }, inline(KEY)],
  ["an empty key set", inline(), inline(KEY)],
  ["more than 50 keys", inline(...Array(51).fill(KEY)), inline(...Array(50).fill(KEY))],
  ["a symmetric key", inline({ kty: "oct", k: "eA" }), inline({ ...KEY, kty: "OKP" })],
  ["a secret in a public key", inline({ ...KEY, k: "eA" }), inline({ ...KEY, kid: "k" })],
  ["a private EC key", inline({ ...KEY, d: "eA" }), inline({ ...KEY, use: "sig" })],
  [
    "a private RSA key",
    inline({ kty: "RSA", n: "eA", e: "AQAB", p: "eA" }),
    inline({ kty: "RSA", n: "eA", e: "AQAB" }),
  ],
  ["a key that is no object", inline("x"), inline(KEY)],
  ["a key set that is a list", { keys_from: "jwks", jwks: [KEY] }, inline(KEY)],
  ["HMAC", { algorithms: ["RS256", "HS256"] }, { algorithms: ["RS256", "ES256"] }],
  ["no signature at all", { algorithms: ["none"] }, { algorithms: ["EdDSA"] }],
  ["no algorithm", { algorithms: [] }, { algorithms: ["PS256"] }],
  ["an algorithm that is null", { algorithms: [null] }, { algorithms: ["ES384"] }],
  ["a long description", { description: "x".repeat(1001) }, { description: "x".repeat(1000) }],
];
for (const [why, hostile, twin] of PROVIDERS) {
  Deno.test(`jwt_oidc_providers refuses ${why}`, async () => {
    await assert.rejects(
      registry.undone((sql) => addProvider(sql, PROVIDER, hostile)),
      refusal("23514", /violates check constraint/),
    );
    await registry.undone((sql) => addProvider(sql, PROVIDER, twin));
  });
}

const when = (conditions: unknown): Columns => ({ conditions: conditions as object });
const nested = (depth: number) => `/${Array(depth).fill("a").join("/")}`;

// Rules' columns: [why, refused, its twin].
const RULES: readonly (readonly [string, Columns, Columns])[] = [
  ["a name that no header can have", { name: "naïve" }, { name: "naive" }],
  ["a name with a line break", { name: "a\r\nx" }, { name: "a-x" }],
  ["an empty name", { name: "" }, { name: "0" }],
  ["a long name", { name: "a".repeat(101) }, { name: "a".repeat(100) }],
  ["no audience", { audiences: [] }, { audiences: ["ref"] }],
  ["an empty audience", { audiences: [""] }, { audiences: ["ref"] }],
  ["no conditions", when({}), when({ a: "b" })],
  ["conditions that are a list", when([{ a: "b" }]), when({ a: ["b"] })],
  ["a condition that is null", when({ a: null }), when({ a: false })],
  ["a condition that is empty", when({ a: "" }), when({ a: " " })],
  ["a condition that is an object", when({ a: { b: "c" } }), when({ "/a/b": "c" })],
  ["an empty list", when({ a: [] }), when({ a: ["b"] })],
  ["a list in a list", when({ a: [["b"]] }), when({ a: ["b", 1, true] })],
  ["a null in a list", when({ a: ["b", null] }), when({ a: ["b", "null"] })],
  ["a fraction", when({ a: 1.5 }), when({ a: 1 })],
  ["an integer that a double rounds", when({ a: 9007199254740992 }), when({ a: 9007199254740991 })],
  ["a wildcard for everything", when({ a: "*" }), when({ a: "b*" })],
  ["two wildcards for everything", when({ a: "**" }), when({ a: "b**" })],
  ["a wildcard in the middle", when({ a: "b*c" }), when({ a: "bc*" })],
  ["a wildcard at the beginning", when({ a: "*b" }), when({ a: "b*" })],
  ["a wildcard in the middle and at the end", when({ a: "b*c*" }), when({ a: "bc*" })],
  ["three wildcards", when({ a: "b***" }), when({ a: "b**" })],
  [
    "a wildcard in the middle of a list's member",
    when({ a: ["b", "b*c"] }),
    when({ a: ["b", "bc*"] }),
  ],
  ["a control character", when({ a: "b\n" }), when({ a: "b" })],
  ["a condition on iss", when({ iss: PROVIDER }), when({ issuer: PROVIDER })],
  ["a condition on aud alone", when({ aud: "x" }), when({ azp: "x" })],
  ["a condition on exp", when({ exp: 1, a: "b" }), when({ expiry: 1, a: "b" })],
  ["the prototype", when({ ["__proto__"]: "x" }), when({ proto: "x" })],
  ["the prototype in a path", when({ "/a/__proto__": "x" }), when({ "/a/proto": "x" })],
  ["an empty path", when({ "": "x" }), when({ "a.b/c": "x" })],
  ["a path that is a second spelling", when({ "/a": "x" }), when({ a: "x" })],
  ["a path with an empty part", when({ "/a//b": "x" }), when({ "/a/b": "x" })],
  ["a path with a bare tilde", when({ "/a~/b": "x" }), when({ "/a~0/b": "x" })],
  ["a path with a place", when({ "{a}": "x" }), when({ "(a)": "x" })],
  ["a path of 300 characters", when({ [nested(150)]: "x" }), when({ [nested(100)]: "x" })],
  ["33 conditions", when(members(33)), when(members(32))],
  ["257 values", when({ a: Array(257).fill("b") }), when({ a: Array(256).fill("b") })],
  ["a value of 1025 characters", when({ a: "b".repeat(1025) }), when({ a: "b".repeat(1024) })],
  ["an empty subject", { subject: "" }, { subject: "x" }],
  ["a subject with an open place", { subject: "a:{b" }, { subject: "a:{b}" }],
  ["a subject with a closed place", { subject: "a:b}" }, { subject: "a:{b}" }],
  ["a subject with an empty place", { subject: "a:{}" }, { subject: "a:{b}" }],
  ["a subject with a place in a place", { subject: "{a{b}}" }, { subject: "{a}.{b}" }],
  ["a subject whose places touch", { subject: "{a}{b}" }, { subject: "{a}:{b}" }],
  ["a subject with a wrong path", { subject: "{/a}" }, { subject: "{/a/b}" }],
  ["a subject with a line break", { subject: "a\nb" }, { subject: "a b" }],
  ["a map of sub", { claims: { sub: "x" } }, { claims: { subject: "x" } }],
  ["a map of iss", { claims: { iss: "x" } }, { claims: { issuer: "x" } }],
  ["a map of role", { claims: { role: "x" } }, { claims: { roles: "x" } }],
  ["a map of exp", { claims: { exp: "x" } }, { claims: { expiry: "x" } }],
  ["a map of the mark", { claims: { countersign: "x" } }, { claims: { countersigned: "x" } }],
  ["a map of the prototype", { claims: { ["__proto__"]: "x" } }, { claims: { proto: "x" } }],
  ["a map to no path", { claims: { a: 1 } }, { claims: { a: "1" } }],
  ["33 claims", { claims: members(33) }, { claims: members(32) }],
  ["a role that the issuer does not have", { role: "gadgets_writer" }, { role: "widgets_writer" }],
  ["a role of the platform", { role: "service_role" }, { role: "widgets_writer" }],
  ["a life of years less days", { max_token_lifetime: "1000 years -359999 days" }, {
    max_token_lifetime: "1 day",
  }],
  ["a life of nothing", { max_token_lifetime: "0" }, { max_token_lifetime: "1 second" }],
  ["a mode that is not known", { mode: "off" }, { mode: "observe" }],
];
function members(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, "x"]));
}
for (const [why, hostile, twin] of RULES) {
  Deno.test(`jwt_federation_rules refuses ${why}`, async () => {
    await assert.rejects(
      registry.undone((sql) => federate(sql, hostile)),
      refusal("23514", /violates check constraint|is not among the roles of issuer/),
    );
    await registry.undone((sql) => federate(sql, twin));
  });
}

Deno.test("jwt_federation_rules keeps a rule that names a role which its issuer has lost, and revokes it", async () => {
  await registry.undone(async (sql) => {
    await federate(sql, { role: "widgets_writer" });
    await sql`update jwt_issuers set allowed_roles = '{}' where issuer = 'deployer'`;
    await sql`update jwt_federation_rules set is_active = false where name = 'deploy'`;
  });
});

Deno.test("a name is an issuer's or a provider's, never both", async () => {
  const insertIssuer = "insert into jwt_issuers (issuer) values ('https://ci.example.com')";
  const insertProvider =
    "insert into jwt_oidc_providers (issuer) values ('https://ci.example.com')";
  for (const [first, second] of [[insertIssuer, insertProvider], [insertProvider, insertIssuer]]) {
    await registry.asRequest({ role: "service_role" }, async (sql) => {
      await sql.unsafe(first ?? "");
      await assert.rejects(
        sql.savepoint((sql) => sql.unsafe(second ?? "")),
        refusal("23505", /The name "https:\/\/ci\.example\.com" is an (issuer|OIDC provider)'s/),
      );
      await sql`delete from jwt_issuers where issuer = ${PROVIDER}`;
      await sql`delete from jwt_oidc_providers where issuer = ${PROVIDER}`;
      await sql.unsafe(second ?? "");
    });
  }
});

Deno.test("of an issuer and a provider with one name that are added at the same time, one is refused", async () => {
  const results = await Promise.allSettled([
    registry.owner.begin(async (sql) => {
      await sql`insert into jwt_issuers (issuer) values (${PROVIDER})`;
      await sql`select pg_sleep(0.2)`;
    }),
    registry.superuser.begin(async (sql) => {
      await addProvider(sql);
      await sql`select pg_sleep(0.2)`;
    }),
  ]);
  await registry.owner`delete from jwt_issuers where issuer = ${PROVIDER}`;
  await registry.owner`delete from jwt_oidc_providers where issuer = ${PROVIDER}`;
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("what a rule, a provider and a revoked key are is not changed", async () => {
  await registry.undone(async (sql) => {
    await federate(sql);
    await register(sql, "billing");
    await addProvider(sql, "https://other.example.com");
    await sql`insert into jwt_revoked_provider_keys (provider, kid) values (${PROVIDER}, ${THUMBPRINT})`;
    for (
      const change of [
        "update jwt_oidc_providers set issuer = issuer || '/x'",
        "update jwt_federation_rules set name = 'x'",
        "update jwt_federation_rules set issuer = 'billing'",
        "update jwt_federation_rules set provider = 'https://other.example.com'",
        "update jwt_revoked_provider_keys set provider = 'https://other.example.com'",
        "update jwt_revoked_provider_keys set kid = reverse(kid)",
      ]
    ) {
      await assert.rejects(sql.savepoint((sql) => sql.unsafe(change)), refusal("23514"), change);
    }
    await sql`update jwt_oidc_providers set description = 'x' where issuer = ${PROVIDER}`;
    await sql`update jwt_federation_rules set description = 'x' where name = 'deploy'`;
    await sql`update jwt_revoked_provider_keys set description = 'x' where kid = ${THUMBPRINT}`;
  });
});

Deno.test("jwt_revoked_provider_keys refuses what is no thumbprint", async () => {
  for (const kid of ["", THUMBPRINT.slice(1), `${THUMBPRINT}=`, THUMBPRINT.replace("-", "+")]) {
    await assert.rejects(
      registry.undone(async (sql) => {
        await addProvider(sql);
        await sql`insert into jwt_revoked_provider_keys (provider, kid) values (${PROVIDER}, ${kid})`;
      }),
      refusal("23514", /kid_is_a_thumbprint/),
    );
  }
});

Deno.test("every change of providers, rules and revoked keys is audited, counted and told", async () => {
  const told: string[] = [];
  const listening = await registry.superuser.listen(
    "countersign_registry",
    (payload) => told.push(payload),
  );
  const revision = async () =>
    (await registry.owner`select version from jwt_registry_version`)[0]?.version.split(".")[0];
  const seen = new Set([await revision()]);
  const owner = registry.owner;
  await owner`insert into jwt_issuers (issuer, allowed_roles) values ('deployer', '{widgets_writer}')`;
  for (
    const [change, table, issuer] of [
      [
        "insert into jwt_oidc_providers (issuer) values ('https://ci.example.com')",
        "jwt_oidc_providers",
        PROVIDER,
      ],
      [
        `insert into jwt_federation_rules (name, provider, issuer, audiences, conditions, subject)
        values ('deploy', 'https://ci.example.com', 'deployer', '{ref}', '{"a": "b"}', 'x')`,
        "jwt_federation_rules",
        "deployer",
      ],
      [
        `insert into jwt_revoked_provider_keys (provider, kid) values ('https://ci.example.com', '${THUMBPRINT}')`,
        "jwt_revoked_provider_keys",
        PROVIDER,
      ],
      [
        "update jwt_federation_rules set is_active = false where name = 'deploy'",
        "jwt_federation_rules",
        "deployer",
      ],
      [
        "update jwt_oidc_providers set is_active = false where issuer = 'https://ci.example.com'",
        "jwt_oidc_providers",
        PROVIDER,
      ],
      [
        `delete from jwt_revoked_provider_keys where kid = '${THUMBPRINT}'`,
        "jwt_revoked_provider_keys",
        PROVIDER,
      ],
    ] as const
  ) {
    told.length = 0;
    await owner.unsafe(change);
    const [row] =
      await owner`select table_name, issuer from jwt_registry_audit order by id desc limit 1`;
    assert.deepEqual({ ...row }, { table_name: table, issuer }, change);
    const now = await revision();
    assert(!seen.has(now), change);
    seen.add(now);
    const deadline = Date.now() + 5000;
    while (!told.includes(PROVIDER)) {
      assert(Date.now() < deadline, `Expected to be told of: ${change}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await owner`delete from jwt_oidc_providers where issuer = ${PROVIDER}`;
  assert.deepEqual([...await owner`select name from jwt_federation_rules`], []);
  const cascaded = await owner`
    select table_name, operation from jwt_registry_audit order by id desc limit 2`;
  assert.deepEqual(
    cascaded.map(({ table_name, operation }) => `${operation} ${table_name}`).sort(),
    ["DELETE jwt_federation_rules", "DELETE jwt_oidc_providers"],
  );
  await owner`delete from jwt_issuers where issuer = 'deployer'`;
  await listening.unlisten();
});

for (const table of ["jwt_oidc_providers", "jwt_federation_rules", "jwt_revoked_provider_keys"]) {
  Deno.test(`${table} is not truncated`, async () => {
    await assert.rejects(
      registry.owner.unsafe(`truncate ${table} cascade`),
      refusal("42501", /no account of what was removed/),
    );
  });
}
