/** Providers that are down, slow, huge or lying, on real HTTPS servers. None ever harms another. */
import assert from "node:assert/strict";
import { FOR_ANOTHER_HOST } from "@countersign/fixture";
import {
  httpAnswer,
  makeProvider,
  makeRule,
  startTlsServer,
  type TlsServer,
  trustingFetch,
  type WireAnswer,
} from "@countersign/fixture/federation";
import { AUDIENCE, isRefusal, makeRecord } from "../fixtures/tokens.ts";
import {
  memoryKeySource,
  type ProviderRecord,
  remoteProviderKeys,
  verifyMultiIssuerJwt,
} from "../mod.ts";

const CLAIMS = { aud: AUDIENCE, repository_id: "74" };
const deployer = await makeRecord({ issuer: "deployer" });

/** Two providers side by side: one that is as the test wants it, and an honest one. */
async function scene(answer: (path: string, server: TlsServer) => WireAnswer, certificate = {}) {
  const server: TlsServer = startTlsServer(
    (path) => answer(path, server),
    "key" in certificate ? FOR_ANOTHER_HOST : undefined,
  );
  const honest = startTlsServer((path) =>
    httpAnswer(JSON.stringify(
      path === "/jwks"
        ? { keys: [good.jwk] }
        : { issuer: honest.origin, jwks_uri: `${honest.origin}/jwks` },
    ))
  );
  const record: Partial<ProviderRecord> = {
    keysFrom: "discovery",
    jwks: null,
    allowPrivate: true,
    rules: [makeRule()],
  };
  const tested = await makeProvider(server.origin, { claims: CLAIMS, record });
  const good = await makeProvider(honest.origin, {
    claims: CLAIMS,
    record: { ...record, rules: [makeRule({ name: "honest" })] },
  });
  const world = {
    ahead: 0,
    server,
    tested,
    changes: {} as Partial<ProviderRecord>,
    verify: (token: string) => {
      const providers = [{ ...tested.record, ...world.changes }, good.record];
      return verifyMultiIssuerJwt(token, {
        keySource: memoryKeySource([deployer], { providers }),
        providerKeys,
        now: () => Date.now() + world.ahead,
      });
    },
    async assertUnavailable(token = tested.forge.token()) {
      const refused = world.verify(token);
      const accepted = world.verify(good.forge.token());
      await assert.rejects(refused, (error) => isRefusal(error, "provider_unavailable"));
      assert.equal((await accepted).rule, "honest");
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await honest[Symbol.asyncDispose]();
    },
  };
  const providerKeys = remoteProviderKeys({
    fetch: trustingFetch,
    now: () => Date.now() + world.ahead,
  });
  return world;
}

/** A discovery document, and `keys` behind it. */
function serving(keys: (server: TlsServer) => WireAnswer) {
  return (path: string, server: TlsServer): WireAnswer =>
    path === "/jwks" ? keys(server) : httpAnswer(
      JSON.stringify({ issuer: server.origin, jwks_uri: `${server.origin}/jwks` }),
    );
}

const padded = (bytes: number) => httpAnswer(JSON.stringify({ keys: [], pad: "x".repeat(bytes) }));

async function* endless(): AsyncGenerator<string> {
  yield "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
  for (;;) {
    yield " ".repeat(16_384);
    await Promise.resolve();
  }
}

async function* stalled(begin: string): AsyncGenerator<string> {
  yield begin;
  await new Promise((resolve) => setTimeout(resolve, 4_000));
}

