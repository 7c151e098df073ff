/** The traffic: services that are honest, stale, forged, unknown, greedy or gone before the answer. */
import { createTokenSource } from "@countersign/signer";
import { keyFor, type KeyMaterial, TokenForge } from "@countersign/fixture";
import { Client } from "./clients.ts";
import type { Ledger } from "./ledger.ts";
import { always, type Expectation, History, type Judge } from "./model.ts";
import type { Proxy } from "./proxies.ts";

export const ROLE = "invoices_writer";
/** Seconds for which a proxy may go by what it knows. */
export const MAX_STALENESS = 2;
/** Milliseconds for which a proxy remembers that a name is unknown. */
const UNKNOWN_LIFETIME = 750;
/** Milliseconds on top of that for the read that comes next: who waits for it is told what it saw. */
const READ = 300;
/** Milliseconds in which anything is answered. */
const PATIENCE = 15_000;
const PAUSE = 25;
/** Milliseconds for which strangers come, and then stay away: a read for them shows the proxy all other changes. */
const REST = 6_000;

export interface Stage {
  readonly url: string;
  readonly proxies: readonly Proxy[];
  readonly ledger: Ledger;
  readonly judge: Judge;
  readonly guard: History<boolean>;
  /** How many times as long as usual may be taken by what hangs on the machine's speed. */
  readonly slowness: number;
}

/** Somebody who signs: with which key, and what that comes to. */
export class Signer implements Expectation {
  readonly issuer: string;
  readonly material: KeyMaterial;
  readonly verdicts: History<string>;
  readonly staleness: number;
  readonly #forge: TokenForge;

  constructor(stage: Stage, material: KeyMaterial, expected: string, isNew = false) {
    this.issuer = material.issuer;
    this.material = material;
    this.verdicts = new History(expected);
    this.staleness = isNew ? UNKNOWN_LIFETIME + READ * stage.slowness : MAX_STALENESS * 1_000;
    this.#forge = new TokenForge(material, { sub: "press-1", role: ROLE, aud: stage.url });
  }

  static async create(stage: Stage, issuer: string, expected: string, isNew = false) {
    return new Signer(stage, await keyFor(issuer), expected, isNew);
  }

  token(): string {
    return this.#forge.token();
  }

  forgedToken(): string {
    return this.#forge.token({ signature: () => new Uint8Array(64).fill(7) });
  }
}

