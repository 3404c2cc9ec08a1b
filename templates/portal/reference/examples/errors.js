const api = `${process.env.PORTAL}/api/v1`;
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };

const answer = await fetch(`${api}/calls/?nummer=0001`, { headers });
if (!answer.ok) {
  const problem = await answer.json();
  for (const [field, messages] of Object.entries(problem.errors ?? {}))
    console.log(problem.status, problem.code, field, ...messages);
}
