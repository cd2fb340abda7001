// A reader of feeds as somebody else writes it, with rss-parser: for each line that comes in, it
// reads the feed anew and says the titles that it has, or that the feed is gone.

const readline = require("node:readline");
const Parser = require("rss-parser");

const parser = new Parser();
readline.createInterface({ input: process.stdin }).on("line", async () => {
  try {
    const feed = await parser.parseURL(process.argv[2]);
    console.log(feed.items.map((item) => item.title).sort().join(" | "));
  } catch (error) {
    console.log(/404/.test(error.message) ? "gone" : error.message);
  }
});
