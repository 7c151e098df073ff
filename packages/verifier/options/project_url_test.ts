import assert from "node:assert/strict";
import { readProjectUrl, readServerUrl } from "./project_url.ts";

const REFUSED: Readonly<Record<string, RegExp>> = {
  "": /such as/,
  "prod-abc123": /begin with "https:\/\/"/,
  "prod-abc123.supabase.co": /begin with "https:\/\/"/,
  "localhost:54321": /such as/,
  "127.0.0.1": /begin with "https:\/\/"/,
  "//prod-abc123.supabase.co": /such as/,
  "https:prod-abc123.supabase.co": /such as/,
  "https:/prod-abc123.supabase.co": /such as/,
  "https://": /such as/,
  "https:///prod-abc123.supabase.co": /such as/,
  "https:\\\\prod-abc123.supabase.co": /such as/,
  "https://prod-abc123 .supabase.co": /such as/,
  "https://prod-abc123\n.supabase.co": /such as/,
  "https://a.example https://b.example": /such as/,
  "ftp://prod-abc123.supabase.co": /such as/,
  "wss://prod-abc123.supabase.co": /such as/,
  "https://user:secret@prod-abc123.supabase.co": /without credentials/,
  "https://secret@prod-abc123.supabase.co": /without credentials/,
  "https://prod-abc123.supabase.co/?x=1": /without a query/,
  "https://prod-abc123.supabase.co?": /without a query/,
  "https://prod-abc123.supabase.co/#api": /without a query/,
  "https://prod-abc123.supabase.co/rest/v1": /leave out "\/rest\/v1"/,
  "https://prod-abc123.supabase.co/rest/v1/": /leave out "\/rest\/v1"/,
  "https://prod-abc123.supabase.co/functions/v1/rest": /leave out "\/functions\/v1"/,
  "https://prod-abc123.supabase.co/auth/v1": /leave out "\/auth\/v1"/,
  "http://kong:8000/rest/v1": /leave out "\/rest\/v1"/,
  "https://supabase.com/dashboard/project/abcdefghijklmnopqrst": /dashboard/,
  "https://app.supabase.com/project/abcdefghijklmnopqrst": /dashboard/,
  "postgresql://postgres:secret@db.prod-abc123.supabase.co:5432/postgres": /database/,
  "postgres://localhost/postgres": /database/,
  "https://db.prod-abc123.supabase.co": /database/,
  "https://aws-0-eu-central-1.pooler.supabase.co": /database/,
  "http://prod-abc123.supabase.co": /no more than/,
  "https://prod-abc123.supabase.co:54321": /no more than/,
  "https://prod-abc123.supabase.co/api": /no more than/,
  "https://[::1": /such as/,
  "https://999.999.999.999": /such as/,
};

const READ: Readonly<Record<string, string>> = {
  "https://prod-abc123.supabase.co": "https://prod-abc123.supabase.co",
  "https://prod-abc123.supabase.co/": "https://prod-abc123.supabase.co",
  "https://prod-abc123.supabase.co//": "https://prod-abc123.supabase.co",
  "HTTPS://PROD-ABC123.supabase.co": "https://prod-abc123.supabase.co",
  "https://prod-abc123.supabase.co:443": "https://prod-abc123.supabase.co",
  " https://prod-abc123.supabase.co\r\n": "https://prod-abc123.supabase.co",
  '"https://prod-abc123.supabase.co"': "https://prod-abc123.supabase.co",
  "'https://prod-abc123.supabase.co/'": "https://prod-abc123.supabase.co",
  "https://api.example.com": "https://api.example.com",
  "https://example.com/supabase/": "https://example.com/supabase",
  "http://127.0.0.1:54321": "http://127.0.0.1:54321",
  "http://localhost:54321/": "http://localhost:54321",
  "http://kong:8000": "http://kong:8000",
  "http://[::1]:54321": "http://[::1]:54321",
  "https://bücher.example": "https://xn--bcher-kva.example",
};

for (const [text, message] of Object.entries(REFUSED)) {
  Deno.test(`readProjectUrl() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => readProjectUrl(text), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("secret"), "the message repeats a password");
      return true;
    });
  });
}

for (const [text, url] of Object.entries(READ)) {
  Deno.test(`readProjectUrl() reads ${JSON.stringify(text)}`, () => {
    assert.equal(readProjectUrl(text), url);
    assert.equal(readServerUrl(text), url);
  });
}

Deno.test("readProjectUrl() refuses what is no text", () => {
  for (const value of [undefined, null, 1, {}, []]) {
    assert.throws(() => Reflect.apply(readProjectUrl, undefined, [value]), TypeError);
  }
});

Deno.test("readServerUrl() takes a path, as PostgREST's own address may have one", () => {
  assert.equal(readServerUrl("http://postgrest:3000"), "http://postgrest:3000");
  assert.equal(readServerUrl("http://kong:8000/rest/v1/"), "http://kong:8000/rest/v1");
});
