const api = `${process.env.PORTAL}/api/v1`;
const headers = {
  Authorization: `Bearer ${process.env.TOKEN}`,
  "Content-Type": "application/json",
  "Idempotency-Key": crypto.randomUUID(), // kept until the answer has come
};

const { results } = await (await fetch(`${api}/call-control-applications/`, { headers })).json();
const body = JSON.stringify({ name: "Thanks again", connection_id: results[0].id, active: false, rules: [] });
const first = await fetch(`${api}/flows/`, { method: "POST", headers, body });
const again = await fetch(`${api}/flows/`, { method: "POST", headers, body }); // nothing is made twice
console.log(first.status, again.headers.get("Idempotent-Replayed"), (await first.json()).id === (await again.json()).id);
