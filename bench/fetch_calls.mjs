// SPDX-License-Identifier: MIT
// The same with node's own fetch:
//   fetch_calls.mjs flight BASE CA|- COUNT WIDTH

const [base, , count, width] = process.argv.slice(3);

async function poll(i) {
  const id = String(i % 64).padStart(32, "0");
  const answer = await fetch(`${base}/open/prj_info?project_id=${id}`, {
    headers: { "x-api-key": "bench" },
    signal: AbortSignal.timeout(60000),
  });
  const body = await answer.json();
  if (answer.status !== 200 || body.data.status !== 3) throw new Error("poll");
}

async function run(total) {
  let left = total;
  await Promise.all(Array.from({ length: Number(width) }, async () => {
    while (left > 0) await poll(--left);
  }));
}

await run(4 * width);
const wall = process.hrtime.bigint();
const cpu = process.cpuUsage();
await run(Number(count));
const used = process.cpuUsage(cpu);
console.log("cpu", (used.user + used.system) / 1e6);
console.log("wall", Number(process.hrtime.bigint() - wall) / 1e9);
process.exit(0);
