/** What nginx keeps of the function's verdicts: for whom, and what never. */
import assert from "node:assert/strict";
import { registerPublicKey } from "@countersign/registry-admin";
import { type Attempt, keyFor, TcpRelay, TokenForge, until } from "@countersign/fixture";
import { assertRefused, type Host, inProcess, passes, refuses } from "@countersign/fixture/stage";
import { type GatewayStage, openGatewayStage } from "./gateway_stage.ts";

const WHOAMI = "/rest/v1/rpc/whoami";
const PEOPLE = 8;
const ROUNDS = 12;

const get = (path: string, token: string): Attempt => ({ method: "GET", path, token });
const now = () => Math.floor(Date.now() / 1000);

Deno.test("verdicts that nginx keeps", async (t) => {
  let relay: TcpRelay | undefined;
  /** The function behind a line that can be cut, and on which questions are counted. */
  const onALine: Host = {
    name: "on a line",
    async start(env) {
      const running = await inProcess.start(env);
      const line = relay = new TcpRelay(running.origin);
      return {
        ...running,
        origin: line.through(running.origin),
        async [Symbol.asyncDispose]() {
          await line[Symbol.asyncDispose]();
          await running[Symbol.asyncDispose]();
        },
      };
    },
  };
  await using opened = await openGatewayStage("30s", onALine);
  const { stage } = opened;
  const line = relay;
  assert.ok(line !== undefined);

  await t.step("one question serves many requests, whatever their query", async () => {
    const token = stage.warehouse.token();
    await passes(stage, get("/rest/v1/widgets", token));
    const before = line.asked;
    for (let i = 0; i < 20; i++) await passes(stage, get(`/rest/v1/widgets?limit=${i}`, token));
    assert.equal(line.asked, before);
    await passes(stage, get(WHOAMI, token));
    assert.equal(line.asked, before + 1);
  });
  await t.step("no one gets what was answered for another", () => mixed(opened));
  await t.step("a refusal is kept for no one", () => refusals(opened));
  await t.step("without the function, what was kept goes on, and nothing else", async () => {
    await withoutTheFunction(opened, line);
  });
});

/** Good and bad tokens of several people at once, over and over: each must get their own answer. */
async function mixed({ stage }: GatewayStage): Promise<void> {
  const people = Array.from({ length: PEOPLE }, (_, i) => {
    const sub = `press-${i}`;
    const token = stage.warehouse.token({ claims: { sub } });
    return { sub, token, forged: `${token.slice(0, -6)}AAAAAA` };
  });
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(people.flatMap(({ sub, token, forged }) => [
      (async () => {
        const { text } = await stage.send(get(WHOAMI, token));
        assert.equal(JSON.parse(text).claims.sub, sub);
      })(),
      (async () => {
        const { status, text } = await stage.send(get(WHOAMI, forged));
        assert.deepEqual([status, JSON.parse(text).code], [401, "token_refused"]);
      })(),
    ]));
  }
}

async function refusals({ stage }: GatewayStage): Promise<void> {
  const material = await keyFor(`issuer-${crypto.randomUUID().slice(0, 8)}`);
  const issuer = new TokenForge(material, { sub: "press-1", role: "widgets_writer" });
  const attempt = get("/rest/v1/widgets", issuer.token());
  await refuses(stage, "unknown_issuer", attempt);
  await passes(stage, get("/rest/v1/widgets", stage.warehouse.token()));
  await registerPublicKey({
    ...material,
    databaseUrl: stage.target.databaseUrl,
    roles: ["widgets_writer"],
  });
  await until("the very request that was refused passes", async () => {
    return (await stage.send(attempt)).status === 200;
  }, 1_500);
}

async function withoutTheFunction(
  { stage, gateway }: GatewayStage,
  line: TcpRelay,
): Promise<void> {
  const path = "/rest/v1/widgets";
  const token = stage.warehouse.token();
  const once = stage.once.token();
  const observed = stage.observed.token({ claims: { sub: "press-9" } });
  const ending = stage.warehouse.token({ claims: { iat: now() - 60, exp: now() + 1 } });
  for (const each of [token, once, observed, ending]) await passes(stage, get(path, each));

  line.cut();
  await passes(stage, get(path, token));
  await passes(stage, get(`${path}?limit=1`, token));
  const [head = "", payload = "", signature = ""] = token.split(".");
  const notKept: Record<string, Attempt> = {
    "another token of the same issuer": get(path, stage.warehouse.token()),
    "the token with another signature": get(path, `${head}.${payload}.${"A".repeat(342)}`),
    "a piece of the token": get(path, `${head}.${payload}.${signature.slice(0, -1)}`),
    "no token": { ...get(path, token), token: null },
    "another scheme": { ...get(path, token), token: null, headers: [["Authorization", token]] },
    "the scheme in another case": {
      ...get(path, token),
      token: null,
      headers: [["Authorization", `bearer ${token}`]],
    },
    "another path": get("/rest/v1/invoices", token),
    "another spelling of the path": get("/rest//v1/widgets", token),
    "another method": { ...get(path, token), method: "DELETE" },
    "a single-use token": get(path, once),
    "what only observe mode lets through": get(path, observed),
    "a token in its last second": get(path, ending),
  };
  for (const [name, attempt] of Object.entries(notKept)) {
    const before = stage.upstream.asked.length;
    const answer = await stage.send(attempt);
    assert.equal(answer.status, 503, `${name}: ${answer.wire}`);
    assert.equal(answer.headers.get("retry-after"), "1", name);
    assert.equal(stage.upstream.asked.length, before, name);
    const id = answer.headers.get("countersign-request-id") ?? "";
    await until("nginx has logged it", () => gateway.printed().includes(id));
    const lines = gateway.printed().split("\n").filter((line) => line.includes(id));
    assert.deepEqual(lines.map((line) => JSON.parse(line).reason), ["function_unreachable"]);
  }
  line.open();
  await until("the function is reached again", async () => {
    return (await stage.send(get("/rest/v1/invoices", stage.billing.token()))).status === 200;
  }, 15_000);
  assertRefused(await stage.send(notKept["no token"]), "token_missing", stage.function);
}
