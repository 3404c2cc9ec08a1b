const headers = { Authorization: `Bearer ${process.env.TOKEN}` };

let url = `${process.env.PORTAL}/api/v1/calls/?page_size=250`;
while (url) {
  const page = await (await fetch(url, { headers })).json();
  for (const call of page.results) console.log(call.call_control_id, call.state);
  url = page.next;
}
