// Work for a just-in-time compiler: JSON, regular expressions, sorting, closures, maps; for so many seconds.
"use strict";
const words = /(\w+)\s+(\d+)/g;
class Tree {
  constructor(depth) { this.children = depth ? Array.from({ length: 3 }, () => new Tree(depth - 1)) : []; }
  size() { return this.children.reduce((sum, c) => sum + c.size(), 1); }
}
function texts(n) {
  const text = Array.from({ length: n }, (_, i) => `word${i} ${i * 7919 % 1000}`).join(" ");
  return [...text.matchAll(words)].map(m => [m[1], +m[2]]).sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
}
function roundTrip(rows) {
  const text = JSON.stringify(rows.map(([name, value]) => ({ name, value, list: [...Array(value % 20).keys()] })));
  const count = new Map();
  for (const row of JSON.parse(text)) count.set(row.value % 97, (count.get(row.value % 97) || 0) + row.list.length);
  return count.size;
}
const end = Date.now() + 1000 * Number(process.argv[2]);
let total = 0;
(function turn() {
  const until = Math.min(end, Date.now() + 50);
  while (Date.now() < until) total += roundTrip(texts(400)) + new Tree(6).size();
  if (Date.now() < end) setImmediate(turn); else console.log(total);
})();
