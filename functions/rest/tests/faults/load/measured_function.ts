/** The function as it is deployed, and a line on its memory every 50 ms. */
import "../../../index.ts";

const print = () => console.log(`resident ${Deno.memoryUsage().rss}`);
print();
setInterval(print, 50);