export class Services {
  readonly #stage: Stage;
  readonly #running: Promise<void>[] = [];
  #stopped = false;
  #turn = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Writes with whatever the signer's key is worth at the time. */
  writer(who: string, signer: () => Signer | undefined, pause = PAUSE): void {
    this.#repeat(async (client) => {
      const current = signer();
      if (current !== undefined) await this.#write(client, who, current, current.token());
    }, pause);
  }

  /** Writes with tokens of the signer library that are used again, every fiftieth with a large body. */
  reusing(who: string, signer: Signer): void {
    const { privateKey, algorithm } = signer.material;
    const source = createTokenSource({
      privateKey,
      algorithm,
      issuer: signer.issuer,
      claims: { sub: "press-1", role: ROLE },
      audience: this.#stage.url,
      reuse: 0.2,
    });
    let count = 0;
    this.#repeat(async (client) => {
      const padding = count++ % 50 === 0 ? " ".repeat(256 * 1024) : "";
      await this.#write(client, who, signer, await source(), padding);
    });
  }

  forger(signer: Signer): void {
    const refused = always("401 token_refused");
    this.#repeat((client) =>
      this.#write(client, "forger", signer, signer.forgedToken(), "", refused)
    );
  }

  /** Names that nobody registered, now and then a thousand at once. */
  strangers(signer: Signer): void {
    const refused = always("401 token_refused");
    let count = 0;
    this.#repeat(async (client) => {
      if (performance.now() % (2 * REST) > REST) return;
      const crowd = ++count % 200 === 0 ? 1_000 : 1;
      const { origin } = this.#proxy();
      const clients = crowd === 1 ? [client] : Array.from({ length: 50 }, () => this.#client());
      await Promise.all(clients.map(async (client, i) => {
        for (let n = i; n < crowd; n += clients.length) {
          const claims = { iss: `stranger-${crypto.randomUUID()}` };
          const token = new TokenForge(signer.material, claims).token();
          this.#stage.judge.judge("stranger", await client.send(origin, LOOK, token), refused);
        }
      }));
      if (crowd > 1) { for (const client of clients) client[Symbol.dispose](); }
    });
  }

  /** Sees its own rows and nobody else's. */
  reader(signer: Signer): void {
    const allowed = always("200");
    this.#repeat(async (client) => {
      const answer = await client.send(this.#proxy().origin, LOOK, signer.token());
      if (!this.#stage.judge.judge("reader", answer, allowed)) return;
      const rows: { owner_issuer: string }[] = JSON.parse(answer.text);
      if (rows.some(({ owner_issuer }) => owner_issuer !== signer.issuer)) {
        this.#stage.judge.wrong(`reader of "${signer.issuer}" was shown somebody else's rows`);
      }
    });
  }

  leaver(signer: Signer): void {
    this.#repeat(async (client) => {
      const name = this.#stage.ledger.name(signer.issuer);
      await client.leave(this.#proxy().origin, writing(name), signer.token());
    }, 4 * PAUSE);
  }

  /** The same single-use token at every proxy at once: one write, where the guard is on. */
  replayer(signer: Signer): void {
    const { judge, ledger, guard, proxies } = this.#stage;
    const either = always("201", "401 token_already_used");
    const others = proxies.map(() => this.#client());
    this.#repeat(async () => {
      if (guard.during(performance.now(), Infinity).has(false)) return;
      const name = ledger.name(signer.issuer);
      const token = signer.token();
      const answers = await Promise.all(
        proxies.map(({ origin }, i) => others[i]!.send(origin, writing(name), token)),
      );
      const known = answers.map((answer) => judge.judge("replayer", answer, either));
      const written = answers.filter(({ verdict }) => verdict === "201").length;
      if (written > 1) judge.wrong(`A single-use token was good for ${written} writes`);
      if (written === 0 && known.every(Boolean)) {
        judge.wrong("A single-use token was good for none");
      }
      if (written > 0) ledger.acknowledge(name);
    }, 4 * PAUSE);
  }

  /** Asks every proxy on behalf of one that nothing ever happens to. */
  async areWelcome(signer: Signer): Promise<boolean> {
    using client = this.#client();
    const answers = this.#stage.proxies.map(({ origin }) =>
      client.send(origin, LOOK, signer.token())
    );
    return (await Promise.all(answers)).every(({ verdict }) => verdict === "200");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #write(
    client: Client,
    who: string,
    signer: Signer,
    token: string,
    padding = "",
    expectation: Expectation = signer,
  ): Promise<void> {
    const { judge, ledger } = this.#stage;
    const name = ledger.name(signer.issuer);
    const answer = await client.send(this.#proxy().origin, writing(name, padding), token);
    judge.judge(who, answer, expectation);
    if (answer.verdict === "201") ledger.acknowledge(name);
    // 503 registry_unavailable says in so many words that nothing was written.
    else if (/^(401|403) |registry_unavailable$/.test(answer.verdict)) ledger.refuse(name);
  }

  #client(): Client {
    return new Client(PATIENCE * this.#stage.slowness);
  }

  #proxy(): Proxy {
    const { proxies } = this.#stage;
    return proxies[this.#turn++ % proxies.length]!;
  }

  #repeat(step: (client: Client) => Promise<void>, pause = PAUSE): void {
    const run = async () => {
      using client = this.#client();
      while (!this.#stopped) {
        await step(client);
        await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
      }
    };
    this.#running.push(run());
  }
}

const LOOK = {
  method: "GET",
  path: "/rest/v1/invoices?select=name,owner_issuer&order=id.desc&limit=5",
};

function writing(name: string, padding = "") {
  return { path: "/rest/v1/invoices", body: JSON.stringify({ name }) + padding };
}