async function gzipOf(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const bomb = await gzipOf(JSON.stringify({ keys: [], pad: "x".repeat(10_000_000) }));

const HOSTILE: Readonly<Record<string, (path: string, server: TlsServer) => WireAnswer>> = {
  "answers 500": () => httpAnswer("{}", {}, "500 Internal Server Error"),
  "answers 404": () => httpAnswer("{}", {}, "404 Not Found"),
  "hangs up": () => "",
  "talks no HTTP": () => "SSH-2.0-OpenSSH_9.6\r\n",
  "never answers": () => stalled(""),
  "stalls in the middle of its body": () =>
    stalled('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"keys":'),
  "says that its body is longer than it is": () => httpAnswer("{}", { "content-length": "100" }),
  "says that its body is shorter than it is": serving(() =>
    httpAnswer('{"keys":[]}', { "content-length": "5" })
  ),
  "says that its body is huge": () => httpAnswer("{}", { "content-length": "99999999999" }),
  "has a body of more than 64 KiB": serving(() => padded(65_536)),
  "never ends its body": serving(() => endless()),
  "unpacks to ten megabytes": serving(() => httpAnswer(bomb, { "content-encoding": "gzip" })),
  "is a page of HTML": () => httpAnswer("<!doctype html>", { "content-type": "application/json" }),
  "names another issuer": (_, { origin }) =>
    httpAnswer(JSON.stringify({ issuer: `${origin}/`, jwks_uri: `${origin}/jwks` })),
  "names no issuer": (_, { origin }) => httpAnswer(JSON.stringify({ jwks_uri: `${origin}/jwks` })),
  "names no keys": (_, { origin }) => httpAnswer(JSON.stringify({ issuer: origin })),
  "names keys without TLS": (_, { origin }) =>
    httpAnswer(JSON.stringify({ issuer: origin, jwks_uri: origin.replace("https", "http") })),
  "names keys in a file": (_, { origin }) =>
    httpAnswer(JSON.stringify({ issuer: origin, jwks_uri: "file:///etc/passwd" })),
  "names its issuer twice": (_, { origin }) =>
    httpAnswer(`{"issuer":"x","issuer":"${origin}","jwks_uri":"${origin}/jwks"}`),
  "has an array for a key set": serving(() => httpAnswer("[]")),
  "has no keys in its key set": serving(() => httpAnswer("{}")),
  "has a key set of 51 keys": serving(() =>
    httpAnswer(JSON.stringify({ keys: Array(51).fill({ kty: "oct" }) }))
  ),
};

for (const [name, answer] of Object.entries(HOSTILE)) {
  Deno.test(`a provider that ${name} is unavailable, and no other is`, async () => {
    await using world = await scene(answer);
    const start = performance.now();
    await world.assertUnavailable();
    const took = performance.now() - start;
    assert.ok(took < 6_000, `${took} ms`);
    world.server.answer = (path) =>
      serving(() => httpAnswer(JSON.stringify({ keys: [world.tested.jwk] })))(path, world.server);
    world.ahead += 30_000;
    assert.equal(
      (await world.verify(world.tested.forge.token({ claims: soon(world) }))).rule,
      "deploy",
    );
  });
}

/** Times that hold on a clock that was put forward. */
function soon({ ahead }: { ahead: number }) {
  const iat = Math.floor((Date.now() + ahead) / 1000);
  return { iat, exp: iat + 60 };
}

Deno.test("a provider that redirects is not followed, wherever to", async () => {
  await using elsewhere = startTlsServer(() => httpAnswer("{}"));
  for (const status of ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"]) {
    await using world = await scene(() => httpAnswer("", { location: elsewhere.origin }, status));
    await world.assertUnavailable();
    await using later = await scene(
      serving(() => httpAnswer("", { location: `${elsewhere.origin}/jwks` }, status)),
    );
    await later.assertUnavailable();
  }
  assert.deepEqual(elsewhere.asked, []);
});

Deno.test("a server without the name's certificate gets no request, which is what stops rebinding", async () => {
  await using world = await scene(() => httpAnswer("{}"), FOR_ANOTHER_HOST);
  await world.assertUnavailable();
  assert.ok(world.server.connections > 0);
  assert.deepEqual(world.server.asked, []);
});

Deno.test("a private address is asked only where the row allows it, discovery and keys alike", async () => {
  await using world = await scene(serving(() => httpAnswer('{"keys":[]}')));
  world.changes = { allowPrivate: false };
  await world.assertUnavailable();
  assert.equal(world.server.connections, 0);
  world.changes = {
    allowPrivate: false,
    keysFrom: "jwks_uri",
    jwksUri: world.server.origin.replace("localhost", "127.0.0.1"),
  };
  await world.assertUnavailable();
  assert.equal(world.server.connections, 0);
});

Deno.test("a provider may call its key set what it likes, and compress it", async () => {
  const keys = (world: { tested: { jwk: object } }) => JSON.stringify({ keys: [world.tested.jwk] });
  await using plain = await scene(
    serving(() => httpAnswer(keys(plain), { "content-type": "text/html" })),
  );
  assert.equal((await plain.verify(plain.tested.forge.token())).rule, "deploy");
  let packed = new Uint8Array();
  await using small = await scene(
    serving(() => httpAnswer(packed, { "content-encoding": "gzip" })),
  );
  packed = Uint8Array.from(await gzipOf(keys(small)));
  assert.equal((await small.verify(small.tested.forge.token())).rule, "deploy");
});

Deno.test("a bad key in a provider's set verifies nothing, and takes no good one with it", async () => {
  const weak = await makeProvider("https://weak.example", { algorithm: "ES256" });
  await using world = await scene(serving(() =>
    httpAnswer(JSON.stringify({
      keys: [
        { kty: "oct", k: "c2VjcmV0", kid: "shared", alg: "RS256" },
        { ...world.tested.jwk, n: String(world.tested.jwk["n"]).slice(0, 171), kid: "short" },
        { ...weak.jwk, kid: "twice" },
        { ...world.tested.jwk, kid: "twice" },
        world.tested.jwk,
      ],
    }))
  ));
  assert.equal((await world.verify(world.tested.forge.token())).rule, "deploy");
  for (const kid of ["shared", "short", "twice"]) {
    const token = world.tested.forge.token({ header: { kid } });
    await assert.rejects(world.verify(token), (error) => isRefusal(error, "unknown_key"), kid);
  }
});

Deno.test("keys that rotate in the middle of a flood are fetched once more, and serve everyone", async () => {
  const next = await makeProvider("https://next.example");
  let keys: object[] = [];
  await using world = await scene(serving(() => httpAnswer(JSON.stringify({ keys }))));
  keys = [world.tested.jwk];
  const old = () => world.tested.forge.token({ claims: soon(world) });
  const fresh = () =>
    next.forge.token({ claims: { ...CLAIMS, ...soon(world), iss: world.server.origin } });
  const junk = (index: number) => world.tested.forge.token({ header: { kid: `junk-${index}` } });
  await Promise.all(Array.from({ length: 50 }, () => world.verify(old())));
  assert.equal(world.server.asked.length, 2);

  keys = [world.tested.jwk, next.jwk];
  world.ahead += 30_000;
  const flood = await Promise.allSettled(
    Array.from(
      { length: 150 },
      (_, index) => world.verify(index % 3 === 0 ? junk(index) : index % 3 === 1 ? old() : fresh()),
    ),
  );
  for (const [index, { status }] of flood.entries()) {
    assert.equal(status, index % 3 === 0 ? "rejected" : "fulfilled", `${index}`);
  }
  assert.equal(world.server.asked.length, 4, "one discovery and one key set more");

  keys = [next.jwk];
  world.ahead += 300_000;
  await world.verify(fresh());
  await assert.rejects(world.verify(old()), (error) => isRefusal(error, "unknown_key"));
});
