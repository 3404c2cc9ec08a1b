const api = `${process.env.PORTAL}/api/v1`;
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };

const answer = await fetch(`${api}/accounts/`, { headers });
for (const account of (await answer.json()).results) console.log(account.name);
