/** As much of curl as the documents use, for machines that have none: `-i`, `-H`, `-d` and a URL. */
const headers = new Headers();
let url = "";
let body: string | undefined;
for (let i = 0; i < Deno.args.length; i++) {
  const argument = Deno.args[i]!;
  if (argument === "-i") continue;
  if (argument === "-d") body = Deno.args[++i]!;
  else if (argument === "-H") {
    const [name = "", value = ""] = Deno.args[++i]!.split(": ");
    headers.append(name, value);
  } else if (argument.startsWith("-")) {
    throw new TypeError(`Expected -i, -H or -d, found "${argument}"`);
  } else url = argument;
}
const response = await fetch(
  url,
  body === undefined ? { headers } : { method: "POST", headers, body },
);
console.log(`HTTP/1.1 ${response.status} ${response.statusText}\n\n${await response.text()}`);
