// The same five calls with Node's own test runner. Needs a sandbox at TELNYX_BASE_URL, and call_control.mjs running.
import assert from "node:assert/strict";
import { test } from "node:test";
const { TELNYX_API_KEY, TELNYX_BASE_URL } = process.env;
const root = TELNYX_BASE_URL.replace(/\/v2$/, "");
const ask = async (method, path, body) => {
  const answer = await fetch(root + path,
    { method, headers: { authorization: `Bearer ${TELNYX_API_KEY}` }, body: body && JSON.stringify(body) });
  return { status: answer.status, ...(await answer.json()) };
};
const ring = async (...steps) => (await ask("POST", "/sandbox/calls", { steps })).call_control_id;
const callee = (number, more) => ask("POST", "/sandbox/callees", { number, ...more });
const dial = async (to, more) => ask("POST", "/v2/calls",
  { connection_id: (await ask("GET", "/v2/call_control_applications")).data[0].id, from: "+13125550100", to, ...more });
const told = async (type, call) => (await ask("GET",
  `/sandbox/ledger?kind=deliveries&event_type=${type}&call_control_id=${call}&status=200&wait=30`)).deliveries[0].body.data.payload;

test("the second option is put through", async () => {
  const call = await ring({ after: "gathering", press: "2" });
  assert.equal((await told("call.gather.ended", call)).digits, "2");
  await told("call.bridged", call);
});
test("a caller hangs up in the prompt", async () => {
  const call = await ring({ after: "asking", in: 1, hangup: true });
  assert.equal((await told("call.gather.ended", call)).status, "call_hangup");
  assert.equal((await told("call.hangup", call)).hangup_source, "caller");
});
test("whom we call is busy after four seconds", async () => {
  await callee("+13125550042", { steps: [{ at: 4, hangup: { cause: "user_busy" } }] });
  const { data } = await dial("+13125550042");
  assert.equal((await told("call.hangup", data.call_control_id)).hangup_cause, "user_busy");
});
test("a machine beeps", async () => {
  await callee("+13125550042", { answers_as: "machine", greeting: 6 });
  const { data } = await dial("+13125550042", { answering_machine_detection: "detect_beep" });
  assert.equal((await told("call.machine.greeting.ended", data.call_control_id)).result, "beep_detected");
});
test("a country that is not allowed", async () => {
  await callee("+4930*", { refused: "D13" });
  const { status, telnyx_error: reason } = await dial("+493055501000");
  assert.deepEqual([status, reason.error_code], [403, "D13"]);
});
